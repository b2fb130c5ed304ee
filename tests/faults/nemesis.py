"""Kills processes of a service, one after the other, as a seed has it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter

import postgresql
from service import Service

#: How often each kind is the next. Parts take seconds of a busy machine to begin again, in which
#: no job runs that could be killed.
_WEIGHTS = {
    "web": 2,
    "dispatcher": 1,
    "keeper": 1,
    "driver": 4,
    "performer": 4,
    "worker": 4,
    "postgresql": 2,
}
#: Seconds from one kill to the next.
_PAUSE = (0.5, 1.0)
#: Seconds for which PostgreSQL stays away.
_AWAY = 0.5


class Nemesis:
    """Kills -9.

    Parameters
    ----------
    service
        Whose processes.
    server
        The PostgreSQL under it, if there is one.
    seed
        What makes the order of kills.
    """

    def __init__(self, service: Service, server: postgresql.Cluster | None, seed: int) -> None:
        self._service = service
        self._server = server
        self._random = random.Random(seed)
        self._weights = dict(_WEIGHTS)
        if server is None:
            del self._weights["postgresql"]
        #: How many of each kind were killed.
        self.kills: Counter[str] = Counter()

    def rage(self, seconds: float) -> None:
        """Kill for so long; for up to twice as long where some kind was not there to be killed."""
        begin = time.monotonic()
        while (lasted := time.monotonic() - begin) < 2 * seconds:
            if lasted > seconds and self.kills.keys() >= self._weights.keys():
                break
            self.strike()
            # How close kills come is the dose, nothing that is waited for.
            threading.Event().wait(self._random.uniform(*_PAUSE))

    def strike(self) -> None:
        """Kill one process of a random kind, if there is one now."""
        kind = self._random.choices(list(self._weights), list(self._weights.values()))[0]
        # None of another kind instead: that would be a dispatcher again and again.
        if self._kill(kind):
            self.kills[kind] += 1

    def _kill(self, kind: str) -> bool:
        if kind == "postgresql":
            assert self._server is not None
            self._server.kill()
            threading.Event().wait(_AWAY)
            self._server.start()
            return True
        found = victims(self._service, kind)
        if not found:
            return False
        try:
            os.kill(self._random.choice(found), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True


def victims(service: Service, kind: str) -> list[int]:
    """The processes of a kind that live now.

    A driver leads a session, its performer a process group in there, workers are the rest of it.
    """
    if kind in ("web", "dispatcher", "keeper"):
        return service.parts(kind)
    found = []
    for process in service.processes():
        with contextlib.suppress(ProcessLookupError):
            session, group = os.getsid(process), os.getpgid(process)
            if session == service.process:
                continue
            mine = "driver" if session == process else "performer" if group == process else "worker"
            if mine == kind:
                found.append(process)
    return found
