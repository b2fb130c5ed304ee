"""Any service that follows IVOA UWS 1.1 or 1.0: jobs made, followed, fetched."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from hven.client.connection import PATIENCE, Credentials
from hven.client.telling import Told, nobody
from hven.client.uws_documents import (
    UwsDocument,
    UwsError,
    UwsReference,
    UwsResult,
    read_job,
    read_jobs,
)
from hven.client.uws_requests import Requests
from hven.client.uws_results import UwsResults
from hven.errors import (
    CancelledError,
    HvenError,
    JobError,
    MissingError,
    TransientError,
    UnavailableError,
    UnreachableError,
)
from hven.progress.display import display

__all__ = ["Uws", "UwsError", "UwsJob", "UwsReference", "UwsResult"]

#: Phases after which nothing more happens.
_ENDED = frozenset({"COMPLETED", "ERROR", "ABORTED", "ARCHIVED"})
#: Phases in which the standard has a service hold WAIT back until there is another one.
_BLOCKING = frozenset({"PENDING", "QUEUED", "EXECUTING"})
#: Seconds that a service is asked to wait: proxies cut what is silent for a minute.
_WAIT_SECONDS = 50
#: Seconds between two looks where WAIT is not understood: so many at first, so many at most.
_FIRST_LOOK, _LAST_LOOK = 0.5, 15.0
#: An answer to WAIT that came sooner, with the same phase, was none.
_SOON = 0.5


class Uws:
    """A UWS service, whoever runs it.

    Parameters
    ----------
    url
        Its list of jobs, as `https://example.org/tap/async`.
    token
        Shown as `Authorization: Bearer`.
    name, password
        Shown by HTTP Basic, instead of a token.
    patience
        Seconds for which passing trouble is waited for.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        name: str = "",
        password: str = "",
        patience: float = PATIENCE,
    ) -> None:
        self._requests = Requests(url, Credentials(token, name, password), patience)
        #: Its list of jobs.
        self.url = self._requests.url

    def jobs(
        self,
        phase: str | Iterable[str] = (),
        *,
        after: datetime | str | None = None,
        last: int | None = None,
    ) -> list[UwsReference]:
        """One's jobs.

        Parameters
        ----------
        phase
            Only those in this phase, or in one of these.
        after
            Only those made later.
        last
            So many of the newest.

        Notes
        -----
        UWS 1.0 knows no filters; what a service leaves in its list is left out here.
        """
        phases = [phase] if isinstance(phase, str) else list(phase)
        wanted = [each.upper() for each in phases if each]
        query: list[tuple[str, str]] = [("PHASE", each) for each in wanted]
        if after is not None:
            query.append(("AFTER", after if isinstance(after, str) else _utc(after)))
        if last is not None:
            query.append(("LAST", str(last)))
        answer = self._requests.get(self.url, query)
        found = read_jobs(answer.content, str(answer.url))
        if wanted:
            found = [job for job in found if job.phase in (*wanted, "UNKNOWN")]
        if isinstance(after, datetime):
            found = [job for job in found if job.created is None or job.created > after]
        return found if last is None else found[:last]

    def job(self, job: str) -> UwsJob:
        """The job of that id, or at that address."""
        url = job if "://" in job else f"{self.url}/{job}"
        return UwsJob(self._requests, url)

    def create(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        files: Mapping[str, str | Path] | None = None,
        run: bool = False,
        **more: Any,
    ) -> UwsJob:
        """Make a job.

        Parameters
        ----------
        parameters, more
            By name; a list or tuple gives its parameter several times.
        files
            Files that are sent with the request, by the name of their parameter.
        run
            Whether it is started at once.
        """
        given = {**(parameters or {}), **more}
        if run:
            given["PHASE"] = "RUN"
        url = self._requests.make(given, files or {})
        return UwsJob(self._requests, url)

    def run(self, parameters: Mapping[str, Any] | None = None, **more: Any) -> UwsJob:
        """Make a job and start it."""
        return self.create(parameters, run=True, **more)

    def close(self) -> None:
        """Close all connections; jobs go on."""
        self._requests.close()

    def __enter__(self) -> Uws:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<UWS at {self.url}>"


class UwsJob:
    """A job of a UWS service; what is asked of it is what the service says now.

    Parameters
    ----------
    requests
        The service.
    url
        Where the job is.
    """

    def __init__(self, requests: Requests, url: str) -> None:
        self._requests = requests
        #: Where it is.
        self.url = url.partition("?")[0].rstrip("/")
        self._found: UwsDocument | None = None

    @property
    def document(self) -> UwsDocument:
        """All that the service says of it now."""
        return self._read([])

    @property
    def id(self) -> str:
        """By which the service knows it."""
        return self._known.id

    @property
    def phase(self) -> str:
        """Where it is in its life."""
        return self.document.phase

    @property
    def parameters(self) -> Mapping[str, str]:
        """Its parameters; one that is by reference is an address."""
        return self.document.parameters

    @property
    def results(self) -> UwsResults:
        """Its results, by id."""
        return UwsResults(self._requests, self.document.results, self.id)

    @property
    def error(self) -> UwsError | None:
        """Why it failed, where the service says so."""
        return self.document.error

    def error_text(self) -> str:
        """All that the service says of its failure; empty where there is none."""
        try:
            return self._requests.get(f"{self.url}/error").text
        except MissingError:
            return ""

    def run(self) -> UwsJob:
        """Start it."""
        return self._post("phase", PHASE="RUN")

    def abort(self) -> UwsJob:
        """Stop it for good."""
        return self._post("phase", PHASE="ABORT")

    def set_destruction(self, until: datetime | str) -> UwsJob:
        """Say when it is to be removed; the service may choose an earlier time."""
        text = until if isinstance(until, str) else _utc(until)
        return self._post("destruction", DESTRUCTION=text)

    def set_duration(self, seconds: int) -> UwsJob:
        """Say how long it may run; 0 is as long as the service allows."""
        return self._post("executionduration", EXECUTIONDURATION=str(seconds))

    def delete(self) -> None:
        """Remove it and its results."""
        self._requests.delete(self.url)

    def wait(
        self, timeout: float | None = None, *, progress: bool = False, check: bool = True
    ) -> UwsJob:
        """Wait until it has ended; gives the job itself.

        Parameters
        ----------
        timeout
            Seconds after which TimeoutError is raised; the job goes on. None waits for its end.
        progress
            Whether each change of its phase is shown.
        check
            Whether a job that failed or was stopped raises JobError, TransientError or
            CancelledError.

        Notes
        -----
        A service of UWS 1.1 is asked to answer when the phase changes, again and again for less
        than a minute; one that does not understand is looked at more and more seldom. HELD and
        SUSPENDED are waited through.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with display(shown=progress) as listener:
            tell = listener if progress else nobody
            told, look = "", _FIRST_LOOK
            found = self.document
            while True:
                if found.phase != told:
                    told, look = found.phase, _FIRST_LOOK
                    tell(Told("say", f"job {found.id} is {told.lower()}"))
                if found.phase in _ENDED:
                    break
                found, look = self._next(found.phase, look, deadline)
        failure = _failure(found)
        if check and failure is not None:
            raise failure
        return self

    def _next(self, phase: str, look: float, deadline: float | None) -> tuple[UwsDocument, float]:
        """What the job is next; and how long to pause before the look after that."""
        begin = time.monotonic()
        left = float("inf") if deadline is None else deadline - begin
        if left <= 0:
            raise TimeoutError(f"job {self.id} has not ended in time; it goes on, it is {phase}")
        seconds = max(1, int(min(_WAIT_SECONDS, left)))
        query = [("WAIT", str(seconds)), ("PHASE", phase)] if phase in _BLOCKING else []
        try:
            found = self._read(query, read_seconds=seconds + 20)
        except (UnreachableError, UnavailableError):
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"job {self.id} was not heard of in time") from None
            raise
        waited = time.monotonic() - begin
        if found.phase != phase or waited >= min(_SOON, left):
            return found, _FIRST_LOOK
        time.sleep(max(0.0, min(look, left - waited)))
        return found, min(1.5 * look, _LAST_LOOK)

    @property
    def _known(self) -> UwsDocument:
        return self._found if self._found is not None else self.document

    def _read(self, query: list[tuple[str, str]], read_seconds: float | None = None) -> UwsDocument:
        answer = self._requests.get(self.url, query, read_seconds=read_seconds)
        self._found = read_job(answer.content, f"{self.url}/")
        return self._found

    def _post(self, part: str, **given: str) -> UwsJob:
        self._requests.post(f"{self.url}/{part}", given)
        return self

    def __repr__(self) -> str:
        known = self._known
        return f"<UWS job {known.id}, {known.phase}>"


def _failure(found: UwsDocument) -> HvenError | None:
    message = found.error.message if found.error else "the service does not say why"
    if found.phase == "ERROR":
        passing = found.error is not None and found.error.transient
        return TransientError(message) if passing else JobError(message)
    if found.phase == "ABORTED":
        return CancelledError(found.error.message if found.error else "the job was stopped")
    return None


def _utc(moment: datetime) -> str:
    from datetime import UTC

    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
