"""A form that reaches the administrators by mail."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hven.errors import RateError
from hven.portal.failures import failure
from hven.portal.forms import ContactForm
from hven.portal.letters import mail_administrators
from hven.web import rates


@require_http_methods(["GET", "HEAD", "POST"])
def contact(request: HttpRequest) -> HttpResponse:
    """Ask the administrators something."""
    form = ContactForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            rates.count_try("messages", request.META.get("REMOTE_ADDR") or "")
        except RateError as error:
            return failure(request, 429, str(error))
        # Who fills what people do not see is told the same, and nothing is sent.
        if not form.is_robot():
            words = form.cleaned_data
            mail_administrators(words["name"], words["email"], words["message"])
        messages.success(request, _("Your message is on its way."))
        return redirect("portal:contact")
    return render(request, "portal/contact.html", {"form": form})
