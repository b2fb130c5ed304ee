"""What is sent next: which calls, how many together, and whether a worker has room for them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hven.engine.executors import Executor
from hven.engine.store import Store
from hven.engine.tasks import Stage, State, Task
from hven.engine.worker import Batch

#: Seconds after which what stands behind a running call is given to other workers.
LATE_SECONDS = 1.0
#: Unique in this process, so that runs can share an executor.
_batch_numbers = itertools.count(1)


class Sent(NamedTuple):
    """A batch that a worker has, or will have."""

    batch: Batch
    tasks: list[Task]
    #: Seconds it is expected to take; None when nothing is known.
    expected: float | None
    #: When it was sent, on the monotonic clock.
    time: float
    #: The threads and the bytes that its calls use, one at a time.
    threads: int
    memory: int


class Dispatch:
    """Packs ready calls into batches as workers have room for them.

    Parameters
    ----------
    run
        The run's id.
    executor
        Where the batches go.
    store
        Where their products go.
    cancel_mark
        A file that appears when the run is cancelled.

    Notes
    -----
    Whoever calls holds the schedule's lock.
    """

    def __init__(self, run: str, executor: Executor, store: Store, cancel_mark: Path) -> None:
        #: The batches that were sent and not answered, by number.
        self.sent: dict[int, Sent] = {}
        self._run = run
        self._executor = executor
        self._store = store
        self._cancel_mark = str(cancel_mark)

    def next(self, stages: Iterable[Stage]) -> Sent | None:
        """The next batch, of the earliest stage that has calls ready; None when there is no room.

        Notes
        -----
        A stage whose calls need more threads or memory than are free does not hold up others.
        """
        for stage in stages:
            if stage.ready and self._has_room(stage) and (tasks := self._take(stage)):
                return self._pack(stage, tasks)
        return None

    def _has_room(self, stage: Stage) -> bool:
        sent, workers = self.sent.values(), self._executor.workers
        if not sent:
            return True
        if not self._has_memory(stage.step.memory):
            return False
        threads = sum(batch.threads for batch in sent) + min(stage.step.threads, workers)
        if threads <= workers:
            return True
        # A second batch for a busy worker keeps it fed, but only short ones may stand in line.
        alone = stage.step.threads == 1 and len(sent) < 2 * workers
        return alone and all(self._is_short(batch) for batch in sent)

    def _has_memory(self, needed: int | None) -> bool:
        limit = self._executor.memory
        used = sum(batch.memory for batch in self.sent.values())
        return limit is None or not needed or used + needed <= limit

    def _is_short(self, sent: Sent) -> bool:
        if sent.threads > 1 or sent.expected is None:
            return False
        late = time.monotonic() - sent.time > LATE_SECONDS
        return not late and sent.expected <= 2 * self._executor.batch_seconds

    def _take(self, stage: Stage) -> list[Task]:
        tasks: list[Task] = []
        size = stage.step_time.batch_size(
            len(stage.ready), self._executor.workers, self._executor.batch_seconds
        )
        while stage.ready and len(tasks) < size:
            if stage.ready[0].alone and tasks:
                break
            task = stage.ready.popleft()
            if task.state == State.READY:
                tasks.append(task)
                if task.alone:
                    break
        return tasks

    def _pack(self, stage: Stage, tasks: list[Task]) -> Sent:
        stage.begin()
        number = next(_batch_numbers)
        for task in tasks:
            task.state = State.SENT
            task.batch = number
        batch = Batch(
            self._run,
            number,
            self._store,
            self._cancel_mark,
            tuple(task.call for task in tasks),
            2 * self._executor.batch_seconds,
        )
        seconds = stage.step_time.seconds
        expected = None if seconds is None else seconds * len(tasks)
        threads = min(stage.step.threads, self._executor.workers)
        memory = stage.step.memory or 0
        sent = Sent(batch, tasks, expected, time.monotonic(), threads, memory)
        self.sent[number] = sent
        return sent
