"""The site of the administration: Django's, behind our log-in, with two pages of our own."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path
from django.utils.translation import gettext_lazy as _

#: Tables that an administrator has no business in: secrets of second factors, sessions.
_HIDDEN = ("mfa", "usersessions")


class Site(AdminSite):
    """What `/admin/` is."""

    site_header = site_title = _("Administration of Hven")
    index_title = _("Tables")
    site_url = "/"
    empty_value_display = "–"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register tables, those that are hidden aside."""
        models = model_or_iterable
        if isinstance(models, type):
            models = [models]
        shown = [model for model in models if model._meta.app_label not in _HIDDEN]
        super().register(shown, admin_class, **options)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Our own page: it is throttled, and asks for the second factor."""
        del extra_context
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or "/admin/")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # type: ignore[override]
        """Our own page."""
        del request, extra_context
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Our own page."""
        del request, extra_context
        return redirect("account_change_password")

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """The addresses, with those of our own pages."""
        from hven.portal.views import administration

        pages = [
            path("usage/", self.admin_view(administration.usage), name="usage"),
            path("applications/", self.admin_view(administration.switches), name="switches"),
        ]
        return [*pages, *super().get_urls()]
