"""Errors of the API's views as problem documents (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from hven.errors import Fault, UnavailableError, UserError
from hven.web.problems import Problem, problem, problem_of, respond

__all__ = ["fault_of", "handle_errors", "problem_of"]


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
        return problem(400, "\n".join(map(str, faults)), faults, code="parameter")
    if isinstance(error, AuthenticationError):
        return problem(401, "authorization: must be given: a token, or name and password")
    if isinstance(error, HttpError):
        return problem(error.status_code, str(error))
    # Http404 is what is left.
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
    where = list(found["loc"])
    if where[0] == "query" and len(where) > 2:
        del where[1]  # The view's own name for the whole of the query.
    path = [str(part) for part in where if part not in ("query", "path", "header", "body")]
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
