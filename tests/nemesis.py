"""A service under attack: who submits to it, who kills it, and who looks at what is left."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from astropy.io import fits

from parts import APPLICATIONS
from postgresql import Cluster
from service import Service

#: What the service is told: leases short enough for a test, kills that come faster than in life.
SETTINGS = {
    "HVEN_APPLICATIONS": "echo\ntiles\ncopy\nmosaic",
    "HVEN_LEASE_SECONDS": "10",
    "HVEN_RETRY_SECONDS": "0.2",
    # Sixty kills in half a minute can hit one job four times before it has finished a step.
    "HVEN_RETRIES": "10",
}
KINDS = ("web", "dispatcher", "keeper", "driver", "performer", "worker")


class Killed:
    """A service whose processes are killed, and its clients, who never give up.

    Parameters
    ----------
    data
        Its data folder.
    cluster
        Its PostgreSQL server, which is killed as well; None with SQLite.
    settings
        More of its settings.
    """

    def __init__(self, data: Path, cluster: Cluster | None, settings: dict[str, str]) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.cluster = cluster
        self.marks = data / "marks"
        self.marks.touch()
        where = {"HVEN_DATABASE": cluster.url()} if cluster else {}
        given = {"PYTHONPATH": str(APPLICATIONS), "HVEN_TEST_MARKS": str(self.marks)}
        self.service = Service(data, {**SETTINGS, **given, **where, **settings}).start()
        self.url = self.service.url
        self._headers = {"Authorization": f"Bearer {self.service.token}"}
        #: What was killed how often, and which answers clients got.
        self.kills: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request, sent again until it is answered."""
        headers = self._headers | more.pop("headers", {})
        deadline = time.monotonic() + 90
        while True:
            try:
                with httpx.Client(base_url=self.url, timeout=15, trust_env=False) as client:
                    answer = client.request(method, f"/api/v1{path}", headers=headers, **more)
                self.answers[str(answer.status_code)] += 1
                if answer.status_code != 503:
                    return answer
            except httpx.HTTPError as error:
                self.answers[type(error).__name__] += 1
            assert time.monotonic() < deadline, f"no answer to {method} {path}: {self.answers}"
            threading.Event().wait(0.2)

    def kill_some(self, dice: random.Random, seconds: float) -> None:
        """Kill one process after another, for so many seconds."""
        kinds = [*KINDS, "database"] if self.cluster else KINDS
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            threading.Event().wait(dice.uniform(0.3, 0.8))
            kind = dice.choice(kinds)
            if kind == "database" and self.cluster:
                self.cluster.kill()
                self.cluster.start()
                self.kills[kind] += 1
            elif found := self._processes(kind):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(dice.choice(found), signal.SIGKILL)
                    self.kills[kind] += 1

    def _processes(self, kind: str) -> list[int]:
        if kind in ("web", "dispatcher", "keeper"):
            return self.service.parts(kind)
        found = [process for process in self.service.processes() if _leads_session(process)]
        found.remove(self.service.process)
        for _ in range(("driver", "performer", "worker").index(kind)):
            found = [child for process in found for child in _children(process)]
        return found

    def remove(self) -> None:
        """Kill whatever is left."""
        self.service.remove()


def _leads_session(process: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        return os.getsid(process) == process
    return False


def _children(process: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for path in Path(f"/proc/{process}/task").glob("*/children"):
            found += map(int, path.read_text().split())
    return found


class Clients:
    """Several clients that submit numbered jobs, each with a key of its own.

    Parameters
    ----------
    killed
        The service.
    count
        How many jobs.
    wish
        The request of the job of a number.
    """

    def __init__(self, killed: Killed, count: int, wish: Callable[[int], dict[str, Any]]) -> None:
        self._killed = killed
        self._wish = wish
        #: The id that was acknowledged for each number.
        self.acknowledged: dict[int, str] = {}
        self.faults: list[str] = []
        self._threads = [
            threading.Thread(target=self._submit, args=(range(first, count, 4),))
            for first in range(4)
        ]

    def submit_over(self, seconds: float, count: int) -> None:
        """Begin to submit; the jobs come evenly over so many seconds."""
        self._pause = 4 * seconds / count
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until every job is acknowledged."""
        for thread in self._threads:
            thread.join()

    def _submit(self, numbers: range) -> None:
        try:
            for number in numbers:
                key = {"Idempotency-Key": f"key-{number}"}
                answer = self._killed.ask("POST", "/jobs", json=self._wish(number), headers=key)
                if answer.status_code != 201:
                    self.faults.append(f"{number}: {answer.status_code} {answer.text}")
                else:
                    self.acknowledged[number] = answer.json()["id"]
                threading.Event().wait(self._pause)
        except AssertionError as error:
            self.faults.append(str(error))


def make_images(folder: Path) -> list[Path]:
    """Four exposures of one field of stars that overlap, each with a sky level of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    random_numbers = np.random.default_rng(0)
    field = random_numbers.normal(100.0, 1.0, (360, 360)).astype(np.float32)
    y, x = np.mgrid[:360, :360]
    for row, column in random_numbers.uniform(10, 350, (40, 2)):
        field += 500 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 4.5).astype(np.float32)
    paths = []
    for number, (top, left) in enumerate([(0, 0), (0, 160), (160, 0), (160, 160)]):
        header = fits.Header(
            {
                "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0,
                "CRPIX1": 180.5 - left, "CRPIX2": 180.5 - top,
                "CDELT1": -1 / 3600, "CDELT2": 1 / 3600,
            }
        )  # fmt: skip
        data = field[top : top + 200, left : left + 200] + 10.0 * number
        paths.append(folder / f"exposure-{number}.fits")
        fits.writeto(paths[-1], data, header)
    return paths


def sha256(content: bytes) -> str:
    """The digest as the API has it."""
    return hashlib.sha256(content).hexdigest()
