"""Answers that are refusals, as the exceptions that the library raises for the same."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from hven.errors import (
    ConflictError,
    CredentialsError,
    Fault,
    ForbiddenError,
    HvenError,
    InputError,
    MissingError,
    ParameterError,
    QuotaError,
    RateError,
    ResourceError,
    ServiceError,
    UnavailableError,
    UserError,
)

if TYPE_CHECKING:
    import httpx

_USER_ERRORS: dict[int, type[UserError]] = {
    400: ParameterError,
    401: CredentialsError,
    403: ForbiddenError,
    404: MissingError,
    409: ConflictError,
    410: MissingError,
    412: ConflictError,
    413: ResourceError,
    422: ParameterError,
}
#: Codes of problems of which there are several with one status.
_OF_CODES: dict[str, type[UserError]] = {"quota": QuotaError, "input": InputError}
#: What is passing, and how long to wait where the answer does not say.
PASSING = (429, 502, 503, 504)
_PAUSE = 5


def refusal(response: httpx.Response) -> HvenError:
    """The exception that an answer stands for; its body must have been read."""
    status = response.status_code
    problem = _problem(response)
    if status in PASSING:
        detail = problem.get("detail") or f"{response.url.host} answers {status} for the moment"
        passing = RateError if status == 429 else UnavailableError
        return passing(str(detail), retry_after(response))
    if not problem:
        return _foreign(response)
    faults = [Fault(str(each["name"]), str(each["text"])) for each in problem.get("faults", ())]
    detail = str(problem.get("detail") or problem.get("title") or status)
    kind = _USER_ERRORS.get(status)
    kind = _OF_CODES.get(str(problem.get("type")).rpartition(":")[2], kind)
    if kind is not None:
        return kind(faults or detail)
    return ServiceError(f"{response.url.host} answered {status}: {detail}")


def retry_after(response: httpx.Response) -> int:
    """Seconds after which it is worth trying again."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return int(text[:9])
    try:
        return max(0, round(parsedate_to_datetime(text).timestamp() - time.time()))
    except ValueError:
        return _PAUSE


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The problem document (RFC 9457); empty when there is none."""
    if "json" not in response.headers.get("Content-Type", ""):
        return {}
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) and "status" in found else {}


def _foreign(response: httpx.Response) -> HvenError:
    """An answer that is none of a Hven's: of a proxy, or of another program altogether."""
    status, kind = response.status_code, response.headers.get("Content-Type", "no content type")
    if status == 401:
        return CredentialsError("authorization: must be given: a token, or name and password")
    if status == 403:
        return ForbiddenError(
            f"{response.url} answers 403 and no Hven's reason: a proxy refuses it"
        )
    return ServiceError(
        f"service: must be the address of a Hven, {response.url} answers {status} {kind}"
    )
