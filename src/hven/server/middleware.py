"""What every request goes through: the log, and patience with the database."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from hven.errors import UnavailableError
from hven.jobs.patience import PATIENCE, is_away, patient, reach, unavailable
from hven.web.problems import problem, problem_of, respond
from hven.web.request_ids import current

Answer = Callable[[HttpRequest], HttpResponseBase]

_log = logging.getLogger("hven.server.requests")
_SAFE = ("GET", "HEAD", "OPTIONS")
#: Seconds during which nobody waits any more after somebody waited in vain: threads that all wait
#: would let requests pile up behind them.
_IMPATIENT_SECONDS = 2.0
#: Seconds before a request is answered once more.
_PAUSE = 0.1
#: Marks an answer that was given only because the database was away.
_AWAY = "database_is_away"


class PatientRequests:
    """Waits for a database that is away for a moment; then says 503 and when to try again.

    A request that only reads is done once more when the database went away in the middle of it.
    One that changes something is not: its client knows best, by an idempotency key or by looking.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._impatient_until = 0.0

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request."""
        deadline = time.monotonic() + PATIENCE
        try:
            self._wait(deadline)
            response = self._answer(request)
            while (
                _is_passing(response)
                and request.method in _SAFE
                and time.monotonic() + _PAUSE < deadline
            ):
                time.sleep(_PAUSE)
                self._wait(deadline)
                response = self._answer(request)
        except UnavailableError as error:
            return refusal(error)
        return response

    def process_exception(self, _: HttpRequest, error: Exception) -> HttpResponse | None:
        """Say 503 for passing trouble of the service; all else is left to others."""
        return _passing(error)

    def _wait(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if time.monotonic() < self._impatient_until:
            left = 0
        try:
            patient(reach, left)
        except UnavailableError:
            self._impatient_until = time.monotonic() + _IMPATIENT_SECONDS
            raise


class RequestLog:
    """Writes one line a request."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request."""
        begin = time.monotonic()
        response = self._answer(request)
        level = logging.ERROR if response.status_code == 500 else logging.INFO
        facts = {
            "status": response.status_code,
            "milliseconds": round(1000 * (time.monotonic() - begin), 1),
            "client": request.META.get("REMOTE_ADDR", ""),
            "request": current(),
        }
        _log.log(level, "%s %s", request.method, request.path, extra=facts)
        return response


def refusal(error: UnavailableError) -> HttpResponse:
    """The answer 503, as a problem document (RFC 9457)."""
    return respond(problem_of(error))


def server_error(request: HttpRequest) -> HttpResponse:
    """The answer when something failed outside a view; Django calls it within `except`."""
    error = sys.exception()
    response = _passing(error) if error else None
    if response is not None:
        return response
    _log.error("failed: %s %s", request.method, request.path, exc_info=error)
    return respond(problem(500, "this is a fault of the service; its log says more"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The answer when there is nothing at an address."""
    del exception  # Django gives it by name.
    return respond(problem(404, f"there is nothing at {request.path}"))


def _passing(error: BaseException) -> HttpResponse | None:
    found = unavailable(error)
    if found is None:
        return None
    response = refusal(found)
    vars(response)[_AWAY] = is_away(error)
    _log.warning("%s: %s", found, error)
    return response


def _is_passing(response: HttpResponseBase) -> bool:
    """Whether it says 503 because the database was away, and not as a full or drained service."""
    return bool(vars(response).get(_AWAY))
