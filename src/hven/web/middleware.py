"""What every answer goes through: a name for the request, harmless headers, problem documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from hven.web.problems import MEANINGS, MEDIA_TYPE, problem, respond
from hven.web.request_ids import HEADER, begin

Answer = Callable[[HttpRequest], HttpResponseBase]

#: Below which answers are for programs: every error is a problem document there.
API = "/api/"
#: A browser that is led to an answer for programs shows, runs and embeds nothing of it.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_KEPT = ("Allow", "Content-Range", "Retry-After", "WWW-Authenticate")


class RequestIds:
    """Gives each request a name, which its answer, its errors and the log have."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request."""
        name = begin(request.headers.get(HEADER, ""))
        response = self._answer(request)
        response[HEADER] = name
        return response


class AnswersForPrograms:
    """Makes answers below `/api/` safe in a browser, and all their errors problem documents."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request."""
        response = self._answer(request)
        if not request.path.startswith(API):
            return response
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if response.status_code >= 400 and kind != MEDIA_TYPE:
            response = _told(request, response)
        elif _is_refused(request, response, kind):
            told = f"Accept: must admit {kind}, got '{request.headers['Accept'][:80]}'"
            response = respond(problem(406, told))
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def _told(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """An answer that Django or a framework wrote, as a problem."""
    kept: Mapping[str, str] = {
        name: response.headers[name] for name in _KEPT if name in response.headers
    }
    told = {
        404: f"there is nothing at {request.path}",
        405: f"{request.method} cannot be done at {request.path}, {kept.get('Allow')} can",
        416: f"Range: must be within the file, got '{request.headers.get('Range', '')[:80]}'",
    }
    status = response.status_code
    usual = next((text for known, text in MEANINGS.values() if known == status), "it is refused")
    found = problem(status, told.get(status, usual))
    return respond(found._replace(headers={**found.headers, **kept}))


def _is_refused(request: HttpRequest, response: HttpResponseBase, kind: str) -> bool:
    """Whether the client reads no such answer; what has been done is told whatever it reads."""
    if request.method not in ("GET", "HEAD") or response.status_code != 200 or response.streaming:
        return False
    return "Accept" in request.headers and kind != "" and not request.accepts(kind)
