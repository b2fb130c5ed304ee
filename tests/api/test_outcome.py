"""What comes of a job, over HTTP: events, log, results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Q

from api_client import Api, content, faults
from hven.api import schemas
from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.models import Job, Result, User
from hven.jobs.phases import Move, Phase
from hven.jobs.transitions import News, change, move
from job_rows import make_job, make_result

pytestmark = pytest.mark.django_db
DIGEST = "ab" * 32


@pytest.fixture
def result_of(configuration: Configuration) -> Callable[..., Result]:
    def make(job: Job, **columns: Any) -> Result:
        result = make_result(job, configuration.jobs_folder, "sum", b"0123456789")
        Result.objects.filter(pk=result.pk).update(
            **{"sha256": DIGEST, "media_type": "image/fits", **columns}
        )
        result.refresh_from_db()
        return result

    return make


# -- events and log -------------------------------------------------------------------------------


def test_events_come_in_order_and_from_where_one_left_off(alice: Api) -> None:
    job = alice.make()
    path = f"/jobs/{job['id']}/events"
    found = alice.get(path)
    assert [event["number"] for event in found["events"]] == [1, 2]
    assert (found["newest"], found["phase"]) == (2, "QUEUED")
    move(Job.objects.get().pk, Move.ABORT, "enough")
    found = alice.get(f"{path}?after=2")
    assert [(event["kind"], event["text"]) for event in found["events"]] == [("phase", "enough")]
    assert alice.get(f"{path}?after=3")["events"] == []
    assert len(alice.get(f"{path}?limit=1")["events"]) == 1
    schemas.EventList.model_validate(found)


def test_events_of_all_ones_jobs_come_in_order(alice: Api, charlie: Api) -> None:
    first, _, second = alice.make(label="first"), charlie.make(), alice.make()
    found = alice.get("/events")
    assert [(event["job"], event["number"]) for event in found["events"]] == [
        (first["id"], 1),
        (first["id"], 2),
        (second["id"], 1),
        (second["id"], 2),
    ]
    assert (found["events"][0]["label"], found["newest"]) == ("first", found["events"][-1]["id"])
    schemas.LiveEventList.model_validate(found)
    later = alice.get(f"/events?after={found['events'][2]['id']}&limit=5")["events"]
    assert later == found["events"][3:]
    assert faults(alice("GET", "/events?spam=1"))
    assert faults(alice("GET", "/events?after=-1"))


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=1001", "spam=1"])
def test_wrong_questions_about_events_are_refused(alice: Api, query: str) -> None:
    job = alice.make()
    assert faults(alice("GET", f"/jobs/{job['id']}/events?{query}"))


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase != Phase.ARCHIVED])
def test_the_log_is_there_in_every_phase(alice: Api, user: User, phase: Phase) -> None:
    job = make_job(user, phase, label="first", parameters={"numbers": [1, 2]})
    said = News("say", "two lines\nof text", {"seconds": 2})
    assert change(Q(), job.pk, [said], error_kind="fatal", error_message="it broke\nin two")
    answer = alice("GET", f"/jobs/{job.pk}/log")
    assert answer["Content-Type"].startswith("text/plain")
    text = content(answer).decode()
    assert text.startswith(f"# job {job.pk} sums 1\n# label first\n# numbers = [1, 2]\n")
    (line,) = (line for line in text.splitlines() if not line.startswith("#"))
    assert line.endswith("Z say      two lines | of text seconds=2")
    assert text.endswith("# it broke\n# in two\n")


def test_a_long_log_is_whole(alice: Api, user: User) -> None:
    job = make_job(user)
    change(Q(), job.pk, [News("say", f"number {number}") for number in range(2500)])
    lines = content(alice("GET", f"/jobs/{job.pk}/log")).decode().splitlines()[1:]
    assert [int(line.rpartition(" ")[2]) for line in lines] == list(range(2500))


def test_the_log_of_an_archived_job_is_kept(alice: Api, user: User) -> None:
    job = make_job(user, Phase.COMPLETED)
    move(job.pk, Move.ARCHIVE, "its destruction date has passed")
    assert b"destruction date" in content(alice("GET", f"/jobs/{job.pk}/log"))


# -- results --------------------------------------------------------------------------------------


def test_results_are_listed_with_what_they_are(
    alice: Api, user: User, result_of: Callable[..., Result]
) -> None:
    job = make_job(user, Phase.COMPLETED)
    result_of(job, help="Sum", role="main")
    (found,) = alice.get(f"/jobs/{job.pk}/results")["results"]
    assert (found["name"], found["bytes"], found["sha256"]) == ("sum", 10, DIGEST)
    assert (found["media_type"], found["role"], found["final"]) == ("image/fits", "main", True)
    assert alice.get(f"/jobs/{job.pk}")["results"] == [found]
    schemas.ResultDocument.model_validate(found)
    assert content(alice("GET", found["url"].partition("/api/v1")[2])) == b"0123456789"


def test_a_result_is_downloaded_as_a_file_and_never_shown(
    alice: Api, user: User, result_of: Callable[..., Result]
) -> None:
    job = make_job(user, Phase.EXECUTING)
    result_of(job, final=False)
    answer = alice("GET", f"/jobs/{job.pk}/results/sum")
    assert content(answer) == b"0123456789"
    assert answer["Content-Type"] == "image/fits"
    assert answer["Content-Length"] == "10"
    assert answer["Content-Disposition"] == 'attachment; filename="sum"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["ETag"] == f'"{DIGEST}"'


@pytest.mark.parametrize(
    ("asked", "status", "given"),
    [
        ("bytes=0-", 200, b"0123456789"),
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-99", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=-99", 200, b"0123456789"),
        ("bytes=9-9", 206, b"9"),
        ("bytes=10-", 416, b""),
        ("bytes=5-2", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=-", 200, b"0123456789"),
        ("bytes=1-2,4-5", 200, b"0123456789"),
        ("spam", 200, b"0123456789"),
    ],
)
def test_a_range_of_bytes_is_sent(
    alice: Api,
    user: User,
    result_of: Callable[..., Result],
    asked: str,
    status: int,
    given: bytes,
) -> None:
    job = make_job(user, Phase.COMPLETED)
    result_of(job)
    answer = alice("GET", f"/jobs/{job.pk}/results/sum", Range=asked)
    assert answer.status_code == status
    if status == 416:
        assert answer["Content-Range"] == "bytes */10"
        return
    assert content(answer) == given
    assert answer["Content-Length"] == str(len(given))
    if status == 206:
        begin = b"0123456789".index(given)
        assert answer["Content-Range"] == f"bytes {begin}-{begin + len(given) - 1}/10"


def test_a_part_is_sent_only_of_the_file_that_is_meant(
    alice: Api, user: User, result_of: Callable[..., Result]
) -> None:
    job = make_job(user, Phase.COMPLETED)
    result_of(job)
    path = f"/jobs/{job.pk}/results/sum"
    same = alice("GET", path, Range="bytes=2-4", If_Range=f'"{DIGEST}"')
    assert (same.status_code, content(same)) == (206, b"234")
    other = alice("GET", path, Range="bytes=2-4", If_Range='"other"')
    assert (other.status_code, content(other)) == (200, b"0123456789")
    assert alice("GET", path, If_None_Match=f'W/"x", "{DIGEST}"').status_code == 304
    Result.objects.update(sha256="")
    still_written = alice("GET", path, Range="bytes=2-4")
    assert (still_written.status_code, content(still_written)) == (200, b"0123456789")
    assert "ETag" not in still_written


def test_the_head_of_a_result_has_its_size_and_no_content(
    alice: Api, user: User, result_of: Callable[..., Result]
) -> None:
    job = make_job(user, Phase.COMPLETED)
    result_of(job)
    answer = alice("HEAD", f"/jobs/{job.pk}/results/sum")
    assert (answer.status_code, answer["Content-Length"], answer.content) == (200, "10", b"")


def test_a_result_that_is_not_there_is_missing(
    alice: Api, user: User, result_of: Callable[..., Result], configuration: Configuration
) -> None:
    job = make_job(user, Phase.COMPLETED)
    result = result_of(job)
    assert alice("GET", f"/jobs/{job.pk}/results/spam").status_code == 404
    assert alice("GET", f"/jobs/{job.pk}/results/..%2Fsum").status_code == 404
    path = configuration.jobs_folder / result.file
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert alice("GET", f"/jobs/{job.pk}/results/sum").status_code == 404
    Result.objects.all().delete()
    Job.objects.update(archived=now(), phase=Phase.ARCHIVED)
    answer = alice("GET", f"/jobs/{job.pk}/results/sum")
    assert answer.status_code == 404
    assert "its files were removed" in answer.json()["detail"]
