"""Steps in a pool of processes on this machine: the default."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import time
from concurrent.futures import Future
from multiprocessing.connection import Connection
from typing import Any, Literal

import pebble

from hven.engine.executors import Executor, Finished, Lost, Position
from hven.engine.executors.processes import OneProcess, begin_worker, start_method
from hven.engine.executors.threads import hold_threads
from hven.engine.worker import Batch, Failure, Outcome, run_batch

#: What a worker writes on its board: the running batch's number (0 for none), the index of the
#: running call, when that began on the machine's monotonic clock, and the process.
_NUMBER, _INDEX, _BEGUN, _PROCESS = range(4)


class Local(Executor):
    """A pool of processes on this machine.

    Parameters
    ----------
    workers
        How many; as many as there are processors this process may use when it is not given.
    start
        How they start, as `multiprocessing` names it; chosen when it is not given.

    Notes
    -----
    Each worker is a pebble pool of one process: so it is known which process runs what, and a death
    at any moment (pebble's workers share locks) harms nobody else.

    Workers are forked from this process when it has a single thread, which takes milliseconds and
    needs nothing imported again; otherwise, and when a worker has to be replaced, from a fork
    server. They die with this process, whatever kills it.
    """

    def __init__(
        self, workers: int | None = None, *, start: Literal["fork", "forkserver"] | None = None
    ) -> None:
        self._count = workers or processors()
        self._start = start
        self._workers: list[_Worker] = []
        self._lifeline: tuple[Connection, Connection] | None = None
        self._lock = threading.Lock()

    @property
    def workers(self) -> int:
        """How many processes."""
        return self._count

    @property
    def memory(self) -> int:
        """This machine's memory."""
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

    def open(self) -> None:
        """Start the processes."""
        if self.is_open:
            return
        self._lifeline = multiprocessing.Pipe(duplex=False)
        method = self._start or start_method()
        self._workers = [_Worker(method, self._lifeline) for _ in range(self._count)]
        self.is_open = True

    def close(self) -> None:
        """Kill the processes."""
        with self._lock:
            workers, self._workers = self._workers, []
            self.is_open = False
        for worker in workers:
            worker.end()
        if self._lifeline:
            for end in self._lifeline:
                end.close()
            self._lifeline = None

    def send(self, batch: Batch, finished: Finished) -> None:
        """Give the batch to the worker that has the least to do."""
        try:
            content = pickle.dumps(batch, protocol=pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            failure = Failure(error, f"arguments cannot be sent to a worker: {error}", "")
            finished(batch, [Outcome("failed", 0.0, failure)] * len(batch.calls))
            return
        with self._lock:
            worker = min(self._workers, key=lambda worker: len(worker.sent))
            worker.sent[batch.number] = batch, finished
        try:
            future = worker.pool.schedule(_run, args=(content, len(batch.calls)))
        except RuntimeError as error:
            self._bury(worker, str(error))
            return
        future.add_done_callback(lambda done: self._answer(worker, batch, done))

    def position(self, batch: Batch) -> Position | None:
        """What the worker's board says."""
        for worker in self._workers:
            number, index, begun, _ = worker.board[:]
            if batch.number in worker.sent and number and index >= 0:
                running = int(index) if int(number) == batch.number else -1
                return Position(running, time.monotonic() - begun)
        return None

    def kill(self, batch: Batch) -> None:
        """Kill the process that has the batch."""
        for worker in self._workers:
            if batch.number in worker.sent:
                worker.kill()

    def drop(self, batch: Batch) -> None:
        """Take the batch back if it has not begun; it is harmless should it begin all the same."""
        for worker in self._workers:
            if batch.number in worker.sent and int(worker.board[_NUMBER]) != batch.number:
                with self._lock:
                    _, finished = worker.sent.pop(batch.number, (None, None))
                if finished:
                    finished(batch, Lost(-1, "it was taken back", 0))

    def watch(self) -> None:
        """Bury workers whose pool has given up without telling, which pebble's may."""
        for worker in list(self._workers):
            if worker.sent and not worker.pool.active:
                self._bury(worker, "the worker process ended")

    def _answer(self, worker: _Worker, batch: Batch, done: Future[list[Outcome]]) -> None:
        error = done.exception()
        if error is not None:
            self._bury(worker, _ending(error))
            return
        with self._lock:
            _, finished = worker.sent.pop(batch.number, (None, None))
        if finished:
            finished(batch, done.result())

    def _bury(self, worker: _Worker, text: str) -> None:
        """Replace a worker that died, and tell of every batch it had."""
        number, index, _, _ = worker.board[:]
        with self._lock:
            sent, worker.sent = worker.sent, {}
            if not sent and worker not in self._workers:
                return
            if worker in self._workers and self._lifeline:
                self._workers.remove(worker)
                self._workers.append(_Worker("forkserver", self._lifeline))
        worker.end()
        for batch, finished in sent.values():
            running = int(index) if int(number) == batch.number else -1
            finished(batch, Lost(running, text))


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Worker:
    """One process, in a pebble pool of its own."""

    def __init__(self, method: str, lifeline: tuple[Connection, Connection]) -> None:
        context = OneProcess(method)
        self.board: Any = context.board(4)
        self.sent: dict[int, tuple[Batch, Finished]] = {}
        # Only a forked process has the writing end, and must close it.
        reader, writer = lifeline
        ends = (reader, writer) if method == "fork" else (reader, None)
        self.pool = pebble.ProcessPool(
            max_workers=1, context=context, initializer=_begin, initargs=(self.board, *ends)
        )
        self.pool.schedule(_nothing)

    def kill(self) -> None:
        process = int(self.board[_PROCESS])
        if process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def end(self) -> None:
        """Kill the process; the pool's threads end by themselves, within a fifth of a second."""
        self.pool.stop()  # type: ignore[no-untyped-call]
        self.kill()
        threading.Thread(target=_join, args=(self.pool,), name="hven-join", daemon=True).start()


_board: Any = None


def _begin(board: Any, reader: Connection, writer: Connection | None) -> None:
    global _board
    _board = board
    begin_worker(reader, writer)
    board[_PROCESS] = os.getpid()


def _nothing() -> None:
    """Have pebble start the process."""


def _run(content: bytes, count: int) -> list[Outcome]:
    try:
        batch: Batch = pickle.loads(content)
    except Exception as error:
        failure = Failure(None, f"a worker cannot import the step: {error}", "")
        return [Outcome("failed", 0.0, failure)] * count

    def progress(index: int) -> None:
        hold_threads(batch.calls[index].step.threads)
        _board[_INDEX] = -1
        _board[_BEGUN] = time.monotonic()
        _board[_NUMBER] = batch.number if index >= 0 else 0
        _board[_INDEX] = index

    return run_batch(batch, progress)


def _join(pool: pebble.ProcessPool) -> None:
    with contextlib.suppress(RuntimeError, OSError):
        pool.join()


def _ending(error: BaseException) -> str:
    if isinstance(error, pebble.ProcessExpired) and error.exitcode is not None:
        return _exit_text(error.exitcode)
    return "the worker process ended"


def _exit_text(code: int) -> str:
    if code >= 0:
        return f"the worker process ended with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"the worker process was ended by {signal.Signals(-code).name}"
    return f"the worker process was ended by signal {-code}"
