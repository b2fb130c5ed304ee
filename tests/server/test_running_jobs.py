"""What becomes of running jobs when the service ends, or parts of it are killed."""

from __future__ import annotations

import os
import signal
from typing import Any

import httpx

from service import Service, wait


def begin_tiles(client: httpx.Client, count: int, seconds: float) -> str:
    wish = {"application": "tiles", "parameters": {"count": count, "seconds": seconds}}
    job = client.post("/api/v1/jobs", json=wish).json()
    url = f"/api/v1/jobs/{job['id']}"
    wait(lambda: client.get(url).json()["progress"]["done"] > 5)
    return url


def read(client: httpx.Client, url: str) -> dict[str, Any]:
    return dict(client.get(url).json())


def test_a_running_job_makes_room_and_goes_on_where_it_was(service: Service) -> None:
    with service.client() as client:
        url = begin_tiles(client, 200, 0.05)
    assert service.stop() == 0
    assert service.processes() == []
    service.start()
    with service.client() as client:
        job = wait(lambda: (found := read(client, url))["phase"] == "COMPLETED" and found)
    assert job["attempt"] == 2
    assert job["attempts"][0]["outcome"] == "stopped"
    # At least what the first attempt had finished when it was last looked at.
    assert job["progress"]["reused"] > 5


def test_a_job_outlives_its_dispatcher_and_the_supervisor(service: Service) -> None:
    with service.client() as client:
        url = begin_tiles(client, 100, 0.05)
    os.kill(service.process, signal.SIGKILL)
    wait(lambda: not service.parts())
    # Its driver is still there, and ends by itself.
    wait(lambda: not service.processes())
    service.start()
    with service.client() as client:
        job = read(client, url)
    assert (job["phase"], job["attempt"]) == ("COMPLETED", 1)


def test_a_driver_that_does_not_make_room_is_killed(service: Service) -> None:
    with service.client() as client:
        url = begin_tiles(client, 1000, 0.05)
    drivers = [process for process in service.processes() if os.getsid(process) == process]
    drivers.remove(service.process)
    assert len(drivers) == 1
    for driver in drivers:
        os.kill(driver, signal.SIGSTOP)
    assert service.stop() == 0
    wait(lambda: not service.processes())
    service.start()
    with service.client() as client:
        wait(lambda: read(client, url)["attempt"] == 2)
        client.post(f"{url}/abort")
