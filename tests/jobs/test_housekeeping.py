"""The keeper: duties go on whatever becomes of one of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.housekeeping import Duty, do_once, duties, keep_forever, show
from hven.jobs.models import Job, Notification, Part, User
from hven.jobs.phases import Phase
from job_rows import make_job, make_result
from parts import wait_until

pytestmark = pytest.mark.django_db


def failing(error: Exception) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


def test_a_duty_that_fails_is_told_of_and_ends_nothing(caplog: Any) -> None:
    assert not do_once(Duty("sweeping", 1.0, failing(KeyError("a bug"))))
    assert "sweeping failed" in caplog.text
    assert "KeyError" in caplog.text


def test_passing_trouble_is_no_fault(caplog: Any) -> None:
    full = OSError(28, "No space left on device")
    assert not do_once(Duty("sweeping", 1.0, failing(full)))
    assert "sweeping put off" in caplog.text
    assert "Traceback" not in caplog.text


def test_another_error_of_the_database_is_a_fault(caplog: Any) -> None:
    assert not do_once(Duty("sweeping", 1.0, failing(OperationalError("no such table"))))
    assert "sweeping failed" in caplog.text


def test_every_duty_can_be_done(configuration: Configuration, user: User) -> None:
    assert all(do_once(duty) for duty in duties())


def test_sweeps_come_every_ten_seconds() -> None:
    assert {duty.name: duty.every for duty in duties()}["expiry"] <= 10.0


def test_a_keeper_is_seen_and_dead_parts_are_forgotten(configuration: Configuration) -> None:
    for name, age in (("old", timedelta(days=2)), ("young", timedelta(minutes=1))):
        Part.objects.create(name=name, kind="web", node="here", process=1, seen=now() - age)
    show()
    show()
    assert set(Part.objects.values_list("kind", "node")) == {("web", "here"), ("keeper", "here")}


@pytest.mark.django_db(transaction=True)
def test_a_keeper_does_its_duties_until_it_is_told_to_end(
    configuration: Configuration, user: User
) -> None:
    job = make_job(user, Phase.COMPLETED, destruction=now() - timedelta(seconds=1), attempt=1)
    make_result(job, configuration.jobs_folder)
    Notification.objects.create(job=job, event=1, address="alice@example.org")
    ending = threading.Event()

    def keep() -> None:
        keep_forever(ending.is_set)
        connection.close()

    thread = threading.Thread(target=keep)
    thread.start()
    wait_until(lambda: Job.objects.get().phase == Phase.ARCHIVED)
    wait_until(lambda: Notification.objects.get().state == "sent")
    wait_until(lambda: Part.objects.filter(kind="keeper").exists())
    begun = time.monotonic()
    ending.set()
    thread.join(30.0)
    assert not thread.is_alive()
    assert time.monotonic() - begun < 10.0
    assert not Part.objects.exists()
