"""Users, invitations, tokens."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hven.errors import UnavailableError
from hven.jobs.models import User
from hven.portal.accounts.adapter import vouch
from hven.portal.accounts.letters import mail_invitation
from hven.portal.accounts.links import login_link
from hven.portal.accounts.removal import remove
from hven.portal.admin.jobs import Looking
from hven.web import invitations
from hven.web.addresses import absolute
from hven.web.models import ApiToken, Invitation


class ChangeForm(UserChangeForm):  # type: ignore[type-arg]
    """An account."""

    class Meta(UserChangeForm.Meta):  # noqa: D106
        model = User


class CreationForm(AdminUserCreationForm):  # type: ignore[type-arg]
    """A new account."""

    class Meta(AdminUserCreationForm.Meta):  # noqa: D106
        model = User
        fields = ("username", "email")


@admin.register(User)
class Accounts(UserAdmin):  # type: ignore[type-arg]
    """Who may use the service, and how much of it."""

    form, add_form = ChangeForm, CreationForm
    list_display = ("username", "email", "is_active", "is_staff", "last_login", "date_joined",
                    "job_limit", "byte_limit")  # fmt: skip
    fieldsets = (
        *UserAdmin.fieldsets,  # type: ignore[misc]
        (gettext_lazy("Limits"), {"fields": ("job_limit", "byte_limit")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "email", "usable_password",
                                                 "password1", "password2")}),
    )  # fmt: skip
    actions = ("give_link", "forget_second_factor", "disable", "enable")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Keep an account; an address that an administrator gives needs no proof."""
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            vouch(obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Whose jobs and files go with them; `remove` sees to those."""
        del request
        told = [_("%(name)s, with all jobs and files") % {"name": user} for user in objs]
        return told, {_("users"): len(told)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Remove an account with all it has."""
        del request
        remove(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Remove accounts with all they have."""
        for user in queryset:
            self.delete_model(request, user)

    @admin.action(
        description=gettext_lazy("Show a link that sets a password"), permissions=["change"]
    )
    def give_link(self, request: HttpRequest, found: Any) -> None:
        """For those who are known in person; it is of use once, for three days."""
        for user in found:
            link = login_link(user, absolute(request, ""))
            messages.info(request, format_html("{}: <code>{}</code>", user.username, link))

    @admin.action(description=gettext_lazy("Forget the second factor"), permissions=["change"])
    def forget_second_factor(self, request: HttpRequest, found: Any) -> None:
        """For who has lost it."""
        Authenticator.objects.filter(user__in=found).delete()
        messages.success(request, _("They log in by their passwords alone now."))

    @admin.action(description=gettext_lazy("Keep out"), permissions=["change"])
    def disable(self, request: HttpRequest, found: Any) -> None:
        """Their jobs stay."""
        del request
        found.update(is_active=False)

    @admin.action(description=gettext_lazy("Let in again"), permissions=["change"])
    def enable(self, request: HttpRequest, found: Any) -> None:
        """As before."""
        del request
        found.update(is_active=True)


class InvitationForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new invitation."""

    days = forms.FloatField(
        label=gettext_lazy("Days for which it is of use"), initial=14, min_value=0.01, max_value=365
    )

    class Meta:  # noqa: D106
        model = Invitation
        fields = ("email",)


@admin.register(Invitation)
class Invitations(admin.ModelAdmin):  # type: ignore[type-arg]
    """Who is invited to register."""

    form = InvitationForm
    list_display = ("__str__", "made_by", "created", "expires", "used", "used_by")
    list_select_related = ("made_by", "used_by")
    ordering = ("-created",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only its removal changes one."""
        del request, obj
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may add one sees them."""
        return self.has_add_permission(request) or super().has_view_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Make it; its link is shown once, and mailed where it has an address."""
        del change
        by = request.user if isinstance(request.user, User) else None
        made = invitations.make(obj.email, by, form.cleaned_data["days"])
        obj.pk = made.invitation.pk
        link = invitations.link(made.secret, absolute(request, ""))
        told = _("The invitation's link, shown once:")
        messages.info(request, format_html("{} <code>{}</code>", told, link))
        if obj.email:
            try:
                mail_invitation(made.invitation, link)
                messages.success(request, _("It was mailed to %(email)s.") % {"email": obj.email})
            except UnavailableError as error:
                messages.error(request, str(error))

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: Any = None
    ) -> HttpResponse:
        """Back to the list."""
        del obj, post_url_continue
        return self.response_post_save_add(request, None)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """As Django does, for the row that was made."""
        return super().log_addition(request, Invitation.objects.get(pk=obj.pk), message)


@admin.register(ApiToken)
class Tokens(Looking):
    """Tokens of everybody; their owners make them."""

    list_display = ("name", "owner", "start", "scopes", "created", "expires", "last_used")
    search_fields = ("name", "owner__username", "start")
    list_select_related = ("owner",)
    ordering = ("-created",)
    exclude = ("digest",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may change tokens may make one useless."""
        return self.has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """All but the digest."""
        return [name for name in super().get_readonly_fields(request, obj) if name != "digest"]
