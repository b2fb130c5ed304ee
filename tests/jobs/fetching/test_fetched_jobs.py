"""Jobs whose inputs are fetched: by real dispatchers, drivers and servers."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.db.models import Q

from file_server import FileServer, breaking, failing, file, redirect
from hven.jobs.configuration import Configuration
from hven.jobs.fetching.process import STAGE
from hven.jobs.models import Attempt, Event, Fetch, Job, Result, Stop, Upload, User
from hven.jobs.phases import Phase
from hven.jobs.processes import is_alive
from hven.jobs.transitions import News, change
from hven.jobs.wakeup import nudge
from parts import Parts, driver_of, events_of, kill_driver, settled, submit, wait_until

STARS = b"stars" * 100_000


@pytest.fixture
def allowed(server: FileServer) -> dict[str, Any]:
    """What lets a dispatcher fetch from the server of the test."""
    return {"fetch_from": f"private:{server.place}", "retry_seconds": 0.05}


def result(parts: Parts, job: Job, name: str = "text") -> bytes:
    row = Result.objects.get(job=job, name=name)
    return (parts.configuration.jobs_folder / row.file).read_bytes()


def fetched(parts: Parts, job: Job) -> list[dict[str, Any]]:
    """What a job's provenance record says of its inputs."""
    found: list[dict[str, Any]] = json.loads(result(parts, job, "provenance"))["job"]["fetched"]
    return found


def test_inputs_are_fetched_before_the_application_begins(
    parts: Parts, server: FileServer, allowed: dict[str, Any], user: User
) -> None:
    server.responses |= {"/a.fits": file(STARS), "/b": redirect("/a.fits"), "/c": file(b"c")}
    parts.dispatcher(**allowed)
    urls = [server.url("/a.fits"), server.url("/b"), server.url("/c")]
    job = settled(submit("copy", user, files=urls))
    assert (job.phase, job.error, job.attempt) == (Phase.COMPLETED, None, 1)
    assert result(parts, job) == STARS + STARS + b"c"
    records = fetched(parts, job)
    uploads = {str(each.pk): each for each in Upload.objects.filter(owner=user)}
    assert [each["url"] for each in records] == urls
    assert records[1]["found_at"] == server.url("/a.fits")
    assert [uploads[each["upload"]].sha256 for each in records] == [
        each["sha256"] for each in records
    ]
    assert all(each["etag"] and each["fetched"] and not each["reused"] for each in records)
    texts = [text for _, text in events_of(job)]
    assert "copying a.fits, b, c" in texts
    assert any(text.startswith(f"fetched {urls[0]}: 500 kB, SHA-256 ") for text in texts)
    (stage,) = [each for each in job.stages if each["step"] == STAGE]
    assert (stage["done"], stage["total"], stage["reused"]) == (3, 3, 0)


def test_another_job_takes_what_is_unchanged_and_says_which_bytes_that_are(
    parts: Parts, server: FileServer, allowed: dict[str, Any], user: User
) -> None:
    server.responses["/a"] = file(STARS)
    parts.dispatcher(**allowed)
    first = settled(submit("copy", user, files=[server.url("/a")]))
    second = settled(submit("copy", user, files=[server.url("/a")]))
    server.responses["/a"] = file(b"new")
    third = settled(submit("copy", user, files=[server.url("/a")]))
    (before,), (same,), (other,) = (fetched(parts, job) for job in (first, second, third))
    assert same == {**before, "reused": True}
    assert other["sha256"] != before["sha256"]
    assert result(parts, third) == b"new"
    assert Upload.objects.count() == 2


def test_a_driver_that_is_killed_while_it_fetches_costs_nothing_that_came(
    parts: Parts, server: FileServer, allowed: dict[str, Any], user: User
) -> None:
    content = bytes(range(256)) * 2**17  # 32 MiB, of which a stretch is counted every 8 MiB
    server.responses["/a"] = file(content, pause=0.05, piece=2**20)
    parts.dispatcher(**allowed)
    job = submit("copy", user, files=[server.url("/a")])
    driver = driver_of(job)
    wait_until(lambda: Upload.objects.filter(received__gte=2**23).exists())
    kill_driver(driver)
    come = Upload.objects.get().received
    job = settled(job)
    assert (job.phase, job.attempt) == (Phase.COMPLETED, 2)
    ranges = [headers.get("Range", "") for _, headers in server.asked]
    begin = int(ranges[1].removeprefix("bytes=").removesuffix("-"))
    assert (ranges[0], begin >= come, len(ranges)) == ("", True, 2)
    assert result(parts, job) == content
    assert Upload.objects.count() == 1


def test_a_later_attempt_does_not_ask_for_what_an_earlier_one_has(
    parts: Parts, server: FileServer, allowed: dict[str, Any], user: User
) -> None:
    server.responses |= {"/a": file(b"a"), "/b": failing(500, 1, file(b"b"))}
    parts.dispatcher(**allowed)
    job = settled(submit("copy", user, files=[server.url("/a"), server.url("/b")]))
    assert (job.phase, job.attempt) == (Phase.COMPLETED, 2)
    assert [path for path, _ in server.asked] == ["/a", "/b", "/b"]
    assert [each["reused"] for each in fetched(parts, job)] == [True, False]
    first = Attempt.objects.get(job=job, number=1)
    assert first.cause == "source"
    assert first.message == f"{server.url('/b')}: its server answered 500 Internal Server Error"


def test_a_server_that_goes_on_failing_ends_the_job_as_passing_trouble(
    parts: Parts, server: FileServer, allowed: dict[str, Any]
) -> None:
    server.responses["/a"] = failing(503, 100, file(b""))
    parts.dispatcher(**allowed | {"retries": 2})
    job = settled(submit("copy", files=[server.url("/a")]))
    assert (job.phase, job.attempt) == (Phase.ERROR, 3)
    assert (job.error_kind, job.error_code) == ("transient", "source.lost")


def test_what_cannot_be_fetched_is_told_all_at_once_by_its_parameter(
    parts: Parts, server: FileServer, allowed: dict[str, Any]
) -> None:
    server.responses["/a"] = file(b"a")
    parts.dispatcher(**allowed)
    gone, other = server.url("/gone"), "http://127.0.0.1:1/x"
    job = settled(submit("listed", table=gone, files=[server.url("/a"), gone, other]))
    assert (job.phase, job.attempt) == (Phase.ERROR, 1)
    assert (job.error_kind, job.error_code) == ("fatal", "input.fetch")
    told = "must be an address from which a file comes, its server answered 404 Not Found"
    assert job.error_faults[:2] == [["table", f"{gone} {told}"], ["files", f"{gone} {told}"]]
    name, text = job.error_faults[2]
    assert (name, text.startswith(f"{other} must be at a host")) == ("files", True)
    assert server.place in text


def test_a_service_that_may_not_fetch_any_more_does_not(parts: Parts, server: FileServer) -> None:
    server.responses["/a"] = file(b"a")
    parts.dispatcher()
    job = settled(submit("copy", files=[server.url("/a")]))
    assert (job.phase, job.error_code) == (Phase.ERROR, "input.fetch")
    assert server.asked == []


def test_a_job_that_is_cancelled_while_it_fetches_is_settled_at_once(
    parts: Parts, server: FileServer, allowed: dict[str, Any]
) -> None:
    server.responses["/a"] = file(bytes(2**24), pause=0.2, piece=2**14)
    parts.dispatcher(**allowed)
    job = submit("copy", files=[server.url("/a")])
    driver = driver_of(job)
    wait_until(lambda: bool(server.asked))
    asked = time.monotonic()
    assert change(Q(phase=Phase.EXECUTING), job.pk, [News("request", "")], stop=Stop.ABORT)
    nudge()
    job = settled(job)
    assert (job.phase, time.monotonic() - asked < 3.0) == (Phase.ABORTED, True)
    wait_until(lambda: not is_alive(driver.process, driver.process_start))


def test_what_came_of_a_cancelled_job_is_gone_on_with_by_the_next(
    parts: Parts, server: FileServer, allowed: dict[str, Any], user: User
) -> None:
    server.responses["/a"] = breaking(STARS, 300_000, file(STARS))
    parts.dispatcher(**allowed | {"retries": 0})
    assert settled(submit("copy", user, files=[server.url("/a")])).phase == Phase.ERROR
    job = settled(submit("copy", user, files=[server.url("/a")]))
    assert (job.phase, result(parts, job)) == (Phase.COMPLETED, STARS)
    assert server.asked[1][1]["Range"] == "bytes=300000-"


def test_a_fetched_file_that_is_removed_meanwhile_is_fetched_again(
    parts: Parts,
    server: FileServer,
    allowed: dict[str, Any],
    user: User,
    configuration: Configuration,
) -> None:
    server.responses["/a"] = file(STARS)
    parts.dispatcher(**allowed)
    settled(submit("copy", user, files=[server.url("/a")]))
    for path in configuration.uploads_folder.rglob("*-*"):
        path.unlink()
    job = settled(submit("copy", user, files=[server.url("/a")]))
    assert (job.phase, result(parts, job)) == (Phase.COMPLETED, STARS)
    assert Fetch.objects.count() == 2
    assert Event.objects.filter(job=job, text__startswith="fetched ").count() == 1
