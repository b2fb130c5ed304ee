"""A service whose database is killed, or whose disk is full."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import httpx
import pytest

import postgresql
from service import Service, wait


@pytest.fixture
def shaken(begin: Callable[..., Service], cluster: postgresql.Cluster) -> Service:
    """A service on a server of PostgreSQL that may be killed."""
    return begin(HVEN_DATABASE=cluster.url()).start()


class Crowd:
    """Clients that ask all the time, and note what they are answered."""

    def __init__(self, service: Service) -> None:
        self.answers: list[httpx.Response] = []
        #: What was acknowledged, by the key it was asked with.
        self.made: dict[str, str] = {}
        self._service = service
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(post,)) for post in (0, 0, 1, 1)]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, posts: int) -> None:
        with self._service.client() as client:
            while not self._ended.is_set():
                if posts:
                    self._post(client, str(uuid.uuid4()))
                else:
                    self.answers.append(client.get("/api/v1/jobs"))

    def _post(self, client: httpx.Client, key: str) -> None:
        wish = {"application": "echo", "run": False}
        while not self._ended.is_set():
            found = client.post("/api/v1/jobs", json=wish, headers={"Idempotency-Key": key})
            self.answers.append(found)
            if found.status_code == 201:
                self.made[key] = found.json()["id"]
                return


def test_a_database_that_is_killed_gives_no_500_and_loses_nothing(
    shaken: Service, cluster: postgresql.Cluster
) -> None:
    with Crowd(shaken) as crowd:
        for _ in range(3):
            begun = len(crowd.made)
            wait(lambda begun=begun: len(crowd.made) > begun + 5)
            cluster.kill()
            cluster.start()
        begun = len(crowd.made)
        wait(lambda: len(crowd.made) > begun + 5)
    codes = {answer.status_code for answer in crowd.answers}
    assert {200, 201} <= codes <= {200, 201, 503}, codes
    refused = [answer for answer in crowd.answers if answer.status_code == 503]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    # Who only reads waited, and was answered.
    assert [answer.text for answer in refused if answer.request.method == "GET"] == []
    with shaken.client() as client:
        for name in crowd.made.values():
            assert client.get(f"/api/v1/jobs/{name}").status_code == 200
    assert len(set(crowd.made.values())) == len(crowd.made)
    assert not [line for line in shaken.log() if line["level"] == "error"]


def test_a_database_that_stays_away_gives_503_and_comes_back(
    shaken: Service, cluster: postgresql.Cluster
) -> None:
    cluster.stop()
    with shaken.client() as client:
        found = client.get("/api/v1/jobs")
        assert found.status_code == 503
        assert found.json()["detail"].startswith("the database of the service does not answer")
        stream = client.get(f"/api/v1/jobs/{uuid.uuid4()}/stream")
        assert (stream.status_code, "retry-after" in stream.headers) == (503, True)
        cluster.start()
        wait(lambda: client.get("/api/v1/jobs").status_code == 200)
        assert client.get("/api/v1/jobs").elapsed.total_seconds() < 5


def test_jobs_go_on_when_the_database_is_back(shaken: Service, cluster: postgresql.Cluster) -> None:
    with shaken.client() as client:
        wish = {"application": "tiles", "parameters": {"count": 100, "seconds": 0.05}}
        job = client.post("/api/v1/jobs", json=wish).json()
        url = f"/api/v1/jobs/{job['id']}"
        wait(lambda: client.get(url).json()["phase"] == "EXECUTING")
        cluster.kill()
        cluster.start()
        found = wait(lambda: ended(client, url))
    assert found["phase"] == "COMPLETED"
    assert found["attempt"] == 1


def ended(client: httpx.Client, url: str) -> dict[str, object] | None:
    found = client.get(url).json()
    return dict(found) if found["phase"] in ("COMPLETED", "ERROR", "ABORTED") else None


def test_a_service_waits_for_a_database_that_starts_with_it(
    begin: Callable[..., Service], cluster: postgresql.Cluster
) -> None:
    cluster.stop()
    service = begin(HVEN_DATABASE=cluster.url())
    starter = threading.Thread(target=service.start)
    starter.start()
    wait(lambda: service.data.exists() and (service.data / "run").exists())
    cluster.start()
    starter.join()
    with service.client() as client:
        assert client.get("/api/v1/jobs").status_code == 200


def test_a_disk_that_is_full_is_said_with_503(begin: Callable[..., Service]) -> None:
    # More than any disk has.
    service = begin(HVEN_DISK_RESERVE=2**62).start()
    with service.client() as client:
        found = client.post("/api/v1/jobs", json={"application": "echo"})
        assert found.status_code == 503
        assert "Retry-After" in found.headers
        assert client.get("/api/v1/jobs").json()["jobs"] == []
