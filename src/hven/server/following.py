"""Following jobs: one reader of the database for everybody who listens to this web process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from django.db import Error, connection

from hven.api.documents import event_document
from hven.jobs.models import Event, Job
from hven.jobs.phases import TERMINAL, Phase
from hven.server.listening import Listener

T = TypeVar("T")

_log = logging.getLogger("hven.server.following")
#: Seconds between two looks at the jobs that somebody follows, ...
_LOOK_EVERY = 0.1
#: ... and where the database tells that something happened: an announcement may be lost.
_LISTENING_LOOK_EVERY = 1.0
#: Seconds from an announcement to the look, so that one look is enough for many.
_GATHERING = 0.01
#: Seconds until the next look when the database is away.
_AWAY_PAUSE = 1.0
#: Events of a job that are kept for those who follow it; older ones are read for who asks.
_KEPT = 1000
#: Events that are read at a time.
_PAGE = 500
#: Jobs in one statement.
_JOBS_A_STATEMENT = 500

_ENDED = frozenset({*(phase.value for phase in TERMINAL), Phase.ARCHIVED.value})


class State(NamedTuple):
    """What is looked at of a job."""

    #: The number of its newest event.
    newest: int
    phase: str
    #: It was deleted.
    gone: bool = False

    @property
    def ended(self) -> bool:
        """Whether nothing more is to come of it."""
        return self.gone or self.phase in _ENDED


class Frame(NamedTuple):
    """An event as a stream sends it."""

    number: int
    content: bytes


class Followed:
    """A job that somebody follows."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.followers = 0
        self._frames: list[Frame] = []
        self._changed = asyncio.Event()

    def since(self, number: int) -> list[Frame] | None:
        """The events after that one; None when some of them are not kept here."""
        if number >= self.state.newest:
            return []
        if not self._frames or self._frames[0].number > number + 1:
            return None
        return self._frames[number + 1 - self._frames[0].number :]

    def take(self, state: State, frames: Iterable[Frame]) -> None:
        """Take what is new, and wake those who follow."""
        for frame in frames:
            if self._frames and frame.number != self._frames[-1].number + 1:
                self._frames = []
            self._frames.append(frame)
        del self._frames[:-_KEPT]
        self.state = state
        self.wake()

    def wake(self) -> None:
        """Wake those who wait."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self, seconds: float) -> bool:
        """Wait until there is something new; False when there was nothing for so long."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False
        return True


class Hub:
    """All jobs that are followed through this process.

    One thread reads the database for all of them, and only while there is somebody: some times a
    second, or when PostgreSQL tells that something happened. Whoever is woken finds the events
    already there, written as they are sent.
    """

    def __init__(self) -> None:
        self.closed = False
        self._jobs: dict[uuid.UUID, Followed] = {}
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._poller: asyncio.Task[None] | None = None
        self._listener = Listener(self._hear)
        self._listening: asyncio.Task[None] | None = None
        self._stirred = asyncio.Event()

    async def follow(self, job: uuid.UUID) -> Followed | None:
        """Begin to follow a job; None when there is none. `leave` must be called in the end."""
        if job not in self._jobs:
            found = await self.read(lambda: _states([job]))
            if job not in found:
                return None
            self._jobs.setdefault(job, Followed(found[job]))
        followed = self._jobs[job]
        followed.followers += 1
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        if self._listening is None:
            self._listening = asyncio.create_task(self._listener.run())
        return followed

    def leave(self, job: uuid.UUID) -> None:
        """End following."""
        followed = self._jobs[job]
        followed.followers -= 1
        if not followed.followers:
            del self._jobs[job]

    async def wait_for(
        self, job: uuid.UUID, enough: Callable[[State], bool], seconds: float
    ) -> State | None:
        """Wait until a job is as wanted, or for so long; gives how it is then.

        Parameters
        ----------
        job
            Which one.
        enough
            What is waited for.
        seconds
            At most.

        Returns
        -------
        State or None
            None when there is no such job.
        """
        deadline = time.monotonic() + seconds
        followed = await self.follow(job)
        if followed is None:
            return None
        try:
            while not self.closed and not enough(followed.state) and not followed.state.gone:
                left = deadline - time.monotonic()
                if left <= 0 or not await followed.change(left):
                    break
            return followed.state
        finally:
            self.leave(job)

    async def page(self, job: uuid.UUID, after: int) -> list[Frame]:
        """Events of a job after that number, as many as are read at a time."""
        return await self.read(lambda: _frames({job: after}, _PAGE).get(job, []))

    async def read(self, call: Callable[[], T]) -> T:
        """What `call` reads, by the one thread that reads.

        Raises
        ------
        django.db.Error
            The database did not answer.
        """
        return await asyncio.get_running_loop().run_in_executor(self._reader, _closing, call)

    def close(self) -> None:
        """Have everybody leave."""
        self.closed = True
        if self._listening is not None:
            self._listening.cancel()
        for followed in self._jobs.values():
            followed.wake()

    async def _poll(self) -> None:
        while self._jobs and not self.closed:
            pause = _LISTENING_LOOK_EVERY if self._listener.listens else _LOOK_EVERY
            self._stirred.clear()
            try:
                await self._look()
            except Error as error:
                # Who follows hears nothing for a while, and then all that was missed.
                _log.warning("the database does not answer: %s", error)
                pause = _AWAY_PAUSE
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), pause)
                await asyncio.sleep(_GATHERING)

    def _hear(self, job: uuid.UUID) -> None:
        if job in self._jobs:
            self._stirred.set()

    async def _look(self) -> None:
        known = {job: followed.state for job, followed in self._jobs.items()}
        states, frames = await self.read(lambda: _news(known))
        for job, state in states.items():
            followed = self._jobs.get(job)
            if followed is not None and followed.state == known[job]:
                followed.take(state, frames.get(job, []))


def _news(
    known: dict[uuid.UUID, State],
) -> tuple[dict[uuid.UUID, State], dict[uuid.UUID, list[Frame]]]:
    """The jobs that are not as they were, and their new events."""
    found = _states(list(known))
    for job in known:
        # A row that is gone altogether was removed by an administrator.
        found.setdefault(job, known[job]._replace(gone=True))
    changed = {job: state for job, state in found.items() if state != known[job]}
    frames: dict[uuid.UUID, list[Frame]] = {}
    for job, state in changed.items():
        if state.newest > known[job].newest:
            frames |= _frames({job: max(known[job].newest, state.newest - _KEPT)}, _KEPT)
    for job, found_frames in frames.items():
        # Those that came between the two statements are taken with the next look.
        frames[job] = [frame for frame in found_frames if frame.number <= changed[job].newest]
    return changed, frames


def _states(jobs: list[uuid.UUID]) -> dict[uuid.UUID, State]:
    found: dict[uuid.UUID, State] = {}
    for begin in range(0, len(jobs), _JOBS_A_STATEMENT):
        some = jobs[begin : begin + _JOBS_A_STATEMENT]
        rows = Job.objects.filter(pk__in=some).values_list("pk", "events", "phase", "deleted")
        found |= {job: State(newest, phase, gone is not None) for job, newest, phase, gone in rows}
    return found


def _frames(after: dict[uuid.UUID, int], limit: int) -> dict[uuid.UUID, list[Frame]]:
    found: dict[uuid.UUID, list[Frame]] = {}
    for job, number in after.items():
        rows = Event.objects.filter(job=job, sequence__gt=number).order_by("sequence")[:limit]
        found[job] = [Frame(event.sequence, _written(event)) for event in rows]
    return found


def _written(event: Event) -> bytes:
    record = json.dumps(event_document(event), ensure_ascii=False)
    return f"id: {event.sequence}\ndata: {record}\n\n".encode()


def _closing(call: Callable[[], T]) -> T:
    """Call it, and give up a connection that is of no use any more."""
    try:
        return call()
    except Error:
        connection.close()
        raise
