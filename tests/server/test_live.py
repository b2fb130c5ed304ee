"""One stream for all of one's jobs, over a real service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from service import Service, wait

URL = "/api/v1/events/stream"


@pytest.fixture
def service(begin: Callable[..., Service]) -> Service:
    return begin().start()


def submit(client: httpx.Client, **wanted: Any) -> str:
    answer = client.post("/api/v1/jobs", json={"application": "echo", **wanted})
    return str(answer.json()["id"])


def listen(client: httpx.Client, after: int | None = None) -> Iterator[dict[str, Any]]:
    """Events as they come; the first one is the id from which the stream begins."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with client.stream("GET", URL, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            if line.startswith("id: "):
                number = int(line[4:])
                if number >= 0:
                    yield {"id": number}
            if line.startswith("data: "):
                yield json.loads(line[6:])


def until(events: Iterator[dict[str, Any]], jobs: set[str]) -> list[dict[str, Any]]:
    """Events until all these jobs are complete."""
    found, left = [], set(jobs)
    for event in events:
        if "job" in event:
            found.append(event)
            if event["data"].get("phase") == "COMPLETED":
                left.discard(event["job"])
        if not left:
            break
    return found


def test_one_stream_tells_of_all_jobs_and_misses_nothing(
    service: Service, request: pytest.FixtureRequest
) -> None:
    with service.client() as client, service.client() as other:
        early = submit(other, run=False)
        events = listen(client)
        begin = next(events)["id"]
        jobs = {submit(other) for _ in range(3)}
        told = until(events, jobs)
        events.close()
        assert {event["job"] for event in told} == jobs
        for job in jobs:
            numbers = [event["number"] for event in told if event["job"] == job]
            assert numbers == list(range(1, len(numbers) + 1))
        # Who comes back gets what there was meanwhile, once; with PostgreSQL also what came a
        # moment before, since commits need not come in the order of numbers.
        middle = told[len(told) // 2]["id"]
        rest = [event["id"] for event in until(listen(client, middle), {told[-1]["job"]})]
        assert len(set(rest)) == len(rest)
        if request.config.getoption("database") == "postgresql":
            rest = [number for number in rest if number > middle]
        assert rest == [event["id"] for event in told if event["id"] > middle]
        everything = client.get("/api/v1/events").json()
        assert everything["events"][0]["job"] == early
        assert [event["id"] for event in everything["events"] if event["id"] > begin][
            : len(told)
        ] == [event["id"] for event in told]


def test_nobody_hears_of_the_jobs_of_others(service: Service) -> None:
    with service.client() as admin:
        made = admin.post("/api/v1/tokens", json={"name": "a", "scopes": ["submit"]}).json()
        assert httpx.get(service.url + URL, trust_env=False).status_code == 401
        with service.client(made["token"]) as sender:
            answer = sender.get(URL)
            assert (answer.status_code, answer.json()["code"]) == (403, "scope")
        answer = admin.get(URL, headers={"Last-Event-ID": "spam"})
        assert answer.status_code == 400
        limited = {"name": "b", "scopes": ["read"], "applications": ["tiles"]}
        made = admin.post("/api/v1/tokens", json=limited).json()
        with service.client(made["token"]) as reader:
            events = listen(reader)
            next(events)
            submit(admin)
            wanted = submit(admin, application="tiles", parameters={"count": 1})
            assert {event["job"] for event in until(events, {wanted})} == {wanted}
            events.close()


def test_a_stream_ends_with_the_service(service: Service) -> None:
    with service.client() as client:
        events = listen(client)
        next(events)
        assert service.stop() == 0
        assert list(events) == []
    wait(lambda: not service.processes())
