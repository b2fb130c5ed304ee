"""Errors as clients get them: problem documents (RFC 9457), alike whoever writes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from django.http import HttpResponse

from hven.errors import (
    ConflictError,
    CredentialsError,
    Fault,
    ForbiddenError,
    InputError,
    MissingError,
    ParameterError,
    QuotaError,
    RateError,
    ResourceError,
    UnavailableError,
    UserError,
)
from hven.jobs.upload_files import ChecksumError
from hven.web.request_ids import current
from hven.web.scopes import ScopeError

MEDIA_TYPE = "application/problem+json"
#: What a client is told that has to say who it is.
CHALLENGE = 'Bearer realm="hven", Basic realm="hven", charset="UTF-8"'
#: What `type` begins with; the code follows.
TYPE = "urn:hven:problem:"


class ForgeryError(ForbiddenError):
    """A session's cookie came without the mark that says that its owner means it."""


class MediaTypeError(UserError):
    """The body of a request is of another type than can be read."""


class VersionError(UserError):
    """The client speaks another version of a protocol.

    Parameters
    ----------
    text
        What is wrong.
    headers
        Tells the client what it could speak.
    """

    def __init__(self, text: str, headers: Mapping[str, str]) -> None:
        super().__init__(text)
        self.headers = headers


class Meaning(NamedTuple):
    """What a code stands for."""

    status: int
    text: str


#: By code, the last part of `type`. Codes stay; others may be added.
MEANINGS = {
    "request": Meaning(400, "The request cannot be read."),
    "parameter": Meaning(400, "Something in the request is wrong; `faults` names each of it."),
    "input": Meaning(400, "An input file cannot be used."),
    "credentials": Meaning(401, "Nobody is known by what was shown, or nothing was shown."),
    "forbidden": Meaning(403, "It belongs to somebody else, or is for administrators."),
    "scope": Meaning(403, "The token is not for that, though its owner may do it."),
    "forgery": Meaning(403, "A session's request came without the header X-CSRFToken."),
    "quota": Meaning(403, "The user has as many jobs or bytes as one may have."),
    "missing": Meaning(404, "There is nothing of that name."),
    "method": Meaning(405, "That cannot be done with it; `Allow` has what can."),
    "accept": Meaning(406, "It cannot be given as the header Accept wants it."),
    "conflict": Meaning(409, "It is not in a state in which that can be done."),
    "version": Meaning(412, "The version of the protocol is another; `Tus-Version` has ours."),
    "length": Meaning(411, "The request must say its Content-Length."),
    "too_large": Meaning(413, "It is larger than it may be."),
    "media_type": Meaning(415, "The body is of a type that cannot be read."),
    "range": Meaning(416, "The file has no such bytes; `Content-Range` has its size."),
    "rate": Meaning(429, "The client asks too often; `Retry-After` says when to come again."),
    "checksum": Meaning(460, "What came is not what was announced; send it again."),
    "internal": Meaning(500, "A fault of the service; its log says more under the request's id."),
    "unavailable": Meaning(503, "The service takes nothing now; `Retry-After` says when it may."),
}
_CODES: tuple[tuple[type[Exception], str], ...] = (
    (CredentialsError, "credentials"),
    (MediaTypeError, "media_type"),
    (MissingError, "missing"),
    (VersionError, "version"),
    (ChecksumError, "checksum"),
    (ScopeError, "scope"),
    (ForgeryError, "forgery"),
    (ForbiddenError, "forbidden"),
    (QuotaError, "quota"),
    (ConflictError, "conflict"),
    (ResourceError, "too_large"),
    (ParameterError, "parameter"),
    (InputError, "input"),
    (UserError, "request"),
    (RateError, "rate"),
    (UnavailableError, "unavailable"),
)
_OF_STATUS = {meaning.status: code for code, meaning in reversed(MEANINGS.items())}


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
    code = next(code for kind, code in _CODES if isinstance(error, kind))
    if code == "forbidden" and not known:
        code = "credentials"
    faults = error.faults if isinstance(error, UserError) else ()
    found = problem(MEANINGS[code].status, str(error), faults, code=code)
    if isinstance(error, VersionError):
        return found._replace(headers=error.headers)
    if isinstance(error, UnavailableError):
        return found._replace(headers={"Retry-After": str(error.retry_after)})
    return found


def problem(
    status: int, detail: str, faults: Iterable[Fault] = (), *, code: str | None = None
) -> Problem:
    """An answer of our own making.

    Parameters
    ----------
    status
        Of HTTP.
    detail
        What is wrong with this request, for people.
    faults
        By parameter.
    code
        One of MEANINGS, for programs; the first of that status where none is given.
    """
    code = code or _OF_STATUS.get(status, "request")
    document: dict[str, Any] = {
        "type": TYPE + code,
        "title": _title(status),
        "status": status,
        "detail": detail,
        "code": code,
    }
    listed = [{"name": fault.name, "text": fault.text} for fault in faults]
    if listed:
        document["faults"] = listed
    if current():
        document["request_id"] = current()
    return Problem(status, document, {"WWW-Authenticate": CHALLENGE} if status == 401 else {})


def respond(found: Problem) -> HttpResponse:
    """A problem as Django answers it."""
    response = HttpResponse(json.dumps(found.document), MEDIA_TYPE, found.status)
    response["Cache-Control"] = "no-store"
    for name, value in found.headers.items():
        response[name] = value
    return response


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Checksum Mismatch"
