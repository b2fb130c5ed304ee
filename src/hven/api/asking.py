"""What a request says: who asks, its body, and the addresses its answer names."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, TypeVar, cast

from django.http import HttpRequest, HttpResponse
from ninja.security.base import AuthBase
from pydantic import BaseModel, ValidationError

from hven.api.problems import fault_of
from hven.errors import Fault, ForbiddenError, ParameterError, ResourceError
from hven.jobs.models import User
from hven.web import rates
from hven.web.addresses import absolute
from hven.web.authentication import Credential, permit
from hven.web.instants import instant
from hven.web.problems import MediaTypeError
from hven.web.scopes import Scope

#: Below which everything of the API is.
ROOT = "/api/v1"
#: Bytes of the body of a request that is no upload.
MOST_BODY = 16 * 2**20
Body = TypeVar("Body", bound=BaseModel)


class For(AuthBase):
    """Lets in whose credential is for an operation.

    Parameters
    ----------
    scope
        What a token must be for; None is an operation that is open to everybody.
    submits
        Whether it makes a job.
    """

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, scope: Scope | None, *, submits: bool = False) -> None:
        self.scope = scope
        self.submits = submits

    def __call__(self, request: HttpRequest) -> Credential:
        """Who asks, and what may be done with what was shown."""
        if self.scope is None:
            rates.count_request(None, request.META.get("REMOTE_ADDR") or "")
            return Credential(None, frozenset())
        return permit(request, self.scope, submits=self.submits)


#: What operations need.
EVERYBODY, READ, MANAGE = For(None), For(Scope.READ), For(Scope.MANAGE)
SEND, SUBMIT = For(Scope.SUBMIT), For(Scope.SUBMIT, submits=True)
ACCOUNT = For(Scope.ACCOUNT)


def credential(request: HttpRequest) -> Credential:
    """Who asks, and what may be done with what was shown."""
    return cast(Any, request).auth  # type: ignore[no-any-return]


def asker(request: HttpRequest) -> User | None:
    """Who asks; None is anonymous."""
    return credential(request).user


def account(request: HttpRequest) -> User:
    """Who asks.

    Raises
    ------
    ForbiddenError
        It is somebody without an account.
    """
    user = asker(request)
    if user is None:
        raise ForbiddenError("account: must be given for this")
    return user


def address(request: HttpRequest, *parts: object) -> str:
    """The absolute address of something in the API."""
    return absolute(request, ROOT, *parts)


def read_json(request: HttpRequest) -> dict[str, Any]:
    """The body of a request, a JSON object; one that is empty is an empty one.

    Raises
    ------
    ParameterError
        It is none.
    ResourceError
        It is too large.
    MediaTypeError
        It says that it is something else.
    """
    body = request.read(MOST_BODY + 1)
    if len(body) > MOST_BODY:
        raise ResourceError([Fault("body", f"must be at most {MOST_BODY} bytes")])
    if body and request.content_type != "application/json":
        told = f"must be application/json, got '{(request.content_type or '')[:80]}'"
        raise MediaTypeError([Fault("Content-Type", told)])
    try:
        found = json.loads(body, parse_constant=_no_number) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        told = str(error) or "nested too deeply"
        raise ParameterError([Fault("body", f"must be JSON, {told}")]) from error
    if not isinstance(found, dict):
        raise ParameterError([Fault("body", f"must be a JSON object, got {type(found).__name__}")])
    return found


def read_body(request: HttpRequest, model: type[Body]) -> tuple[Body, list[Fault]]:
    """The body of a request as a record, and what is wrong with it.

    What is wrong is left aside, so that the rest is looked at as well, and all faults are told
    together; required texts that are missing or wrong are empty then.
    """
    given = read_json(request)
    try:
        return model.model_validate(given), []
    except ValidationError as error:
        known = tuple(model.model_fields)
        errors = error.errors(include_url=False, include_context=False)
        faults = [fault_of(cast(dict[str, Any], found), known) for found in errors]
        wrong = {str(found["loc"][0]) for found in errors}
        rest = {name: value for name, value in given.items() if name not in wrong}
        needed = {name for name, field in model.model_fields.items() if field.is_required()}
        return model.model_validate({**dict.fromkeys(needed, ""), **rest}), faults


def require_known(request: HttpRequest, model: type[BaseModel]) -> None:
    """Refuse a query with other names than a record's: a filter that is misspelt filters nothing.

    Raises
    ------
    ParameterError
        With each of them.
    """
    known = ", ".join(model.model_fields)
    told = f"is not a parameter of the query; there are {known}"
    faults = [Fault(name, told) for name in request.GET if name not in model.model_fields]
    if faults:
        raise ParameterError(faults)


def answer(document: Any, status: int = 200, **headers: str) -> HttpResponse:
    """A document as JSON, which nothing on the way keeps."""
    response = HttpResponse(json.dumps(document, default=_json), "application/json", status)
    response["Cache-Control"] = "no-store"
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    return response


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    return str(value)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number in JSON")
