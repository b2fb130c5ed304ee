"""Requests that wait for a job: WAIT of UWS 1.1, and jobs that are waited for to the end.

They are kept here, as a coroutine each, until there is something to tell; then Django answers them
as it would have before. What is wrong with a request is left to Django, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Hashable
from typing import Any
from urllib.parse import parse_qsl

from django.db import Error
from django.utils.datastructures import MultiValueDict

from hven.errors import UnavailableError, UserError
from hven.jobs.clock import now
from hven.jobs.configuration import configuration
from hven.jobs.models import Job
from hven.server.access import Access, disconnected
from hven.server.asgi import Message, Receive, Scope
from hven.server.following import Hub, State
from hven.vo import phases

_JOB = re.compile(r"/vo/(?:jobs|[a-z][a-z0-9_]*/async)/(?P<job>[0-9a-fA-F-]{36})")
_SYNC = re.compile(r"/vo/[a-z][a-z0-9_]*/sync/(?P<job>[0-9a-fA-F-]{36})")
#: Seconds that a client is kept at most: proxies hang up after a minute.
_LONGEST = 55.0
#: The loop's clock is this coarse: nobody is answered before the time that was asked for.
_COARSENESS = 0.002

Enough = Callable[[State], bool]


class Waiting:
    """Keeps requests back.

    Parameters
    ----------
    hub
        Knows when something happens to a job.
    access
        Who may wait.
    """

    def __init__(self, hub: Hub, access: Access) -> None:
        self._hub = hub
        self._access = access
        self._waits: dict[Hashable, list[asyncio.Event]] = {}

    @staticmethod
    def concerns(scope: Scope) -> bool:
        """Whether a request may be one that waits."""
        path = scope["path"]
        return bool(_SYNC.fullmatch(path) or (_JOB.fullmatch(path) and "wait" in _query(scope)))

    async def hold(self, scope: Scope, receive: Receive) -> bool:
        """Return when the request is to be answered; False when its client has gone."""
        to_the_end = _SYNC.fullmatch(scope["path"]) is not None
        early = asyncio.Event()
        try:
            job = await self._access.readable(scope, scope["path"].rpartition("/")[2])
            seconds, enough = _to_the_end(job) if to_the_end else _wish(job, _query(scope))
        except (UserError, UnavailableError, Error):
            return True
        if seconds <= 0:
            return True
        if to_the_end:  # Nobody has more of them than jobs, and they would come back at once.
            return await self._wait(job, enough, seconds, early, receive)
        self._begin(_who(job), early)
        try:
            return await self._wait(job, enough, seconds, early, receive)
        finally:
            self._end(_who(job), early)

    async def _wait(
        self, job: Job, enough: Enough, seconds: float, early: asyncio.Event, receive: Receive
    ) -> bool:
        async def change() -> None:
            with contextlib.suppress(Error):  # Django says that the database is away.
                await self._hub.wait_for(job.pk, enough, seconds + _COARSENESS)

        gone = asyncio.create_task(disconnected(receive))
        tasks = {asyncio.create_task(change()), asyncio.create_task(early.wait()), gone}
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return gone not in done

    def _begin(self, who: Hashable, early: asyncio.Event) -> None:
        waits = self._waits.setdefault(who, [])
        waits.append(early)
        for oldest in waits[: -configuration().user_waits]:
            oldest.set()

    def _end(self, who: Hashable, early: asyncio.Event) -> None:
        self._waits[who].remove(early)
        if not self._waits[who]:
            del self._waits[who]


async def no_body() -> Message:
    """What is received of a request that was kept: its body, which is empty."""
    return {"type": "http.request", "body": b"", "more_body": False}


def _who(job: Job) -> Hashable:
    """By whom waits are counted; without an account by job."""
    return job.pk if job.owner_id is None else job.owner_id


def _to_the_end(job: Job) -> tuple[float, Enough]:
    left = configuration().sync_seconds - (now() - job.created).total_seconds()
    return min(left, _LONGEST), _ended


def _wish(job: Job, query: MultiValueDict[str, str]) -> tuple[float, Enough]:
    """For how long a client wants to wait, and for what.

    Raises
    ------
    ParameterError
        That cannot be told from the request.
    """
    seconds, wanted = phases.wait(query)
    held = phases.wants_held(query)
    first = phases.shown(job.phase, held)
    if first not in phases.BLOCKING or wanted not in (None, first):
        return 0, _ended
    seen = job.events

    def enough(state: State) -> bool:
        # What the hub knows may be older than what was read just now.
        return state.newest >= seen and phases.shown(state.phase, held) != first

    return _LONGEST if seconds < 0 else min(seconds, _LONGEST), enough


def _ended(state: State) -> bool:
    return state.ended


def _query(scope: Scope) -> MultiValueDict[str, str]:
    pairs: MultiValueDict[str, Any] = MultiValueDict()
    with contextlib.suppress(ValueError):
        for name, text in parse_qsl(scope["query_string"].decode("latin1"), True):
            pairs.appendlist(name, text)
    return phases.named(pairs)
