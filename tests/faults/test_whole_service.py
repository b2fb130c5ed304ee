"""The whole service killed at once, a client that asks twice, a job that fills the disk."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from service import Service, wait

Begin = Callable[..., Service]


def submit(service: Service, application: str, **parameters: Any) -> str:
    with service.client() as client:
        wish = {"application": application, "parameters": parameters}
        answer = client.post("/api/v1/jobs", json=wish)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def ended(service: Service, name: str) -> dict[str, Any]:
    """The job when it has ended."""
    with service.client() as client:

        def look() -> dict[str, Any] | None:
            answer = client.get(f"/api/v1/jobs/{name}")
            if answer.status_code == 503:
                return None
            found: dict[str, Any] = answer.json()
            return found if found["phase"] in ("COMPLETED", "ERROR", "ABORTED") else None

        job: dict[str, Any] = wait(look)
    return job


def test_a_service_that_is_killed_whole_goes_on_when_it_is_started_again(begin: Begin) -> None:
    service = begin().start()
    names = [submit(service, "tiles", count=20, seconds=0.05, seed=n) for n in range(6)]
    for process in service.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    service.start()
    for name in names:
        assert ended(service, name)["phase"] == "COMPLETED"


def test_a_key_that_twenty_clients_send_at_once_makes_one_job(begin: Begin) -> None:
    service = begin().start()

    def post(_: int) -> str:
        with service.client() as client:
            headers = {"Idempotency-Key": "same"}
            wish = {"application": "echo", "parameters": {}}
            answer = client.post("/api/v1/jobs", json=wish, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(post, range(20)))) == 1


def test_a_job_that_fills_the_disk_fails_with_that_reason(disk: Path, begin: Begin) -> None:
    service = begin(disk / "service").start()
    found = ended(service, submit(service, "large", size=200 * 2**20))
    assert found["phase"] == "ERROR"
    assert (found["error"]["code"], found["error"]["type"]) == ("resource.disk_full", "transient")
    assert "no space left" in found["error"]["message"].lower()
    # What it wrote was removed: the database has space again, and so has the next job.
    assert ended(service, submit(service, "echo"))["phase"] == "COMPLETED"
