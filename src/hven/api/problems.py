"""Errors as clients get them: problem documents (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from hven.errors import Fault, UnavailableError, UserError
from hven.web.authentication import CHALLENGE
from hven.web.statuses import status_of

MEDIA_TYPE = "application/problem+json"


class Problem(NamedTuple):
    """What is answered."""

    status: int
    document: dict[str, Any]
    headers: Mapping[str, str]


def problem_of(error: UserError | UnavailableError, *, known: bool = True) -> Problem:
    """The answer to an error.

    Parameters
    ----------
    error
        What went wrong.
    known
        Whether the client has said who it is. Who has not is asked for it, where somebody else
        may have what was refused.
    """
    status = status_of(error, known=known)
    faults = error.faults if isinstance(error, UserError) else ()
    found = problem(status, str(error), faults)
    if isinstance(error, UnavailableError):
        return found._replace(headers={"Retry-After": str(error.retry_after)})
    return found


def problem(status: int, detail: str, faults: tuple[Fault, ...] = ()) -> Problem:
    """An answer of our own making."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if faults:
        document["faults"] = [{"name": fault.name, "text": fault.text} for fault in faults]
    return Problem(status, document, {"WWW-Authenticate": CHALLENGE} if status == 401 else {})


def respond(found: Problem) -> HttpResponse:
    """A problem as Django answers it."""
    response = HttpResponse(json.dumps(found.document), MEDIA_TYPE, found.status)
    response["Cache-Control"] = "no-store"
    for name, value in found.headers.items():
        response[name] = value
    return response


def handle_errors(api: NinjaAPI) -> None:
    """Have the errors of views answered so; all others go on to Django."""

    def handle(request: HttpRequest, error: Any) -> HttpResponse:
        return respond(_problem(request, error))

    for kind in (
        UserError,
        UnavailableError,
        ValidationError,
        AuthenticationError,
        HttpError,
        Http404,
    ):
        api.add_exception_handler(kind, handle)


def _problem(request: HttpRequest, error: Exception) -> Problem:
    if isinstance(error, UserError | UnavailableError):
        known = getattr(getattr(request, "auth", None), "user", None) is not None
        return problem_of(error, known=known)
    if isinstance(error, ValidationError):
        faults = tuple(map(fault_of, error.errors))
        return problem(400, "\n".join(map(str, faults)), faults)
    if isinstance(error, AuthenticationError):
        return problem(401, "authorization: must be given: a token, or name and password")
    if isinstance(error, HttpError):
        return problem(error.status_code, str(error))
    return problem(404, f"there is nothing at {request.path}")


def fault_of(found: Mapping[str, Any], known: tuple[str, ...] = ()) -> Fault:
    """What pydantic finds wrong, in our words.

    Parameters
    ----------
    found
        One of its errors.
    known
        The names that there are.
    """
    path = [str(part) for part in found["loc"] if part not in ("query", "path", "header", "body")]
    name = ".".join(path) or "body"
    if found["type"] == "missing":
        return Fault(name, "must be given, got nothing")
    if found["type"] == "extra_forbidden":
        told = f"; there are {', '.join(known)}" if known else ""
        return Fault(name, f"is not a field of the request{told}")
    text = str(found["msg"]).replace("Input should be", "must be")
    text = text if text.startswith("must") else f"must be right: {text[:1].lower()}{text[1:]}"
    given = found.get("input", None)
    return Fault(name, f"{text}, got {_shown(given)}" if "input" in found else text)


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."
