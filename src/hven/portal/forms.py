"""Forms of the portal itself."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hven.jobs.models import User


class ContactForm(forms.Form):
    """A message to the administrators."""

    name = forms.CharField(label=_("Your name"), max_length=100)
    email = forms.EmailField(label=_("Your mail address"), max_length=254)
    message = forms.CharField(label=_("Message"), max_length=5000, widget=forms.Textarea)
    #: People do not see it; programs fill it.
    website = forms.CharField(required=False, max_length=200)

    def __init__(self, *given: Any, user: Any = None, **named: Any) -> None:
        super().__init__(*given, **named)
        if isinstance(user, User):
            self.fields["name"].initial = user.get_full_name() or user.get_username()
            self.fields["email"].initial = user.email

    def is_robot(self) -> bool:
        """Whether the field was filled that people do not see."""
        return bool(self.cleaned_data.get("website"))
