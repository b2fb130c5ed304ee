"""Jobs that are submitted by themselves."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from hven.errors import UnavailableError
from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.models import Job, Lane, Schedule, Switch, User
from hven.jobs.schedules import next_time, submit_due
from parts import APPLICATIONS

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _applications(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(APPLICATIONS)


def schedule(owner: User, **columns: Any) -> Schedule:
    given = {"next_time": now() - timedelta(seconds=1), "application": "echo", **columns}
    return Schedule.objects.create(owner=owner, **given)


def test_a_due_schedule_submits_its_request(user: User) -> None:
    made = schedule(user, parameters={"words": "hi"}, label="nightly", lane=Lane.BATCH)
    (job,) = submit_due()
    assert (job.owner, job.application, job.label) == (user, "echo", "nightly")
    assert (job.lane, job.phase, job.parameters["words"]) == (Lane.BATCH, "QUEUED", "hi")
    made.refresh_from_db()
    assert made.last_job == job


def test_what_is_not_due_or_switched_off_waits(user: User) -> None:
    schedule(user, next_time=now() + HOUR)
    schedule(user, enabled=False)
    assert submit_due() == []


def test_one_without_a_repetition_is_submitted_once(user: User) -> None:
    made = schedule(user)
    assert len(submit_due()) == 1
    assert submit_due() == []
    made.refresh_from_db()
    assert not made.enabled


def test_times_that_were_missed_are_made_up_for_once(user: User) -> None:
    first = now() - 5.5 * HOUR
    made = schedule(user, next_time=first, every_seconds=3600)
    assert len(submit_due()) == 1
    assert submit_due() == []
    made.refresh_from_db()
    assert made.next_time == first + 6 * HOUR


def test_it_ends_when_it_was_to_end(user: User) -> None:
    made = schedule(user, every_seconds=3600, until=now() + HOUR / 2)
    assert len(submit_due()) == 1
    made.refresh_from_db()
    assert not made.enabled


@pytest.mark.parametrize(("late", "following"), [(0, 1), (0.5, 1), (1, 2), (2.5, 3)])
def test_the_next_time_is_the_first_that_is_still_to_come(late: float, following: int) -> None:
    first = now()
    made = Schedule(next_time=first, every_seconds=3600)
    assert next_time(made, first + late * HOUR) == first + following * HOUR


def test_a_refused_request_says_why_and_comes_again_at_its_next_time(user: User) -> None:
    made = schedule(user, parameters={"wrong": 1}, every_seconds=3600)
    assert submit_due() == []
    made.refresh_from_db()
    assert "wrong" in made.fault
    assert made.enabled
    assert made.next_time > now()
    assert not Job.objects.exists()


def test_the_fault_is_forgotten_when_it_is_taken_again(user: User) -> None:
    made = schedule(user, fault="it was refused")
    submit_due()
    made.refresh_from_db()
    assert made.fault == ""


def test_a_disabled_account_submits_nothing(user: User) -> None:
    User.objects.update(is_active=False)
    made = schedule(user, every_seconds=3600)
    assert submit_due() == []
    made.refresh_from_db()
    assert "account" in made.fault


def test_while_the_service_takes_nothing_the_time_stays_due(user: User) -> None:
    made = schedule(user)
    switch = Switch.objects.create(name="drain")
    with pytest.raises(UnavailableError):
        submit_due()
    made.refresh_from_db()
    assert made.enabled
    switch.delete()
    assert len(submit_due()) == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_keepers_one_submits(user: User) -> None:
    for _ in range(5):
        schedule(user, every_seconds=3600)
    jobs: list[Job] = []

    def keep() -> None:
        jobs.extend(submit_due())
        connection.close()

    threads = [threading.Thread(target=keep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert len(jobs) == Job.objects.count() == 5
