"""One's data: taken along, or removed with the account."""

from __future__ import annotations

from django.contrib import auth, messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from hven.errors import RateError
from hven.jobs.models import User
from hven.portal.accounts import export as exporting
from hven.portal.accounts.forms import DeletionForm
from hven.portal.accounts.removal import remove
from hven.portal.asking import asker, own
from hven.web import downloads, rates


@own
@require_safe
def own_data(request: HttpRequest) -> HttpResponse:
    """The two ways."""
    return render(request, "portal/own_data.html", {"form": DeletionForm()})


@own
@require_POST
def export(request: HttpRequest) -> HttpResponseBase:
    """All that is kept of who asks, as one archive."""
    user = asker(request)
    assert isinstance(user, User)
    made = exporting.archive(request, user)
    name = f"hven-{user.get_username()}.zip"
    return downloads.send(request, made, name, "application/zip", "")  # type: ignore[arg-type]


@own
@require_POST
def delete(request: HttpRequest) -> HttpResponse:
    """Remove all that who asks has, and the account."""
    user = asker(request)
    assert isinstance(user, User)
    form = DeletionForm(request.POST)
    if form.is_valid() and _is_sure(request, user, form):
        auth.logout(request)
        remove(user)
        messages.success(request, _("Your account and all that belonged to it are removed."))
        return redirect("portal:home")
    return render(request, "portal/own_data.html", {"form": form}, status=400)


def _is_sure(request: HttpRequest, user: User, form: DeletionForm) -> bool:
    address = request.META.get("REMOTE_ADDR") or ""
    if form.cleaned_data["name"] != user.get_username():
        form.add_error("name", _("It must be your own user name."))
        return False
    if _is_last_administrator(user):
        told = _("You are the only administrator; make somebody else one first.")
        form.add_error(None, told)
        return False
    try:
        rates.require_patience(user.get_username(), address)
    except RateError as error:
        form.add_error("password", str(error))
        return False
    if not user.check_password(form.cleaned_data["password"]):
        rates.count_wrong_password(user.get_username(), address)
        form.add_error("password", _("It is not your password."))
        return False
    return True


def _is_last_administrator(user: User) -> bool:
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    return user.is_superuser and not others.exists()
