"""Events: what a run tells those who watch it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

EventKind = Literal["say", "stage", "output", "retry", "end"]


class Event(NamedTuple):
    """One thing that happened in a run."""

    #: Counts up from 1 without a gap.
    sequence: int
    #: Seconds since 1970.
    time: float
    #: `say`: a message of the application. `stage`: how far a step's calls are. `output`: a file
    #: was published. `retry`: something went wrong and is done again. `end`: the run is over.
    kind: EventKind
    #: For people.
    text: str
    #: For programs. Of a stage: step, done, total, reused, failed, rate (calls made per second).
    data: Mapping[str, Any]


Listener = Callable[[Event], None]


class EventLog:
    """All events of a run in order, each given to every listener, one at a time."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self.events: list[Event] = []
        self._listeners = tuple(listeners)
        self._lock = threading.RLock()

    def add(self, kind: EventKind, text: str, data: Mapping[str, Any]) -> None:
        """Record an event and tell the listeners."""
        with self._lock:
            event = Event(len(self.events) + 1, time.time(), kind, text, data)
            self.events.append(event)
            for listener in self._listeners:
                listener(event)
