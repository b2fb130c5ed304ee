"""Event streams of a real service."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from service import Service, wait


def submit(client: httpx.Client, application: str = "tiles", **parameters: Any) -> dict[str, Any]:
    wish = {"application": application, "parameters": parameters}
    found = client.post("/api/v1/jobs", json=wish)
    assert found.status_code == 201, found.text
    return dict(found.json())


def events_of(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """What an event stream tells, and `{}` for its end."""
    number = None
    for line in lines:
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            event = json.loads(line[6:])
            assert event["number"] == number
            yield event
        elif line == ": end":
            yield {}


def follow(client: httpx.Client, job: str, **headers: str) -> Iterator[dict[str, Any]]:
    with client.stream("GET", f"/api/v1/jobs/{job}/stream", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        yield from events_of(answer.iter_lines())


def numbers(events: Iterator[dict[str, Any]]) -> list[int]:
    return [event.get("number", 0) for event in events]


def test_a_stream_gives_every_event_in_order_and_ends(service: Service) -> None:
    with service.client() as client:
        job = submit(client, count=30, seconds=0.02)
        told = list(follow(client, job["id"]))
        found = client.get(f"/api/v1/jobs/{job['id']}/events", params={"limit": 1000}).json()
    assert told[-1] == {}
    assert told[:-1] == found["events"]
    assert [event["number"] for event in told[:-1]] == list(range(1, len(told)))
    phases = [event["data"]["phase"] for event in told[:-1] if event["kind"] == "phase"]
    assert phases[-3:] == ["QUEUED", "EXECUTING", "COMPLETED"]


def test_a_client_that_comes_back_gets_what_it_missed_once(service: Service) -> None:
    with service.client() as client:
        job = submit(client, count=40, seconds=0.02)
        first = []
        for event in follow(client, job["id"]):
            first.append(event["number"])
            if len(first) == 3:
                break
        rest = numbers(follow(client, job["id"], **{"Last-Event-ID": str(first[-1])}))
        assert first + rest[:-1] == list(range(1, len(first) + len(rest)))
        # By the address it works as well, and says at once when there is nothing more to come.
        newest = rest[-2]
        url = f"/api/v1/jobs/{job['id']}/stream"
        assert client.get(url, params={"after": newest - 1}).text.count("data: ") == 1
        assert client.get(url, params={"after": newest}).status_code == 204


def test_many_clients_of_a_running_job_get_the_same(service: Service) -> None:
    with service.client() as client:
        job = submit(client, count=60, seconds=0.02)
    told: list[list[int]] = []

    def listen() -> None:
        with service.client() as client:
            told.append(numbers(follow(client, job["id"])))

    threads = [threading.Thread(target=listen) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 20
    assert all(numbers == told[0] for numbers in told)
    assert told[0][:-1] == list(range(1, len(told[0])))


def test_a_stream_outlives_the_web_process_by_coming_back(service: Service) -> None:
    told: list[int] = []
    with service.client() as client:
        job = submit(client, count=100, seconds=0.05)
        kills = 0
        while 0 not in told:
            after = {"Last-Event-ID": str(told[-1] if told else 0)}
            try:
                for number in numbers_while(follow(client, job["id"], **after)):
                    told.append(number)
                    if kills < 2 and len(told) == 3 * (kills + 1):
                        kills += 1
                        for process in service.parts("web"):
                            os.kill(process, signal.SIGKILL)
            except httpx.TransportError:
                continue
    assert kills == 2
    assert told[:-1] == list(range(1, len(told)))


def numbers_while(events: Iterator[dict[str, Any]]) -> Iterator[int]:
    for event in events:
        yield event.get("number", 0)


def test_the_end_of_the_service_ends_a_stream_in_order(begin: Callable[..., Service]) -> None:
    service = begin().start()
    with service.client() as client:
        job = submit(client, count=10_000, seconds=0.05)
        told = follow(client, job["id"])
        assert next(told)["number"] == 1
        stopper = threading.Thread(target=service.stop)
        stopper.start()
        numbers(told)  # It ends, without an error.
        stopper.join()
    assert service.processes() == []


def test_a_wrong_number_is_refused(service: Service) -> None:
    url = "/api/v1/jobs/" + "0" * 32 + "/stream"
    with service.client() as client:
        for after in ("-1", "x", "1.5", "٣", ""):
            found = client.get(url, headers={"Last-Event-ID": "x"}, params={"after": after})
            assert found.status_code == 400
            assert found.json()["detail"].startswith("after: must be a whole number")
            assert client.get(url, params={"after": after}).status_code == (400 if after else 404)


def test_a_stream_is_for_those_who_may_read_the_job(service: Service) -> None:
    with service.client() as client:
        job = submit(client, application="echo")
        url = f"/api/v1/jobs/{job['id']}/stream"
        missing = client.get("/api/v1/jobs/" + "0" * 32 + "/stream")
    assert missing.status_code == 404
    anonymous = httpx.get(service.url + url, trust_env=False)
    assert anonymous.status_code == 401
    assert "Bearer" in anonymous.headers["www-authenticate"]
    with service.client(token="hven_wrong") as client:
        assert client.get(url).status_code == 401
    for answer in (missing, anonymous):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


def test_a_reader_that_does_not_read_holds_up_nobody(service: Service) -> None:
    with service.client() as client:
        job = submit(client, count=400, seconds=0.002)
        place = urlsplit(service.url)
        with socket.create_connection((place.hostname, place.port)) as lazy:
            request = (
                f"GET /api/v1/jobs/{job['id']}/stream HTTP/1.1\r\nHost: here\r\n"
                f"Authorization: Bearer {service.token}\r\n\r\n"
            )
            lazy.sendall(request.encode())
            assert numbers(follow(client, job["id"]))[-1] == 0


def test_a_body_of_unknown_length_is_refused(service: Service) -> None:
    with service.client() as client:
        found = client.put("/api/v1/uploads", params={"name": "x"}, content=iter([b"abc"]))
    assert found.status_code == 411
    assert "Content-Length" in found.json()["detail"]


def test_transfers_do_not_hold_up_other_requests(begin: Callable[..., Service]) -> None:
    """Uploads that hang take no thread from those who only ask."""
    service = begin(HVEN_WEB_THREADS=2).start()
    place = urlsplit(service.url)
    head = (
        "PUT /api/v1/uploads?name=slow HTTP/1.1\r\nHost: here\r\n"
        f"Authorization: Bearer {service.token}\r\nContent-Length: 1000000\r\n\r\nbegin"
    )
    hanging = [socket.create_connection((place.hostname, place.port)) for _ in range(4)]
    for one in hanging:
        one.sendall(head.encode())
    with service.client() as client:
        assert wait(lambda: client.get("/api/v1/jobs").status_code == 200)
    for one in hanging:
        one.close()
