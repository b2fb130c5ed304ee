"""One event stream for all jobs of a user: what a table that is always right needs.

One thread reads the database for everybody who listens to this web process, some times a second
and only while there is somebody. Events are numbered in the order in which they are begun to be
written, and become visible in the order of commits, which with PostgreSQL is not always the same:
so what was looked through is looked through again for a moment, and what was sent is remembered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qs

from django.db import Error, close_old_connections, connection

from hven.api.documents import live_document
from hven.errors import CredentialsError, UnavailableError, UserError
from hven.jobs.models import Event, User
from hven.jobs.patience import patient, unavailable
from hven.server.asgi import Receive, Scope, Send, answer_problem, header, headers, start
from hven.server.browsers import Browsers
from hven.web import scopes
from hven.web.authentication import credential_of
from hven.web.problems import problem_of

T = TypeVar("T")

PATH = "/api/v1/events/stream"
_log = logging.getLogger("hven.server.live")
#: Seconds between two looks for what is new.
_LOOK_EVERY = 0.2
_AWAY_PAUSE = 1.0
#: Seconds after which nothing of an older number becomes visible any more; and numbers so far back.
_LATE_SECONDS, _LATE_NUMBERS = 3.0, 1000
#: Events that are read at a time.
_PAGE = 1000
#: Events that may wait for a reader; one that is slower is dropped, and comes back.
_MOST_WAITING = 5000
_HEARTBEAT_SECONDS = 15.0
_SLOW_SECONDS = 20.0
#: Seconds after which a reader has to come back, so that who asks is looked at again.
_LONGEST_SECONDS = 900.0
_HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    # A proxy would keep events back until there are many.
    "x-accel-buffering": "no",
}


class News(NamedTuple):
    """An event as it is sent, and to whom."""

    number: int
    owner: int
    application: str
    frame: bytes


class Listener:
    """Somebody who listens."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.dropped = False
        self._waiting: asyncio.Queue[News | None] = asyncio.Queue(_MOST_WAITING)

    def offer(self, news: News | None) -> None:
        """Have something sent; None ends the stream."""
        try:
            self._waiting.put_nowait(news)
        except asyncio.QueueFull:
            self.dropped = True

    async def take(self, seconds: float) -> list[News | None]:
        """What came; empty when there was nothing for so long."""
        try:
            found = [await asyncio.wait_for(self._waiting.get(), seconds)]
        except TimeoutError:
            return []
        while not self._waiting.empty():
            found.append(self._waiting.get_nowait())
        return found

    def may_have(self, news: News) -> bool:
        """Whether it is about a job that this listener may read."""
        only = self.user.only_applications
        return news.owner == self.user.pk and (only is None or news.application in only)


class Live:
    """Answers requests for the stream of all of one's jobs.

    Parameters
    ----------
    browsers
        Counts the streams that pages hold.
    """

    def __init__(self, browsers: Browsers) -> None:
        self._browsers = browsers
        self._listeners: set[Listener] = set()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="live")
        self._access = ThreadPoolExecutor(2, thread_name_prefix="live-access")
        self._poller: asyncio.Task[None] | None = None
        self._closed = False

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what happens to the jobs of who asks, from now or from Last-Event-ID on."""
        after = _after(scope)
        if after is not None and after < 0:
            detail = "after: must be a whole number of at least 0, as Last-Event-ID must be"
            await answer_problem(send, 400, detail)
            return
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._browsers.place(scope))
                user = await self._run(self._access, partial(patient, partial(_user, scope)))
                begin = await self._run(self._reader, partial(patient, _newest))
            except (UserError, UnavailableError, Error) as error:
                await _refuse(send, error)
                return
            await self._listen(Listener(user), begin, after, receive, send)

    def close(self) -> None:
        """Have everybody leave."""
        self._closed = True
        for listener in self._listeners:
            listener.offer(None)

    async def _listen(
        self, listener: Listener, begin: int, after: int | None, receive: Receive, send: Send
    ) -> None:
        self._listeners.add(listener)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(begin))
        try:
            await start(send, 200, _HEADERS)
            speaking = asyncio.create_task(self._speak(listener, begin, after, send))
            leaving = asyncio.create_task(_disconnected(receive))
            await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            for task in (speaking, leaving):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                    await task
        finally:
            self._listeners.discard(listener)

    async def _speak(self, listener: Listener, begin: int, after: int | None, send: Send) -> None:
        # An id alone is no event, and what the client goes on from when it has seen none.
        known = begin if after is None else after
        await _send(send, f": events of all your jobs\nid: {known}\n\n".encode())
        sent: set[int] = set()
        if after is not None:
            sent = await self._catch_up(listener, after, send)
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not listener.dropped and time.monotonic() < deadline:
            found = await listener.take(_HEARTBEAT_SECONDS)
            fresh = [news.frame for news in found if news and news.number not in sent]
            await _send(send, b"".join(fresh) if found else b": still here\n\n")
            if None in found:
                break
        await send({"type": "http.response.body", "body": b""})

    async def _catch_up(self, listener: Listener, after: int, send: Send) -> set[int]:
        """Send what was missed; gives the numbers that may come once more."""
        sent: set[int] = set()
        first = True
        while True:
            read = partial(_missed, listener.user, after, late=first)
            page = await self._run(self._reader, partial(patient, read))
            fresh = [news for news in page if news.number not in sent]
            if fresh:
                await _send(send, b"".join(news.frame for news in fresh))
                sent |= {news.number for news in fresh}
            if len(page) < _PAGE:
                return sent
            after, first = page[-1].number, False

    async def _poll(self, newest: int) -> None:
        """Look for what is new, as long as somebody listens."""
        looks: list[tuple[float, int]] = []
        horizon = max(0, newest - _LATE_NUMBERS)
        sent: set[int] | None = None
        while self._listeners and not self._closed:
            pause = _LOOK_EVERY
            owners = {listener.user.pk for listener in self._listeners}
            try:
                found = await self._run(self._reader, partial(_look, horizon, owners))
            except Error as error:
                _log.warning("the database does not answer: %s", error)
                found, pause = [], _AWAY_PAUSE
            else:
                # What was there when the first listener came is not new.
                if sent is None:
                    sent = {news.number for news in found if news.number <= newest}
                self._hand_out(news for news in found if news.number not in sent)
                sent |= {news.number for news in found}
                horizon = _move(looks, horizon, found)
                sent = {number for number in sent if number > horizon}
            await asyncio.sleep(pause)

    def _hand_out(self, found: Iterable[News]) -> None:
        for news in found:
            for listener in self._listeners:
                if listener.may_have(news):
                    listener.offer(news)

    async def _run(self, threads: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        def closing() -> T:
            try:
                return call()
            except Error:
                connection.close()
                raise
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(threads, closing)


def _move(looks: list[tuple[float, int]], horizon: int, found: list[News]) -> int:
    """From where on to look next: the newest number of some seconds ago, when all before it is in.

    A full page moves it at once: so many events are never looked through twice.
    """
    moment = time.monotonic()
    looks.append((moment, max((news.number for news in found), default=horizon)))
    if len(found) == _PAGE:
        return found[-1].number
    while looks and looks[0][0] < moment - _LATE_SECONDS:
        horizon = max(horizon, looks.pop(0)[1])
    return horizon


def _user(scope: Scope) -> User:
    client = scope.get("client") or ("", 0)
    found = credential_of(headers(scope), str(client[0]))
    if found.user is None:
        raise CredentialsError("authorization: must be given: a token, or name and password")
    scopes.require(found.scopes, [scopes.Scope.READ])
    return found.user


def _newest() -> int:
    return Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _look(horizon: int, owners: set[int]) -> list[News]:
    found = Event.objects.filter(pk__gt=horizon, job__owner__in=owners)
    return _read(found)


def _missed(user: User, after: int, *, late: bool) -> list[News]:
    """What a client that comes back has not seen, at most a page of it.

    With PostgreSQL something may have become visible behind what it has seen last: the last seconds
    before that come again.
    """
    own = Event.objects.filter(job__owner=user)
    if user.only_applications is not None:
        own = own.filter(job__application__in=user.only_applications)
    if late and connection.vendor != "sqlite":
        last = Event.objects.filter(pk=after).values_list("time", flat=True).first()
        if last is not None:
            since = last - timedelta(seconds=_LATE_SECONDS)
            return _read(own.filter(pk__gt=max(0, after - _LATE_NUMBERS), time__gte=since))
    return _read(own.filter(pk__gt=after))


def _read(events: Any) -> list[News]:
    rows = events.select_related("job").only(*_COLUMNS).order_by("pk")[:_PAGE]
    return [
        News(event.pk, event.job.owner_id, event.job.application, _written(event)) for event in rows
    ]


_COLUMNS = (
    *("sequence", "attempt", "time", "kind", "text", "data"),
    *("job__owner", "job__application", "job__label"),
)


def _written(event: Event) -> bytes:
    record = json.dumps(live_document(event), ensure_ascii=False)
    return f"id: {event.pk}\ndata: {record}\n\n".encode()


def _after(scope: Scope) -> int | None:
    """The id of the last event that the client has; None from now on, -1 when it is no number."""
    query = parse_qs(scope["query_string"].decode("latin1"))
    text = header(scope, b"last-event-id") or query.get("after", [""])[-1]
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1


async def _send(send: Send, body: bytes) -> None:
    message = {"type": "http.response.body", "body": body, "more_body": True}
    await asyncio.wait_for(send(message), _SLOW_SECONDS)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, error: Exception) -> None:
    told = error if isinstance(error, UserError) else unavailable(error)
    if told is None:
        raise error
    found = problem_of(told)
    detail, code = found.document["detail"], found.document["code"]
    await answer_problem(send, found.status, detail, found.headers, code=code)
