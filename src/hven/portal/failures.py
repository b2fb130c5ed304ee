"""Pages that say what went wrong; they need neither a session nor the database."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hven.portal.policy import protect


class _Words(NamedTuple):
    title: Promise
    text: Promise


_WORDS = {
    400: _Words(_("This request cannot be read"), _("Go back and try again.")),
    403: _Words(
        _("You may not see this"),
        _("It belongs to somebody else, or you have to log in with another account."),
    ),
    404: _Words(
        _("There is nothing here"),
        _("The address is wrong, or what was here has been removed, or it is not yours."),
    ),
    413: _Words(
        _("This is too large"),
        _("Send less at a time, or ask the administrators for more."),
    ),
    429: _Words(
        _("Too many tries"),
        _("Wait a few minutes, then try again."),
    ),
    500: _Words(
        _("This is our fault"),
        _("The service failed here; its log says more. Your jobs go on."),
    ),
    503: _Words(
        _("The service is away for a moment"),
        _("Your jobs go on. Try again in a minute."),
    ),
}


def failure(request: HttpRequest, status: int, detail: str = "") -> HttpResponse:
    """The page of a status that is no success.

    Parameters
    ----------
    request
        What was asked.
    status
        Of HTTP.
    detail
        What more can be said, for people.
    """
    words = _WORDS.get(status, _WORDS[500])
    content = {"status": status, "title": words.title, "text": words.text, "detail": detail}
    response = HttpResponse(render_to_string("portal/failure.html", content), status=status)
    protect(request, response)
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    del exception
    return failure(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return failure(request, 403, str(exception))


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW: a form without its token, mostly one that was open for long."""
    del reason
    told = _("The form was too old, or cookies are off. Load the page again and send it once more.")
    return failure(request, 403, str(told))


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """What allauth shows who tried too often."""
    del exception
    return failure(request, 429)
