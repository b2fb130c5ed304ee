"""Forms of accounts."""

from __future__ import annotations

import zoneinfo
from typing import Any

from allauth.account.forms import SignupForm
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from hven.jobs.configuration import configuration
from hven.portal.accounts import registration
from hven.web.models import Preferences
from hven.web.scopes import USUAL, Scope


class RegistrationForm(SignupForm):  # type: ignore[misc]
    """Who registers; held to the service's policy."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        invited = registration.invitation_of(context.request)
        if invited and invited.email:
            self.fields["email"].initial = invited.email

    def clean_email(self) -> str:
        """The mail address, of a domain that is admitted."""
        email: str = super().clean_email()
        if registration.needs_domain(context.request) and not registration.is_of_domain(email):
            ends = ", ".join(configuration().registration_domains)
            told = _("It must be an address of %(domains)s.") % {"domains": ends}
            raise forms.ValidationError(told)
        return email

    def try_save(self, request: Any) -> tuple[Any, Any]:
        """Make the account, unless somebody else has used up the invitation meanwhile."""
        with transaction.atomic():
            user, response = super().try_save(request)
            if user is not None and not registration.use_up(request, user):
                messages.error(request, _("The invitation has been used."))
                raise ImmediateHttpResponse(redirect("account_signup"))
        return user, response


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]
    """How pages and mails are to be."""

    mail_on = forms.ChoiceField(
        label=_("Mail when a job ends"),
        required=False,
        choices=[("", _("Never")), ("failure", _("Only when it failed")), ("end", _("Always"))],
    )
    time_zone = forms.ChoiceField(label=_("Time zone"))
    language = forms.ChoiceField(label=_("Language"), required=False)
    page_size = forms.TypedChoiceField(
        label=_("Rows a page"),
        coerce=int,
        choices=[(size, str(size)) for size in (10, 25, 50, 100, 200)],
    )
    theme = forms.ChoiceField(
        label=_("Appearance"),
        required=False,
        choices=[("", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))],
    )

    class Meta:  # noqa: D106
        model = Preferences
        fields = ("mail_on", "time_zone", "language", "page_size", "theme")

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        zones = sorted(zoneinfo.available_timezones() - {"localtime"})
        self.fields["time_zone"].choices = [  # type: ignore[attr-defined]
            ("UTC", "UTC"),
            *((zone, zone.replace("_", " ")) for zone in zones if "/" in zone),
        ]
        self.fields["language"].choices = [  # type: ignore[attr-defined]
            ("", _("As the browser")),
            *settings.LANGUAGES,
        ]


_TOKEN_DAYS = [("30", _("30 days")), ("90", _("90 days")), ("365", _("a year")), ("", _("never"))]
_SCOPES = {
    Scope.READ: _("see jobs, results, files and usage"),
    Scope.SUBMIT: _("make jobs and schedules, send files"),
    Scope.MANAGE: _("stop, change and remove jobs, schedules and files"),
    Scope.ACCOUNT: _("make and revoke tokens"),
    Scope.ADMIN: _("be an administrator"),
}


class TokenForm(forms.Form):
    """A new token."""

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("What it is for, in your own words.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"), widget=forms.CheckboxSelectMultiple, initial=sorted(USUAL)
    )
    days = forms.ChoiceField(
        label=_("It expires after"), choices=_TOKEN_DAYS, initial="90", required=False
    )

    def __init__(self, *given: Any, administrator: bool = False, **named: Any) -> None:
        super().__init__(*given, **named)
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]
            (scope.value, text)
            for scope, text in _SCOPES.items()
            if administrator or scope != Scope.ADMIN
        ]


class DeletionForm(forms.Form):
    """That somebody really wants to leave."""

    name = forms.CharField(label=_("Your user name, to be sure"), max_length=150)
    password = forms.CharField(
        label=_("Your password"), max_length=4096, widget=forms.PasswordInput
    )
