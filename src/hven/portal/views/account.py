"""One's account at a glance, what one prefers, how one comes in."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.i18n import set_language

from hven.errors import RateError
from hven.jobs import limits
from hven.jobs.models import User
from hven.portal import failures
from hven.portal.accounts import preferences, registration
from hven.portal.accounts.forms import PreferencesForm
from hven.portal.asking import asker, own
from hven.web import invitations, rates


@own
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """What one has, and the ways to change it."""
    user = asker(request)
    assert isinstance(user, User)
    content = {
        "active_jobs": limits.active_jobs(user),
        "active_jobs_limit": limits.job_limit(user),
        "bytes": limits.upload_bytes(user) + limits.result_bytes(user),
        "bytes_limit": limits.byte_limit(user),
    }
    return render(request, "portal/account.html", content)


@own
@require_http_methods(["GET", "HEAD", "POST"])
def preferred(request: HttpRequest) -> HttpResponse:
    """How pages and mails are to be."""
    form = PreferencesForm(request.POST or None, instance=preferences.of(request.user))
    if request.method == "POST" and form.is_valid():
        chosen = form.save()
        if chosen.language:
            translation.activate(chosen.language)
        messages.success(request, _("Your preferences are kept."))
        return redirect("portal:preferences")
    return render(request, "portal/preferences.html", {"form": form})


@require_POST
def language(request: HttpRequest) -> HttpResponseBase:
    """Choose the language, for this browser and for who has logged in."""
    preferences.choose_language(request.user, request.POST.get("language", ""))
    return set_language(request)


@require_safe
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Where the link of an invitation leads: to the form by which one registers."""
    try:
        rates.count_try("invitations", request.META.get("REMOTE_ADDR") or "")
    except RateError as error:
        return failures.failure(request, 429, str(error))
    found = invitations.find(secret)
    if found is None:
        messages.error(request, _("This invitation has been used, or its time is over."))
        return redirect("portal:home")
    request.session[registration.SESSION_KEY] = secret
    if found.email:
        # Whoever has the link was given it at this address, or by an administrator.
        request.session["account_verified_email"] = found.email
    return redirect("account_signup")
