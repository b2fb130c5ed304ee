"""Clients that all want the same at once, and clients that are cut off."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

import postgresql
from faults.books import Books
from service import Service, wait

Begin = Callable[..., Service]
#: Seconds for which a client follows a stream.
_PATIENCE = 90.0


def make(service: Service, application: str, **wanted: Any) -> str:
    """A new job; its id."""
    with service.client() as client:
        answer = client.post("/api/v1/jobs", json={"application": application, **wanted})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


def test_a_hundred_requests_to_run_a_job_start_it_once(
    begin: Begin, server: postgresql.Cluster | None
) -> None:
    service = begin().start()
    job = make(service, "echo", run=False)
    together = threading.Barrier(100)

    def run(_: int) -> int:
        with service.client() as client:
            client.get("/api/v1/health")  # Connected before all begin.
            together.wait(60)
            return client.post(f"/api/v1/jobs/{job}/run").status_code

    with ThreadPoolExecutor(100) as threads:
        codes = Counter(threads.map(run, range(100)))
    # Who comes too late is told that it runs already, or did.
    assert codes[200] >= 1
    assert set(codes) <= {200, 409}, codes
    books = Books(service, server)
    wait(lambda: books.jobs()[job]["phase"] == "COMPLETED")
    moves = [
        event["data"]["move"]
        for event in books.of_jobs("event", "sequence")[job]
        if event["kind"] == "phase"
    ]
    assert moves == ["create", "run", "claim", "complete"]
    assert books.jobs()[job]["attempt"] == 1


def test_a_client_that_is_cut_off_again_and_again_gets_every_event_once(
    begin: Begin, server: postgresql.Cluster | None
) -> None:
    service = begin().start()
    # Set aside and released many times before it may begin, so that there is much to tell.
    moment = (datetime.now(UTC) + timedelta(seconds=45)).isoformat()
    job = make(service, "tiles", parameters={"count": 60, "seconds": 0.05}, not_before=moment)
    with ThreadPoolExecutor(4) as threads:
        teller = threads.submit(dither, service, job, times=40)
        clients = [threads.submit(follow, service, job, seed) for seed in range(3)]
        for _ in range(3):
            wait(lambda: service.parts("web"))
            os.kill(service.parts("web")[0], signal.SIGKILL)
            threading.Event().wait(1.0)  # The dose: a web process dies every second.
        teller.result()
        heard = [client.result() for client in clients]
    events = Books(service, server).of_jobs("event", "sequence")[job]
    stored = [(event["sequence"], event["kind"], event["text"]) for event in events]
    assert len(stored) > 80
    assert [number for number, _, _ in stored] == list(range(1, len(stored) + 1))
    for events_heard, cuts in heard:
        assert events_heard == stored
        assert cuts > 10


def dither(service: Service, job: str, times: int) -> None:
    """Set a job aside and release it, again and again."""
    for _ in range(times):
        insist(service, f"{job}/hold")
        # One that runs is set aside a moment after it was asked for, and cannot be released before.
        wait(lambda: insist(service, f"{job}/release") == 200 or has_ended(service, job))


def has_ended(service: Service, job: str) -> bool:
    """Whether a job has ended; no answer is no."""
    try:
        with service.client() as client:
            return client.get(f"/api/v1/jobs/{job}").json().get("phase") == "COMPLETED"
    except httpx.TransportError:
        return False


def insist(service: Service, wish: str) -> int:
    """Ask for something until there is an answer; its code."""
    codes: list[int] = []

    def ask() -> bool:
        with suppress(httpx.TransportError), service.client() as client:
            codes.append(client.post(f"/api/v1/jobs/{wish}").status_code)
        return bool(codes)

    wait(ask)
    assert codes[0] in (200, 409), codes
    return codes[0]


def follow(service: Service, job: str, seed: int) -> tuple[list[tuple[int, str, str]], int]:
    """All events of a job from a stream that breaks off every few events, and how often it did."""
    chance = random.Random(seed)
    heard: list[tuple[int, str, str]] = []
    cuts = 0
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        number = heard[-1][0] if heard else 0
        try:
            with (
                service.client() as client,
                client.stream(
                    "GET", f"/api/v1/jobs/{job}/stream", headers={"Last-Event-ID": str(number)}
                ) as answer,
            ):
                if answer.status_code == 204:
                    return heard, cuts
                assert answer.status_code == 200, answer.read()
                for _, event in zip(range(chance.randint(1, 8)), events_in(answer), strict=False):
                    heard.append(event)
        except httpx.TransportError:
            pass
        cuts += 1
    raise TimeoutError(f"the stream did not end within {_PATIENCE:g} s, event {number} was last")


def events_in(answer: httpx.Response) -> Iterator[tuple[int, str, str]]:
    """Number, kind and text of each event, as the stream has them."""
    number = 0
    for line in answer.iter_lines():
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            event = json.loads(line[6:])
            assert event["number"] == number
            yield number, event["kind"], event["text"]
