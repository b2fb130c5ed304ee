"""Moves of a job, many at once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import pytest
from django.db import connection, connections
from django.db.models import Q

from hven.jobs.clock import lease_clock
from hven.jobs.models import Event, Job, Notification, User
from hven.jobs.phases import Move, Phase
from hven.jobs.transitions import Fence, News, change, move
from job_rows import make_job

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(count: int, call: Callable[[], bool]) -> int:
    """How many of so many threads that do it together succeed."""
    barrier, won = threading.Barrier(count), []

    def one() -> None:
        try:
            connection.ensure_connection()
            barrier.wait()
            won.append(call())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == count
    return sum(won)


def numbers(job: Job) -> list[int]:
    return list(Event.objects.filter(job=job).order_by("pk").values_list("sequence", flat=True))


def test_of_a_hundred_that_run_a_job_at_once_one_succeeds() -> None:
    job = make_job(phase=Phase.PENDING)
    assert sum(at_once(20, lambda: move(job.pk, Move.RUN)) for _ in range(5)) == 1
    assert numbers(job) == [1]


def test_events_that_many_write_at_once_are_numbered_without_a_gap() -> None:
    job = make_job()
    assert at_once(20, lambda: change(Q(), job.pk, [News("say", "a"), News("say", "b")])) == 20
    assert numbers(job) == list(range(1, 41))


def test_a_move_that_is_not_allowed_changes_nothing() -> None:
    job = make_job(phase=Phase.COMPLETED)
    assert not move(job.pk, Move.ABORT, "too late", label="changed")
    job.refresh_from_db()
    assert (job.phase, job.label, numbers(job)) == (Phase.COMPLETED, "", [])


def test_a_job_that_there_is_not_cannot_be_moved() -> None:
    assert not move(uuid.uuid4(), Move.RUN)


def test_a_fence_holds_for_one_attempt_of_one_worker() -> None:
    job = make_job(phase=Phase.EXECUTING, attempt=2, worker="here")
    assert not change(Fence(job.pk, 1, "here").holds, job.pk, [News("say", "late")])
    assert not change(Fence(job.pk, 2, "there").holds, job.pk, [News("say", "other")])
    assert change(Fence(job.pk, 2, "here").holds, job.pk, [News("say", "mine")])
    assert Event.objects.get(job=job).text == "mine"


def test_an_end_that_never_began_has_a_time_all_the_same() -> None:
    job = make_job(phase=Phase.PENDING)
    assert move(job.pk, Move.ABORT)
    job.refresh_from_db()
    assert job.ended is not None
    assert job.ended.microsecond % 1000 == 0


def test_a_job_that_is_tried_again_keeps_its_place_in_the_queue() -> None:
    job = make_job(phase=Phase.EXECUTING)
    before = job.queued
    assert move(job.pk, Move.REQUEUE)
    job.refresh_from_db()
    assert job.queued == before


@pytest.mark.parametrize(
    ("wanted", "end", "count"),
    [
        ("end", Move.ABORT, 2),
        ("failure", Move.ABORT, 0),
        ("failure", Move.FAIL, 2),
        ("", Move.FAIL, 0),
    ],
)
def test_the_end_notes_the_mails_that_are_wanted(
    user: User, wanted: str, end: Move, count: int
) -> None:
    job = make_job(user, mail_to="a@example.org, b@example.org", mail_on=wanted)
    assert move(job.pk, end)
    found = Notification.objects.filter(job=job)
    assert found.count() == count
    assert {row.event for row in found} <= {1}


def test_an_expired_lease_is_seen_as_expired_by_the_database_in_use() -> None:
    clock = lease_clock()
    job = make_job(phase=Phase.EXECUTING)
    for seconds, over in ((-0.5, True), (30.0, False)):
        Job.objects.update(lease_until=clock.after(seconds), lease_clock=clock.name)
        assert Job.objects.filter(lease_clock().is_over(), pk=job.pk).exists() is over
    Job.objects.update(lease_clock="boot of another day")
    assert Job.objects.filter(lease_clock().is_over(), pk=job.pk).exists()
