"""Steps on a Dask cluster: a given one, or one of this machine."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import pickle
import signal
import threading
import time
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from hven.engine.executors import Executor, Finished, Lost, Position
from hven.engine.executors.local import processors
from hven.engine.worker import Batch, Failure, Outcome, run_batch

# Neither says what its functions take.
dask: Any = importlib.import_module("dask")
distributed: Any = importlib.import_module("distributed")


class Dask(Executor):
    """The workers of a Dask cluster.

    Parameters
    ----------
    address
        The scheduler's address; without it a cluster is started on this machine.
    workers
        How many processes to start then; as many as there are processors when it is not given.

    Notes
    -----
    Dask is told nothing of products: a task's key is made of step, run, product and batch, because
    a scheduler remembers results by key that the store may have lost. A worker notes in the store
    which call it begins and where, so that its process can be killed; its nanny replaces it. A
    message through Dask would not do: compiled code may keep it from being sent for ever.
    """

    batch_seconds: ClassVar[float] = 0.2

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        self._address = address
        self._count = workers or processors()
        self._client: Any = None
        self._cluster: Any = None
        self._sent: dict[int, _Sent] = {}
        self._seen: dict[int, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._counted = 0.0

    @property
    def workers(self) -> int:
        """How many threads the cluster's workers have in all, and at least one."""
        return max(1, self._count)

    def open(self) -> None:
        """Connect to the cluster, started first when no address was given."""
        if self.is_open:
            return
        if self._address is None:
            self._cluster = _start_cluster(self._count)
        self._client = distributed.Client(self._cluster or self._address, set_as_default=False)
        self.is_open = True

    def close(self) -> None:
        """Leave the cluster, and stop it if it was started here."""
        self.is_open = False
        with self._lock:
            sent, self._sent = self._sent, {}
        client, self._client = self._client, None
        cluster, self._cluster = self._cluster, None
        if client is not None:
            if sent and client.status == "running":
                client.cancel([item.future for item in sent.values()], force=True)
            client.close()
        if cluster is not None:
            cluster.close()

    def send(self, batch: Batch, finished: Finished) -> None:
        """Submit the batch as one Dask task."""
        if self._is_lost():
            finished(batch, Lost(-1, "the scheduler is gone"))
            return
        try:
            content = pickle.dumps(batch, protocol=pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            failure = Failure(error, f"arguments cannot be sent to a worker: {error}", "")
            finished(batch, [Outcome("failed", 0.0, failure)] * len(batch.calls))
            return
        first = batch.calls[0]
        key = f"{first.step.short_name}-{batch.run}-{first.key}-{batch.number}"
        try:
            future = self._client.submit(_run, content, len(batch.calls), key=key, pure=False)
        except Exception as error:
            finished(batch, Lost(-1, f"the scheduler takes no more: {error}"))
            return
        with self._lock:
            self._sent[batch.number] = _Sent(batch, finished, future)
        future.add_done_callback(lambda done: self._answer(batch, done))

    def position(self, batch: Batch) -> Position | None:
        """What the worker has noted, timed from when it was first seen here.

        Notes
        -----
        A batch that has not begun is left to the scheduler, which gives it to a free worker.
        """
        note = _read_note(batch)
        if note is None:
            return None
        call, since = self._seen.get(batch.number, (-1, 0.0))
        if call != note.call:
            since = time.monotonic()
            self._seen[batch.number] = note.call, since
        return Position(note.call, time.monotonic() - since)

    def kill(self, batch: Batch) -> None:
        """Kill the process that runs the batch, through its nanny, or take the batch back."""
        note = _read_note(batch)
        if note is None:
            self.drop(batch)
        elif self._client is not None and batch.number in self._sent:
            self._kill_process(note)

    def drop(self, batch: Batch) -> None:
        """Take the batch back if it has not begun."""
        if _note_path(batch).exists():
            return
        with self._lock:
            sent = self._sent.pop(batch.number, None)
        if sent is not None:
            with contextlib.suppress(Exception):
                sent.future.cancel()
            sent.finished(batch, Lost(-1, "it was taken back", 0))

    def watch(self) -> None:
        """Count the workers, once in a while, and notice when the scheduler is gone."""
        if self._is_lost():
            with self._lock:
                sent, self._sent = self._sent, {}
            for item in sent.values():
                item.finished(item.batch, Lost(-1, "the scheduler is gone"))
        elif self._client.status == "running" and time.monotonic() - self._counted > 2.0:
            self._count_workers()

    def _count_workers(self) -> None:
        self._counted = time.monotonic()
        with contextlib.suppress(Exception):
            self._count = sum(self._client.nthreads().values()) or self._count

    def _is_lost(self) -> bool:
        return self._client is None or self._client.status not in ("running", "connecting")

    def _answer(self, batch: Batch, done: Any) -> None:
        with self._lock:
            sent = self._sent.pop(batch.number, None)
        self._seen.pop(batch.number, None)
        if sent is None:
            return
        if done.status == "finished":
            sent.finished(batch, done.result())
        elif done.status == "cancelled":
            sent.finished(batch, Lost(-1, "the scheduler lost it"))
        else:
            sent.finished(batch, _ending(batch, done.exception()))

    def _kill_process(self, note: _Note) -> None:
        for nanny in (True, False):
            # A worker without a nanny has to do it itself, and is not replaced.
            with contextlib.suppress(Exception):
                self._client.run(
                    _kill, note.process, workers=[note.address], nanny=nanny, wait=nanny
                )
                return


class _Sent(NamedTuple):
    batch: Batch
    finished: Finished
    future: Any


class _Note(NamedTuple):
    """Which call of a batch was begun, and where."""

    call: int
    process: int
    address: str


def _start_cluster(workers: int) -> Any:
    settings = {
        # Whether a call goes again after a death is decided here, not by Dask.
        "distributed.scheduler.allowed-failures": 0,
        "distributed.worker.memory.terminate": False,
    }
    with dask.config.set(settings):
        return distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            # None would still open a port, always the same one, and warn where it is taken.
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        )


def _run(content: bytes, count: int) -> list[Outcome]:
    try:
        batch: Batch = pickle.loads(content)
    except Exception as error:
        failure = Failure(None, f"a worker cannot import the step: {error}", "")
        return [Outcome("failed", 0.0, failure)] * count
    path = _note_path(batch)
    place = f"{os.getpid()} {distributed.get_worker().address}"

    def note(call: int) -> None:
        if call < 0:
            path.unlink(missing_ok=True)
        else:
            path.write_text(f"{call} {place}")

    return run_batch(batch, note)


def _note_path(batch: Batch) -> Path:
    return Path(batch.cancel_mark).with_suffix(f".{batch.number}")


def _read_note(batch: Batch) -> _Note | None:
    try:
        call, process, address = _note_path(batch).read_text().split()
    except (OSError, ValueError):
        # There is none, or it is being written.
        return None
    return _Note(int(call), int(process), address)


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _ending(batch: Batch, error: BaseException) -> list[Outcome] | Lost:
    if not isinstance(error, distributed.KilledWorker):
        failure = Failure(None, f"{type(error).__name__}: {error}", "")
        return [Outcome("failed", 0.0, failure)] * len(batch.calls)
    note = _read_note(batch)
    if note is None:
        return Lost(-1, "its worker ended before it began")
    _note_path(batch).unlink(missing_ok=True)
    return Lost(note.call, "the worker process ended", error.allowed_failures + 1)
