"""Event streams: what happens to a job, as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import cast
from urllib.parse import parse_qs

from django.db import Error

from hven.api.problems import problem_of
from hven.errors import UnavailableError, UserError
from hven.jobs.patience import unavailable
from hven.server.access import Access, disconnected
from hven.server.asgi import Receive, Scope, Send, answer_problem, header, start
from hven.server.browsers import Browsers
from hven.server.following import Followed, Frame, Hub

#: Seconds without an event after which a comment is sent, so that nobody in between hangs up.
_HEARTBEAT_SECONDS = 15.0
#: Seconds for which a reader may leave what it was sent unread before it is dropped.
_SLOW_SECONDS = 20.0
#: Events that are sent at a time.
_AT_A_TIME = 200
#: Seconds between two tries when the database is away.
_AWAY_PAUSE = 1.0
_GREETING = b": events of a job; the id of each is the Last-Event-ID to go on from\n\n"
_HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    # A proxy would keep events back until there are many.
    "x-accel-buffering": "no",
}


class Streams:
    """Answers requests for event streams.

    Parameters
    ----------
    hub
        Where events come from.
    access
        Who may read them.
    browsers
        Counts the streams that pages hold.
    """

    def __init__(self, hub: Hub, access: Access, browsers: Browsers) -> None:
        self._hub = hub
        self._access = access
        self._browsers = browsers

    async def answer(self, text: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a job's events: those that are there, then each as it happens, until its end."""
        after = _after(scope)
        if after is None:
            detail = "after: must be a whole number of at least 0, as Last-Event-ID must be"
            await answer_problem(send, 400, detail)
            return
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._browsers.place(scope))
                job = (await self._access.readable(scope, text)).pk
                followed = await self._hub.follow(job)
            except (UserError, UnavailableError, Error) as error:
                await _refuse(send, error)
                return
            if followed is None:
                await answer_problem(send, 404, f"job: there is none with the id {text}")
                return
            held.callback(self._hub.leave, job)
            await self._stream(job, followed, after, receive, send)

    async def _stream(
        self, job: uuid.UUID, followed: Followed, after: int, receive: Receive, send: Send
    ) -> None:
        if followed.state.ended and after >= followed.state.newest:
            # 204 keeps a browser from asking again and again.
            await start(send, 204, {"cache-control": "no-store"})
            await send({"type": "http.response.body", "body": b""})
            return
        await start(send, 200, _HEADERS)
        speaking = asyncio.create_task(self._speak(job, followed, after, send))
        leaving = asyncio.create_task(disconnected(receive))
        await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        for task in (speaking, leaving):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await task

    async def _speak(self, job: uuid.UUID, followed: Followed, after: int, send: Send) -> None:
        await _send(send, _GREETING)
        while not self._hub.closed:
            frames = followed.since(after)
            if frames is None:
                frames = await self._older(job, after)
            for begin in range(0, len(frames), _AT_A_TIME):
                some = frames[begin : begin + _AT_A_TIME]
                await _send(send, b"".join(frame.content for frame in some))
                after = some[-1].number
            if frames and after < followed.state.newest:
                continue
            if followed.state.ended and after >= followed.state.newest:
                await _send(send, b": end\n\n")
                break
            if not await followed.change(_HEARTBEAT_SECONDS):
                await _send(send, b": still here\n\n")
        await send({"type": "http.response.body", "body": b""})

    async def _older(self, job: uuid.UUID, after: int) -> list[Frame]:
        while not self._hub.closed:
            try:
                return await self._hub.page(job, after)
            except Error:
                await asyncio.sleep(_AWAY_PAUSE)
        return []


def _after(scope: Scope) -> int | None:
    """The number of the last event that the client has; None when it is not a number."""
    query = parse_qs(scope["query_string"].decode("latin1"))
    text = header(scope, b"last-event-id") or query.get("after", ["0"])[-1]
    return int(text) if text.isascii() and text.isdigit() else None


async def _send(send: Send, body: bytes) -> None:
    """Send some of the stream; one who does not read for long is dropped.

    Raises
    ------
    TimeoutError
        The reader is too slow. It comes back, with the number of the last event it has.
    """
    message = {"type": "http.response.body", "body": body, "more_body": True}
    await asyncio.wait_for(send(message), _SLOW_SECONDS)


async def _refuse(send: Send, error: Exception) -> None:
    passing = unavailable(error)
    if passing is None and not isinstance(error, UserError):
        raise error
    found = problem_of(passing or cast(UserError, error))
    detail, code = found.document["detail"], found.document["code"]
    await answer_problem(send, found.status, detail, found.headers, code=code)
