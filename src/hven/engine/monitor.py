"""A thread that watches a run's workers: timeouts, deaths, and the end after a cancellation."""

from __future__ import annotations

import threading
import time

from hven.engine.dispatch import LATE_SECONDS
from hven.engine.schedule import Schedule

#: Seconds that running steps are given after a cancellation.
GRACE_SECONDS = 2.0
_EVERY = 0.1


class Monitor:
    """Looks ten times a second, as long as there is something to look after."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._cancelled_at: float | None = None

    def start(self) -> None:
        """Begin to look, if it has not begun."""
        with self._lock:
            if self._thread is None and self._schedule.executor.can_kill:
                self._thread = threading.Thread(target=self._watch, name="hven-watch", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopped.set()

    def kill_all(self) -> None:
        """Kill every worker that has a batch of this run."""
        for sent in list(self._schedule.sent.values()):
            self._schedule.executor.kill(sent.batch)

    def _watch(self) -> None:
        while not self._stopped.wait(_EVERY):
            self._schedule.executor.watch()
            self._kill_late()
            self._relieve_waiting()
            if self._is_over():
                self.kill_all()

    def _kill_late(self) -> None:
        schedule = self._schedule
        for number, sent in list(schedule.sent.items()):
            if all(call.step.timeout is None for call in sent.batch.calls):
                continue
            position = schedule.executor.position(sent.batch)
            if position is None or position.call < 0 or number in schedule.timed_out:
                continue
            timeout = sent.batch.calls[position.call].step.timeout
            if timeout is not None and position.seconds > timeout:
                schedule.timed_out[number] = position.call
                schedule.executor.kill(sent.batch)

    def _relieve_waiting(self) -> None:
        """Give what stands behind a call that takes long to workers that are free."""
        schedule, now = self._schedule, time.monotonic()
        for number, sent in list(schedule.sent.items()):
            if schedule.cancelled or now - sent.time < LATE_SECONDS:
                continue
            position = schedule.executor.position(sent.batch)
            if position is None or position.seconds < LATE_SECONDS:
                continue
            if position.call < 0:
                schedule.executor.drop(sent.batch)
            elif len(sent.tasks) > 1:
                schedule.relieve(number, position.call)

    def _is_over(self) -> bool:
        if not self._schedule.cancelled:
            return False
        self._cancelled_at = self._cancelled_at or time.monotonic()
        return time.monotonic() - self._cancelled_at > GRACE_SECONDS
