"""What a run knows of its calls and of its stages."""

from __future__ import annotations

import time
from collections import deque
from enum import IntEnum
from queue import SimpleQueue
from typing import Any

from hven.engine.batches import StepTime
from hven.engine.product import Kept
from hven.engine.step import Step
from hven.engine.worker import Call


class State(IntEnum):
    """Where a call stands. From DONE on there is an answer."""

    WAITING = 0
    READY = 1
    SENT = 2
    DONE = 3
    FAILED = 4


class Task:
    """One call of a run."""

    __slots__ = (
        "alone",
        "attempts",
        "batch",
        "call",
        "deaths",
        "dependents",
        "error",
        "missing",
        "products",
        "remakes",
        "reused",
        "stage",
        "state",
        "watchers",
    )

    def __init__(self, call: Call, products: tuple[Kept, ...], stage: Stage) -> None:
        self.call = call
        #: The products among its arguments.
        self.products = products
        self.stage = stage
        self.state = State.WAITING
        self.error: BaseException | None = None
        #: Whether the product was there before this run.
        self.reused = False
        #: The tasks it waits for, and those that wait for it.
        self.missing: set[Task] = set()
        self.dependents: list[Task] = []
        #: Told when it is finished.
        self.watchers: list[SimpleQueue[Task]] = []
        #: How often it failed; how often its worker died; how often its product was lost.
        self.attempts = 0
        self.deaths = 0
        self.remakes = 0
        #: The number of the batch it was last sent in.
        self.batch = 0
        #: Whether it is sent in a batch of its own, because a worker died near it.
        self.alone = False

    @property
    def finished(self) -> bool:
        """Whether there is a product or an error."""
        return self.state >= State.DONE


class Stage:
    """All calls of one step in a run."""

    def __init__(self, step: Step[..., Any]) -> None:
        self.step = step
        self.ready: deque[Task] = deque()
        self.step_time = StepTime()
        #: Counts of calls; done ones have a product, reused ones had it before.
        self.total = 0
        self.done = 0
        self.reused = 0
        self.failed = 0
        #: Whether the counts changed since they were last told, and when that was.
        self.news = False
        self.told = 0.0
        self._begun = 0.0

    @property
    def complete(self) -> bool:
        """Whether every call is finished."""
        return self.done + self.failed == self.total

    def begin(self) -> None:
        """Start the clock for the rate, once."""
        self._begun = self._begun or time.monotonic()

    def facts(self) -> dict[str, Any]:
        """The data of a `stage` event."""
        made = self.done - self.reused
        seconds = time.monotonic() - self._begun if self._begun else 0.0
        return {
            "step": self.step.short_name,
            "done": self.done,
            "total": self.total,
            "reused": self.reused,
            "failed": self.failed,
            "rate": made / seconds if made and seconds else None,
        }
