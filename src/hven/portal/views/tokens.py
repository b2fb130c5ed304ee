"""Tokens: what programs show instead of a password."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from hven.errors import ParameterError
from hven.jobs.access import is_administrator
from hven.jobs.clock import now
from hven.jobs.models import User
from hven.portal.accounts.forms import TokenForm
from hven.portal.asking import asker, own
from hven.web import scopes
from hven.web import tokens as made_tokens
from hven.web.models import ApiToken


@own
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """One's tokens, and the form that makes one; a new one is shown in the answer, once."""
    user = asker(request)
    assert isinstance(user, User)
    form = TokenForm(request.POST or None, administrator=is_administrator(user))
    secret = _make(user, form) if request.method == "POST" and form.is_valid() else ""
    content = {
        "form": TokenForm(administrator=is_administrator(user)) if secret else form,
        "secret": secret,
        "tokens": ApiToken.objects.filter(owner=user).order_by("-created", "-pk"),
        "moment": now(),
    }
    return render(request, "portal/tokens.html", content)


@own
@require_POST
def revoke(request: HttpRequest, token: int) -> HttpResponse:
    """Make a token useless."""
    user = asker(request)
    assert isinstance(user, User)
    made_tokens.revoke(user, token)
    messages.success(request, _("The token is of no use any more."))
    return redirect("portal:tokens")


def _make(user: User, form: Any) -> str:
    """The secret of a new token; empty where it cannot be, which the form then says."""
    words = form.cleaned_data
    expires = now() + timedelta(days=int(words["days"])) if words["days"] else None
    try:
        made = made_tokens.make(user, words["name"], expires, scopes=scopes.read(words["scopes"]))
    except ParameterError as error:
        for fault in error.faults:
            form.add_error(fault.name if fault.name in form.fields else None, fault.text)
        return ""
    return made.secret
