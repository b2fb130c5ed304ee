"""Requests to a UWS service: redirects followed by our own rules, refusals raised."""

from __future__ import annotations

import contextlib
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hven.client.connection import (
    READ_SECONDS,
    Connection,
    Credentials,
    Pauses,
    never_sent,
    transport_errors,
)
from hven.client.refusals import PASSING, retry_after
from hven.errors import (
    ConflictError,
    CredentialsError,
    ForbiddenError,
    HvenError,
    MissingError,
    ParameterError,
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
    405: ConflictError,
    409: ConflictError,
    410: MissingError,
}
#: Characters of an answer that are told of a refusal.
_TOLD = 500


class Requests:
    """The requests of one service.

    Parameters
    ----------
    url
        Its list of jobs.
    credentials
        Who asks.
    patience
        Seconds for which passing trouble is waited for.
    """

    def __init__(self, url: str, credentials: Credentials, patience: float) -> None:
        self._connection = Connection(url, credentials, patience, whole_address=True)
        self.url = self._connection.url.rstrip("/")
        self.connection = self._connection

    def close(self) -> None:
        """Close all connections."""
        self._connection.close()

    def get(
        self,
        url: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        read_seconds: float | None = None,
    ) -> httpx.Response:
        """What is at an address, through redirects."""
        return self._ask("GET", url, again=True, params=query or None, read_seconds=read_seconds)

    def make(self, given: Mapping[str, Any], files: Mapping[str, str | Path]) -> str:
        """Make a job; gives where it is."""
        return self._target(self._send(self.url, given, files))

    def post(self, url: str, given: Mapping[str, str]) -> None:
        """Change something of a job; where it leads is not looked at."""
        self._send(url, given, {})

    def delete(self, url: str) -> None:
        """Remove a job; by the other form of the standard where DELETE is not allowed."""
        try:
            self._ask("DELETE", url, again=True, follow=False)
        except ConflictError:
            self._send(url, {"ACTION": "DELETE"}, {})

    def _send(
        self, url: str, given: Mapping[str, Any], files: Mapping[str, str | Path]
    ) -> httpx.Response:
        with contextlib.ExitStack() as stack:
            parts = {
                name: (Path(path).name, stack.enter_context(Path(path).open("rb")))
                for name, path in files.items()
            }
            data = {name: _texts(value) for name, value in given.items()}
            return self._ask("POST", url, again=False, follow=False, data=data, files=parts or None)

    def _ask(
        self,
        method: str,
        url: str,
        *,
        again: bool,
        follow: bool = True,
        read_seconds: float | None = None,
        **more: Any,
    ) -> httpx.Response:
        pauses = Pauses(self._connection.patience)
        timeout = self._connection.timeout(read_seconds or READ_SECONDS)
        while True:
            try:
                response = self._connection.http.request(
                    method, url, follow_redirects=follow, timeout=timeout, **more
                )
            except transport_errors() as error:
                pauses.after(self._connection.unreachable(error), again=again or never_sent(error))
                continue
            if response.is_success or (response.is_redirect and not follow):
                return response
            passing = response.status_code in PASSING and (again or response.status_code == 429)
            pauses.after(_refusal(response), again=passing)

    def _target(self, response: httpx.Response) -> str:
        """Where a job was made: the redirect's target, or what the answer itself says."""
        location: str = response.headers.get("Location", "")
        if location:
            return urllib.parse.urljoin(str(response.url), location)
        # Some answer 200 with the job in it.
        from hven.client.uws_documents import read_job

        found = read_job(response.content, f"{self.url}/")
        return f"{self.url}/{urllib.parse.quote(found.id, safe='')}"


def _texts(value: Any) -> list[str] | str:
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    return str(value)


def _refusal(response: httpx.Response) -> HvenError:
    status = response.status_code
    text = _words(response)
    if status in PASSING:
        return UnavailableError(f"{response.url.host}: {text}", retry_after(response))
    kind = _USER_ERRORS.get(status)
    told = f"{response.url} answers {status}: {text}"
    return kind(told) if kind is not None else ServiceError(told)


def _words(response: httpx.Response) -> str:
    """What an answer says for people; VOTables and pages without their marks."""
    text = response.text
    if text.lstrip().startswith("<"):
        # A VOTable of DALI has its error in the INFO of that value.
        found = re.search(r'<INFO[^>]*value="ERROR"[^>]*>(.*?)</INFO>', text, re.DOTALL)
        text = re.sub(r"<[^>]*>", " ", found[1] if found else text)
    words = " ".join(text.split())[:_TOLD]
    return words or response.reason_phrase or "no reason"
