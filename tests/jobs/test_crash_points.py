"""A power cut at each place where it could matter most: nothing is lost, nothing done twice."""

from __future__ import annotations

import pytest

from hven.jobs.models import Attempt, Event, Job, Result
from hven.jobs.phases import Phase
from hven.jobs.processes import is_alive
from parts import Parts, kill_driver, phase_of, settled, submit, wait_until

#: Places in the dispatcher, and in the driver.
DISPATCHER = ["claim.before_commit", "claim.after_commit", "fork.before", "fork.after"]
DRIVER = [
    "drive.begin",
    "drive.first_event",
    "beat.after",
    "publish.before_files",
    "publish.before_commit",
    "publish.after_commit",
]


def published_once(job: Job) -> None:
    """One publication, one row a result, all files there, no event missing or doubled."""
    events = list(Event.objects.filter(job=job).order_by("sequence"))
    assert [event.sequence for event in events] == list(range(1, job.events + 1))
    assert sum(event.data.get("move") == "complete" for event in events) == 1
    assert Attempt.objects.filter(job=job, outcome="completed").count() == 1
    rows = list(Result.objects.filter(job=job))
    assert {row.name for row in rows} == {"text", "log", "provenance"}
    assert {row.attempt for row in rows} == {job.attempt}


@pytest.mark.parametrize("point", DISPATCHER)
def test_a_dispatcher_that_dies_there_loses_no_job(parts: Parts, point: str) -> None:
    job = submit("tiles", count=12, seconds=0.02, seed=20)
    assert parts.dispatcher(crash_at=point).wait(30) == -9
    parts.dispatcher(retry_seconds=0.05)
    job = settled(job)
    assert job.phase == Phase.COMPLETED
    published_once(job)


@pytest.mark.parametrize("point", DRIVER)
def test_a_driver_that_dies_there_loses_no_job(parts: Parts, point: str) -> None:
    job = submit("tiles", count=12, seconds=0.02, seed=21)
    first = parts.dispatcher(crash_at=point, retry_seconds=1)

    def is_over() -> bool:
        found = Attempt.objects.filter(job=job).exclude(process=0).first()
        if found is None:  # It died before it could sign; the dispatcher saw that.
            return Attempt.objects.filter(job=job).exclude(ended=None).exists()
        return not is_alive(found.process, found.process_start)

    wait_until(is_over)
    first.kill()
    first.wait()
    parts.dispatcher(retry_seconds=0.05)
    job = settled(job)
    assert job.phase == Phase.COMPLETED
    published_once(job)


@pytest.mark.parametrize("point", ["recover.before_commit", "recover.after_commit"])
def test_a_dispatcher_that_dies_while_it_recovers_loses_no_job(parts: Parts, point: str) -> None:
    job = submit("tiles", count=12, seconds=0.02, seed=22)
    assert parts.dispatcher(crash_at="fork.before").wait(30) == -9
    assert phase_of(job) == Phase.EXECUTING
    assert parts.dispatcher(crash_at=point, retry_seconds=0.05).wait(30) == -9
    parts.dispatcher(retry_seconds=0.05)
    job = settled(job)
    assert job.phase == Phase.COMPLETED
    published_once(job)


def test_a_job_that_was_cancelled_when_its_driver_died_is_aborted(parts: Parts) -> None:
    from django.db.models import Q

    from hven.jobs.transitions import News, change
    from parts import driver_of

    first = parts.dispatcher()
    job = submit("stubborn", how="polite")
    attempt = driver_of(job)
    first.kill()
    kill_driver(attempt)
    assert change(Q(), job.pk, [News("request", "abort")], stop="abort")
    parts.dispatcher()
    job = settled(job)
    assert (job.phase, job.ended is not None) == (Phase.ABORTED, True)
