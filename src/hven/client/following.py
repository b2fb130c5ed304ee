"""The events of a job as they happen, each once, whatever breaks in between."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from hven.client.connection import STREAM_SECONDS, Connection, Pauses, document
from hven.client.telling import Listener, Told, nobody
from hven.errors import UnavailableError, UnreachableError

#: Phases after which nothing more happens.
ENDED = frozenset({"COMPLETED", "ERROR", "ABORTED", "ARCHIVED"})
#: Seconds for which a service may be away while somebody waits: time to be moved or mended.
AWAY_SECONDS = 3600.0
_PAGE = 1000
#: A stream that brings nothing and ends sooner is not asked for again at once.
_SHORT_SECONDS = 1.0


class JobEvent(NamedTuple):
    """One thing that happened to a job."""

    #: Counts up from 1 without a gap.
    number: int
    #: Which attempt it was.
    attempt: int
    time: datetime
    #: `phase`, `say`, `stage`, `output`, `retry`, `attempt`, `request`, `mail`, `end`.
    kind: str
    #: For people.
    text: str
    #: For programs.
    data: Mapping[str, Any]


class Follower:
    """Follows one job.

    Parameters
    ----------
    connection
        The service.
    job
        The job's id.
    after
        The number of the last event that is known.
    deadline
        When to give up, on the monotonic clock; None is never.
    tell
        Is told that the service is away, and that it is back.
    """

    def __init__(
        self,
        connection: Connection,
        job: str,
        after: int = 0,
        deadline: float | None = None,
        tell: Listener = nobody,
    ) -> None:
        self._connection = connection
        self._path = f"/jobs/{job}"
        self._after = after
        self._deadline = deadline
        self._tell = tell

    def events(self) -> Iterator[JobEvent]:
        """Each event once, in order, until the job has ended.

        Raises
        ------
        TimeoutError
            It had not ended at the deadline.
        MissingError
            The job was deleted.
        UnreachableError, UnavailableError
            The service was away for an hour.
        """
        pauses, away = Pauses(AWAY_SECONDS), False
        while True:
            before, begin = self._after, time.monotonic()
            try:
                yield from self._streamed()
                if self._after == before:
                    # A proxy that holds a stream back would keep everything from us.
                    yield from self._paged()
                state = self._read(self._path)
                if away:
                    self._tell(Told("say", "the service answers again"))
                    away = False
                if state["phase"] in ENDED and self._after >= state["events"]:
                    return
                if self._after == before and time.monotonic() - begin < _SHORT_SECONDS:
                    self._sleep(_SHORT_SECONDS)
                pauses.reset()
            except (UnreachableError, UnavailableError) as trouble:
                if not away:
                    self._tell(Told("say", f"{trouble}; trying again"))
                    away = True
                self._check_deadline()
                pauses.after(trouble, until=self._deadline)
            self._check_deadline()

    def _streamed(self) -> Iterator[JobEvent]:
        """What one connection brings; it ends with the job, or when it breaks off."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(self._after)}
        seconds = STREAM_SECONDS
        if self._deadline is not None:
            seconds = max(0.05, min(seconds, self._deadline - time.monotonic()))
        stream = self._connection.stream(
            "GET", f"{self._path}/stream", headers=headers, read_seconds=seconds
        )
        with contextlib.suppress(UnreachableError), stream as answer:
            for line in _lines(answer.iter_bytes()):
                if line.startswith(b"data:"):
                    yield from self._new([json.loads(line[5:])])
                self._check_deadline()

    def _paged(self) -> Iterator[JobEvent]:
        page = [None] * _PAGE
        while len(page) == _PAGE:
            page = self._read(f"{self._path}/events", after=self._after, limit=_PAGE)["events"]
            yield from self._new(page)

    def _new(self, found: Iterable[Any]) -> Iterator[JobEvent]:
        for each in found:
            if each["number"] > self._after:
                self._after = each["number"]
                yield event_of(each)

    def _read(self, path: str, **params: Any) -> Any:
        return document(self._connection.ask("GET", path, params=params, patience=0))

    def _sleep(self, seconds: float) -> None:
        if self._deadline is not None:
            seconds = min(seconds, self._deadline - time.monotonic())
        time.sleep(max(0.0, seconds))

    def _check_deadline(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise TimeoutError("the job has not ended in time; it goes on")


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines; one that broke off is not told. A text may have other ends of lines in it."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines


def event_of(found: Mapping[str, Any]) -> JobEvent:
    """An event as the API has it."""
    return JobEvent(
        found["number"],
        found["attempt"],
        datetime.fromisoformat(found["time"]),
        found["kind"],
        found["text"],
        found["data"],
    )
