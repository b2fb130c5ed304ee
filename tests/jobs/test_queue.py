"""Whose turn it is, and what the others are told."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from hven.jobs.clock import lease_clock, now
from hven.jobs.models import Attempt, Event, Job, Lane, Switch, User
from hven.jobs.phases import Phase
from hven.jobs.queue import claim_next, position, positions
from job_rows import make_job

pytestmark = pytest.mark.django_db


def claim(worker: str = "worker", **wishes: Any) -> Job | None:
    return claim_next("here", worker, lease_seconds=30.0, **wishes)


def queued(owner: User, number: int = 1, **columns: Any) -> list[Job]:
    """Jobs of a user, each a second after the one before it."""
    first = columns.pop("queued", now())
    return [
        make_job(owner, queued=first + timedelta(seconds=place), **columns)
        for place in range(number)
    ]


def owners_in_turn(number: int, **wishes: Any) -> list[str]:
    found = [claim(f"worker {turn}", **wishes) for turn in range(number)]
    return [job.owner.username for job in found if job is not None and job.owner]


class TestClaims:
    def test_an_empty_queue_gives_nothing(self) -> None:
        assert claim() is None

    def test_the_job_begins_an_attempt_under_a_lease(self, user: User) -> None:
        job = make_job(user, waits_for="space", not_before=now() - timedelta(seconds=5))
        taken = claim("driver 7")
        assert taken is not None
        assert (taken.pk, taken.phase, taken.attempt) == (job.pk, Phase.EXECUTING, 1)
        assert (taken.node, taken.worker) == ("here", "driver 7")
        assert (taken.waits_for, taken.not_before) == ("", None)
        assert taken.started is not None
        assert taken.lease_clock == lease_clock().name
        over = Job.objects.filter(lease_clock().is_over(), pk=job.pk)
        assert not over.exists()
        attempt = Attempt.objects.get(job=job)
        assert (attempt.number, attempt.worker, attempt.node) == (1, "driver 7", "here")
        assert attempt.outcome == "running"
        event = Event.objects.get(job=job)
        assert (event.sequence, event.attempt, event.kind) == (1, 1, "phase")
        assert event.data["phase"] == "EXECUTING"

    def test_another_attempt_keeps_the_time_of_the_first(self, user: User) -> None:
        begun = now() - timedelta(hours=1)
        job = make_job(user, attempt=2, started=begun)
        taken = claim()
        assert taken is not None
        assert (taken.attempt, taken.started) == (3, begun)
        assert Attempt.objects.get(job=job).number == 3

    @pytest.mark.parametrize("phase", [phase for phase in Phase if phase != Phase.QUEUED])
    def test_only_queued_jobs_are_taken(self, user: User, phase: Phase) -> None:
        make_job(user, phase)
        assert claim() is None

    def test_a_job_is_not_taken_before_its_time(self, user: User) -> None:
        job = make_job(user, not_before=now() + timedelta(hours=1))
        assert claim() is None
        Job.objects.filter(pk=job.pk).update(not_before=now())
        assert claim() is not None

    def test_a_deleted_job_is_not_taken(self, user: User) -> None:
        make_job(user, deleted=now())
        assert claim() is None

    def test_a_drained_service_begins_nothing(self, user: User) -> None:
        make_job(user)
        Switch.objects.create(name="drain", reason="new disks")
        assert claim() is None
        Switch.objects.all().delete()
        assert claim() is not None

    def test_a_job_is_taken_once(self, user: User) -> None:
        make_job(user)
        assert claim() is not None
        assert claim("another") is None


class TestOrder:
    def test_a_users_jobs_go_by_age(self, user: User) -> None:
        jobs = queued(user, 3)
        assert [claim(str(turn)) for turn in range(3)] == jobs

    def test_all_of_a_lane_go_before_any_of_the_next(self, user: User, stranger: User) -> None:
        queued(user, 2, lane=Lane.BATCH)
        queued(stranger, 2, lane=Lane.INTERACTIVE)
        queued(user, 1, lane=Lane.REAL_TIME)
        assert owners_in_turn(5) == ["alice", "charlie", "charlie", "alice", "alice"]

    def test_lanes_can_be_left_out(self, user: User) -> None:
        queued(user, 1, lane=Lane.BATCH)
        assert claim(lanes=(Lane.REAL_TIME, Lane.INTERACTIVE)) is None
        assert claim(lanes=(Lane.BATCH,)) is not None

    def test_one_job_of_a_user_does_not_wait_for_many_of_another(
        self, user: User, stranger: User
    ) -> None:
        queued(user, 50)
        queued(stranger, 2, queued=now() + timedelta(minutes=5))
        assert owners_in_turn(5) == ["alice", "charlie", "alice", "charlie", "alice"]

    def test_who_has_more_running_comes_later(self, user: User, stranger: User) -> None:
        for _ in range(3):
            make_job(user, Phase.EXECUTING)
        queued(user, 2)
        queued(stranger, 4, queued=now() + timedelta(minutes=5))
        assert owners_in_turn(4) == ["charlie", "charlie", "charlie", "alice"]

    def test_what_runs_in_another_lane_does_not_count(self, user: User, stranger: User) -> None:
        make_job(user, Phase.EXECUTING, lane=Lane.BATCH)
        queued(user, 1)
        queued(stranger, 1, queued=now() + timedelta(minutes=5))
        assert owners_in_turn(1) == ["alice"]

    def test_of_two_with_as_many_running_the_one_served_longest_ago_goes_first(
        self, user: User, stranger: User
    ) -> None:
        queued(user, 1)
        queued(stranger, 1, queued=now() + timedelta(minutes=5))
        assert owners_in_turn(1, served={user.pk: 20.0, stranger.pk: 10.0}) == ["charlie"]

    def test_who_was_never_served_goes_before_who_was(self, user: User, stranger: User) -> None:
        queued(user, 1)
        queued(stranger, 1, queued=now() + timedelta(minutes=5))
        assert owners_in_turn(1, served={user.pk: 20.0}) == ["charlie"]

    def test_the_anonymous_share_one_turn(self, user: User) -> None:
        for _ in range(3):
            make_job(None)
        queued(user, 2)
        taken = [claim(str(turn)) for turn in range(4)]
        assert [job.owner_id for job in taken if job] == [None, user.pk, None, user.pk]


class TestPositions:
    def test_the_next_is_told_so(self, user: User) -> None:
        (job,) = queued(user)
        assert position(job) == (1, "begins next")

    def test_own_jobs_and_those_of_others_are_counted(self, user: User, stranger: User) -> None:
        jobs = queued(user, 3)
        queued(stranger, 10, queued=now() + timedelta(minutes=5))
        assert position(jobs[1]) == (3, "1 of your jobs and 1 other before it")
        assert position(jobs[2]) == (5, "2 of your jobs and 2 others before it")

    def test_faster_lanes_are_before_it(self, user: User, stranger: User) -> None:
        (job,) = queued(user, 1, lane=Lane.BATCH)
        queued(stranger, 2, lane=Lane.REAL_TIME)
        assert position(job) == (3, "2 jobs before it")

    def test_positions_foretell_the_order_of_claims(self, user: User, stranger: User) -> None:
        third = User.objects.create_user("third")
        for _ in range(2):
            make_job(user, Phase.EXECUTING)
        make_job(third, Phase.EXECUTING)
        jobs = queued(user, 4)
        jobs += queued(stranger, 3, queued=now() + timedelta(minutes=1))
        jobs += queued(third, 2, queued=now() - timedelta(minutes=1))
        jobs += queued(stranger, 2, lane=Lane.BATCH)
        foretold = sorted(jobs, key=lambda job: positions(jobs)[job.pk].number)
        assert sorted(place.number for place in positions(jobs).values()) == list(range(1, 12))
        assert [claim(str(turn)) for turn in range(11)] == foretold

    @pytest.mark.parametrize(
        ("phase", "reason"),
        [
            (Phase.HELD, "held by you"),
            (Phase.PENDING, "waits to be run by you"),
            (Phase.EXECUTING, ""),
            (Phase.COMPLETED, ""),
        ],
    )
    def test_what_is_not_queued_has_no_number(self, user: User, phase: Phase, reason: str) -> None:
        assert position(make_job(user, phase)) == (0, reason)

    def test_a_time_that_was_asked_for_is_told(self, user: User) -> None:
        job = make_job(user, not_before=now() + timedelta(hours=1))
        until = f"{job.not_before:%Y-%m-%d %H:%M:%S} UTC"
        assert position(job) == (0, f"waits until {until}, as was asked for")

    def test_a_pause_before_another_attempt_is_told(self, user: User) -> None:
        job = make_job(user, attempt=1, not_before=now() + timedelta(hours=1))
        assert position(job).reason.startswith("waits for another attempt until ")
        job.waits_for = "tried again after 2 s: a worker died"
        assert position(job).reason.startswith("tried again after 2 s: a worker died (until ")

    def test_a_drained_service_is_told(self, user: User) -> None:
        jobs = queued(user, 2)
        Switch.objects.create(name="drain", reason="new disks")
        assert position(jobs[1]) == (2, "the service is drained: new disks")

    def test_many_positions_take_no_more_queries_than_one(
        self, user: User, django_assert_max_num_queries: Any
    ) -> None:
        jobs = queued(user, 30)
        with django_assert_max_num_queries(2 + 2 * 2):
            found = positions(jobs)
        assert [found[job.pk].number for job in jobs] == list(range(1, 31))


@pytest.mark.django_db(transaction=True)
def test_of_eight_dispatchers_none_takes_a_job_twice(user: User, stranger: User) -> None:
    moment, number = now(), 400
    Job.objects.bulk_create(
        Job(
            owner=user if place % 10 else stranger,
            application="sums",
            application_version=1,
            phase=Phase.QUEUED.value,
            queued=moment,
            destruction=moment + timedelta(days=1),
        )
        for place in range(number)
    )
    taken: Counter[Any] = Counter()
    faults: list[Exception] = []

    def take_all(name: str) -> None:
        try:
            while job := claim(f"{name} {sum(taken.values())}"):
                taken[job.pk] += 1
        except Exception as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=take_all, args=[str(place)]) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120.0)
    assert not faults
    assert set(taken.values()) == {1}
    assert len(taken) == number
    assert Attempt.objects.count() == Event.objects.count() == number
    assert set(Job.objects.values_list("attempt", flat=True)) == {1}
