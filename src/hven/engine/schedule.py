"""The schedule of one run: which call is sent when, and what becomes of it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from hven.engine.dispatch import Dispatch, Sent
from hven.engine.events import EventKind, EventLog
from hven.engine.executors import Executor, Lost
from hven.engine.failures import call_error, cancelled_error, lost_error, timeout_error
from hven.engine.product import Kept, Product
from hven.engine.step import Step
from hven.engine.store import Store
from hven.engine.tasks import Stage, State, Task
from hven.engine.worker import Batch, Call, Outcome
from hven.errors import StepError, StoreError, TransientError, WorkerLostError

#: A call whose worker died so often has killed it.
MOST_DEATHS = 3
_MOST_REMAKES = 3
#: Seconds between two `stage` events of one step.
_TELL_EVERY = 0.1


class Schedule:
    """All calls of a run. Every method may be called from any thread."""

    def __init__(
        self,
        run: str,
        executor: Executor,
        store: Store,
        log: EventLog,
        cancel_mark: Path,
        begin: Callable[[], None],
    ) -> None:
        self.executor = executor
        self.store = store
        self.stages: dict[Step[..., Any], Stage] = {}
        self._dispatch = Dispatch(run, executor, store, cancel_mark)
        #: The batches that were sent and not answered, by number.
        self.sent = self._dispatch.sent
        #: Numbers of sent batches whose running call was killed for taking too long: its index.
        self.timed_out: dict[int, int] = {}
        self.cancelled = False
        self._log = log
        self._cancel_mark = cancel_mark
        #: Called before the first batch is sent; forgotten then.
        self._begin: Callable[[], None] | None = begin
        self._tasks: dict[str, Task] = {}
        self._changed = threading.Condition(threading.RLock())
        self._news: deque[tuple[EventKind, str, dict[str, Any]]] = deque()
        self._sending: set[int] = set()
        self._fruitless = 0

    # -- what a run asks for ----------------------------------------------------------------------

    def submit(self, calls: Iterable[tuple[Call, tuple[Kept, ...]]]) -> list[Product[Any]]:
        """The products of these calls; those that are not kept are sent when their inputs are done.

        Raises
        ------
        CancelledError
            The run was asked to stop.
        """
        with self._changed:
            if self.cancelled:
                raise cancelled_error()
            products = [self._submit(call, inputs) for call, inputs in calls]
        self.advance()
        return products

    def load(self, task: Task, names: tuple[str, ...] = ()) -> Any:
        """The value of a call or fields of it, waited for; made again when found damaged."""
        while True:
            self.wait(task)
            if task.error is not None:
                raise task.error
            reading = self.store.read(task.call.key, names)
            if not reading.fault:
                return reading.value
            with self._changed:
                self._remake(self._adopt(task))
            self.advance()

    def wait(self, task: Task) -> None:
        """Wait until the call has a product or an error."""
        if not task.finished:
            with self._changed:
                self._changed.wait_for(lambda: task.finished)
        self._tell()

    def completed(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """The calls in the order in which they finish."""
        queue: SimpleQueue[Task] = SimpleQueue()
        left = 0
        with self._changed:
            for task in tasks:
                left += 1
                if task.finished:
                    queue.put(task)
                else:
                    task.watchers.append(queue)
        for _ in range(left):
            yield queue.get()
        self._tell()

    def cancel(self) -> None:
        """Drop what has not begun, and give up what has."""
        with self._changed:
            self.cancelled = True
            self._cancel_mark.touch()
            error = cancelled_error()
            for stage in self.stages.values():
                stage.ready.clear()
            for task in self._tasks.values():
                if not task.finished:
                    self._finish(task, error)
            for sent in list(self.sent.values()):
                self.executor.drop(sent.batch)
        self._tell()

    def wait_for_all(self) -> None:
        """Wait until every call has a product or an error."""
        with self._changed:
            self._changed.wait_for(lambda: all(s.complete for s in self.stages.values()))
        self._tell()

    def wait_for_sent(self, seconds: float) -> bool:
        """Wait until no batch is with a worker; tells whether that came true in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self.sent, seconds)

    def kept(self) -> dict[str, bool]:
        """The key of each call that has a product, and whether it was there before."""
        with self._changed:
            done = [task for task in self._tasks.values() if task.state == State.DONE]
            return {task.call.key: task.reused for task in done}

    def relieve(self, number: int, call: int) -> None:
        """Give a batch's calls after this one, which takes long, to others; take those before."""
        with self._changed:
            tasks = self.sent[number].tasks if number in self.sent else []
            for index in reversed(range(len(tasks))):
                task = tasks[index]
                if task.state != State.SENT or task.batch != number:
                    continue
                if index > call:
                    self._send_again(task)
                elif index < call and self.store.has(task.call.key):
                    self._finish(task, None)
        self.advance()

    def advance(self) -> None:
        """Send what can be sent, and tell what has happened."""
        me = threading.get_ident()
        if me not in self._sending:
            # An executor may answer while it is being sent something; that must not go deeper.
            self._sending.add(me)
            try:
                while (sent := self._next()) is not None:
                    if self._begin is not None:
                        begin, self._begin = self._begin, None
                        begin()
                    self.executor.send(sent.batch, self._answer)
            finally:
                self._sending.discard(me)
        self._tell()

    # -- calls ------------------------------------------------------------------------------------

    def _next(self) -> Sent | None:
        with self._changed:
            return None if self.cancelled else self._dispatch.next(self.stages.values())

    def _submit(self, call: Call, inputs: tuple[Kept, ...]) -> Product[Any]:
        task = self._tasks.get(call.key)
        if task is None:
            task = self._add(call, inputs)
        return Product(call.key, task, self)

    def _add(self, call: Call, inputs: tuple[Kept, ...]) -> Task:
        stage = self.stages.get(call.step)
        if stage is None:
            stage = self.stages[call.step] = Stage(call.step)
        task = self._tasks[call.key] = Task(call, inputs, stage)
        stage.total += 1
        stage.news = True
        if self.store.has(call.key):
            task.reused = True
            stage.reused += 1
            self._finish(task, None)
        else:
            self._queue(task)
        return task

    def _queue(self, task: Task) -> None:
        """Make it ready, or have it wait for its inputs."""
        task.state = State.WAITING
        for product in task.products:
            if not isinstance(product, Product):
                continue
            other = self._adopt(product._task)
            if other.state == State.FAILED:
                self._finish(task, other.error)
                return
            if not other.finished:
                task.missing.add(other)
                other.dependents.append(task)
        if not task.missing:
            task.state = State.READY
            task.stage.ready.append(task)

    def _adopt(self, task: Task) -> Task:
        """This run's task for a call of any run."""
        mine = self._tasks.get(task.call.key)
        return mine if mine is not None else self._add(task.call, task.products)

    def _finish(self, task: Task, error: BaseException | None) -> None:
        """Record an answer; those who wait for the product are made ready, or share its error."""
        finished = [task]
        while finished:
            task = finished.pop()
            if task.finished:
                continue
            self._record(task, error)
            dependents, task.dependents = task.dependents, []
            for other in dependents:
                other.missing.discard(task)
                if other.state != State.WAITING:
                    continue
                if error is not None:
                    finished.append(other)
                elif not other.missing:
                    other.state = State.READY
                    other.stage.ready.append(other)
        self._changed.notify_all()

    def _record(self, task: Task, error: BaseException | None) -> None:
        task.error = error
        task.state = State.DONE if error is None else State.FAILED
        task.stage.done += error is None
        task.stage.failed += error is not None
        task.stage.news = True
        for queue in task.watchers:
            queue.put(task)
        task.watchers.clear()

    def _send_again(self, task: Task) -> None:
        task.state = State.READY
        task.stage.ready.appendleft(task)

    def _remake(self, task: Task) -> None:
        """Have a product made again that turned out to be lost or damaged."""
        if not task.finished or task.error is not None:
            return
        fault = self.store.discard_damaged(task.call.key)
        if not fault:
            return
        text = f"a product of {task.call.step.short_name} is made again, it was {fault}"
        self._news.append(("retry", text, {"step": task.call.step.short_name, "fault": fault}))
        task.remakes += 1
        task.stage.done -= 1
        task.stage.reused -= task.reused
        task.reused = False
        if task.remakes > _MOST_REMAKES:
            self._finish(task, StoreError(f"store: must keep what is written to it, {text}"))
        else:
            self._queue(task)

    # -- answers ----------------------------------------------------------------------------------

    def _answer(self, batch: Batch, answer: list[Outcome] | Lost) -> None:
        with self._changed:
            sent = self.sent.pop(batch.number, None)
            if sent is None:
                return
            late = self.timed_out.pop(batch.number, -1)
            if isinstance(answer, Lost):
                self._lose(sent, answer, late)
            else:
                self._fruitless = 0
                self._take_outcomes(sent, answer)
            # Whoever waits for the last batch is told even when no call of it counts any more.
            self._changed.notify_all()
        self.advance()

    def _take_outcomes(self, sent: Sent, outcomes: list[Outcome]) -> None:
        tasks = sent.tasks
        made = [outcome.seconds for outcome in outcomes if outcome.state == "made"]
        tasks[0].stage.step_time.measure(made)
        for task, outcome in reversed(list(zip(tasks, outcomes, strict=True))):
            if outcome.state in ("made", "kept"):
                self._finish(task, None)
            elif task.state != State.SENT or task.batch != sent.batch.number:
                continue
            elif outcome.state == "returned":
                self._send_again(task)
            elif outcome.state == "lost":
                self._wait_for_lost(task, outcome.lost_key)
            elif outcome.failure is not None:
                self._fail(task, call_error(task.call, outcome.failure))

    def _fail(self, task: Task, error: BaseException) -> None:
        step = task.call.step
        if not isinstance(error, TransientError | StepError) or task.attempts >= step.retries:
            self._finish(task, error)
        else:
            task.attempts += 1
            text = f"{step.short_name} is tried again ({task.attempts} of {step.retries}): {error}"
            self._news.append(("retry", text, {"step": step.short_name}))
            self._send_again(task)

    def _wait_for_lost(self, task: Task, key: str) -> None:
        task.remakes += 1
        for product in task.products:
            if task.remakes > _MOST_REMAKES:
                break
            if product.key == key and isinstance(product, Product):
                self._remake(self._adopt(product._task))
                self._queue(task)
                return
        self._finish(task, StoreError(f"product {key[:12]}: must be whole, is lost"))

    def _lose(self, sent: Sent, lost: Lost, late: int) -> None:
        """Sort out a batch whose worker died: what has a product is done, the rest goes again."""
        tasks = sent.tasks
        self._fruitless += lost.call == -1 and lost.deaths > 0
        hopeless = self._fruitless > 5 * self.executor.workers
        for index in reversed(range(len(tasks))):
            task = tasks[index]
            if task.state != State.SENT or task.batch != sent.batch.number:
                continue
            if self.store.has(task.call.key):
                self._finish(task, None)
            elif hopeless:
                self._finish(task, WorkerLostError(f"workers end before they begin: {lost.text}"))
            elif index == late:
                self._fail(task, timeout_error(task.call))
            else:
                self._retry_lost(task, lost, index, len(tasks))

    def _retry_lost(self, task: Task, lost: Lost, index: int, count: int) -> None:
        running = lost.call == index or (lost.call is None and count == 1)
        if running:
            task.deaths += lost.deaths
            text = f"{task.call.step.short_name} is done again: {lost.text}"
            self._news.append(("retry", text, {"step": task.call.step.short_name}))
        task.alone = task.alone or running or lost.call is None
        if task.deaths >= MOST_DEATHS:
            self._finish(task, lost_error(task.call, task.deaths, lost.text))
        else:
            self._send_again(task)

    # -- events -----------------------------------------------------------------------------------

    def _tell(self) -> None:
        """Give the listeners what is new; never while the lock is held."""
        now = time.monotonic()
        with self._changed:
            for stage in self.stages.values():
                if stage.news and (now - stage.told > _TELL_EVERY):
                    self._news.append(("stage", stage.step.title, stage.facts()))
                    stage.news, stage.told = False, now
        while self._news:
            try:
                kind, text, data = self._news.popleft()
            except IndexError:
                return
            self._log.add(kind, text, data)

    def tell_all(self) -> None:
        """Give the listeners the final counts of every stage."""
        with self._changed:
            for stage in self.stages.values():
                stage.told = 0.0
        self._tell()
