"""A Dask cluster that somebody else started, and what becomes of a run when it goes away."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dask
import pytest
import sample_steps as steps

from hven.engine import Dask, Local, Run, Store
from hven.errors import WorkerLostError

PATIENCE_SECONDS = 30.0


class Cluster:
    """A scheduler and one worker, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self._folder = folder
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", str(port))
        self._wait_for_port(port)
        self.worker = self._start(
            "worker", self.address, "--nthreads", "1", "--local-directory", str(folder)
        )

    def stop(self) -> None:
        for process in (self.worker, self.scheduler):
            process.terminate()
            process.wait()

    def _start(self, kind: str, *words: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(Path(steps.__file__).parent), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *words, "--no-dashboard"]
        with (self._folder / f"{kind}.log").open("wb") as log:
            return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stderr=log)

    def _wait_for_port(self, port: int) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not _answers(port):
            assert time.monotonic() < end, "the scheduler did not start"
            time.sleep(0.05)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.stop()


def test_a_run_ends_with_an_error_when_its_scheduler_is_killed_and_goes_on_elsewhere(
    cluster: Cluster, store: Store, marks: Path
) -> None:
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        Dask(cluster.address) as executor,
        Run(executor, store) as run,
    ):
        done = run.map(steps.add, [1.0, 2.0, 3.0], marks=str(marks))
        assert run.gather(done) == [2.0, 3.0, 4.0]
        late = run.call(steps.nap, 60.0)
        cluster.scheduler.kill()
        with pytest.raises(WorkerLostError, match="the scheduler is gone"):
            late.load()
    with Run(Local(1), store) as run:
        assert run.gather(run.map(steps.add, [1.0, 2.0, 3.0], marks=str(marks))) == [2.0, 3.0, 4.0]
    assert run.reused["add"] == 3
    assert len(list(marks.iterdir())) == 3
