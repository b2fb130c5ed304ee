"""What is told while something goes on, as the listeners of `hven.progress` take it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hven.progress.tally import Event

Listener = Callable[[Event], None]
_MEGABYTE = 1_000_000
#: Seconds between two tellings of how much has come.
_PERIOD = 0.1


class Told(NamedTuple):
    """One thing that is told; see `hven.progress.tally.Event`."""

    kind: str
    text: str
    data: Mapping[str, Any] = {}


def nobody(event: Event) -> None:
    """Listens to nothing."""


class Amount:
    """How many bytes of several files have come, told as a stage; for several threads.

    Parameters
    ----------
    tell
        Is told.
    step
        What the stage is called.
    text
        What people are told that goes on.
    total
        Bytes of all files.
    """

    def __init__(self, tell: Listener, step: str, text: str, total: int) -> None:
        self._tell, self._step, self._text, self._total = tell, step, text, total
        self._places: dict[Any, int] = {}
        self._found = 0
        self._begin = self._told = time.monotonic()
        self._lock = threading.Lock()

    def begin(self, file: Any, place: int) -> None:
        """So many bytes of a file were there before."""
        with self._lock:
            if file not in self._places:
                self._found += place
            self._places[file] = place
            self._say()

    def at(self, file: Any, place: int) -> None:
        """So many bytes of a file are there now."""
        with self._lock:
            self._places[file] = place
            whole = sum(self._places.values()) >= self._total
            if whole or time.monotonic() - self._told >= _PERIOD:
                self._say()

    def _say(self) -> None:
        self._told = time.monotonic()
        done, seconds = sum(self._places.values()), self._told - self._begin
        total = math.ceil(self._total / _MEGABYTE)
        data = {
            "step": self._step,
            "done": total if done >= self._total else done // _MEGABYTE,
            "total": total,
            "rate": (done - self._found) / _MEGABYTE / seconds if seconds > 1 else None,
        }
        self._tell(Told("stage", self._text, data))
