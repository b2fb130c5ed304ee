"""What earlier jobs tell about those to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hven.declare import Application
from hven.jobs.applications import application
from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.history import Estimate, estimate, expected_end, usual_time
from hven.jobs.models import Job, Upload, User
from hven.jobs.phases import Phase
from input_files import PACKAGES
from job_rows import make_job


@pytest.fixture
def copy(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> Application:
    """An application that takes files."""
    for package in PACKAGES:
        monkeypatch.syspath_prepend(package)
    return application("copy")


def upload(owner: User, size: int) -> str:
    row = Upload.objects.create(
        owner=owner, name="a", received=size, expires=now() + timedelta(days=1)
    )
    return f"upload:{row.pk}"


def ended(owner: User, seconds: float, **columns: Any) -> Job:
    moment = now()
    begun = moment - timedelta(seconds=seconds)
    given = {"attempt": 1, "started": begun, "ended": moment, **columns}
    return make_job(owner, Phase.COMPLETED, **given)


def seconds(time: timedelta | None) -> float:
    assert time is not None
    return time.total_seconds()


def test_the_form_and_a_jobs_page_say_the_same(user: User, copy: Application) -> None:
    for size, took in ((100, 10.0), (200, 24.0), (50, 4.0)):
        given = {"files": [upload(user, size)]}
        ended(user, took, application="copy", parameters=given, result_bytes=2 * size)
    mine = {"files": [upload(user, 60), upload(user, 40)]}
    told = estimate(copy, None, 100)
    # 10, 24 / 2 and 4 * 2 seconds for a hundred bytes.
    assert told.seconds is not None
    assert told.bytes is not None
    assert told.seconds == pytest.approx((8.0, 10.0, 12.0), rel=1e-3)
    assert tuple(told.bytes) == (200, 200, 200)
    assert (told.source, told.jobs, told.scaled) == ("history", 3, True)
    job = make_job(user, application="copy", parameters=mine)
    assert seconds(usual_time(job)) == pytest.approx(10.0, rel=1e-3)


@pytest.mark.parametrize(
    "columns",
    [
        {"application_version": 2},
        {"attempt": 2},
        {"steps_reused": 3},
        {"started": None},
        {"application": "other"},
    ],
)
def test_jobs_of_another_kind_tell_nothing(
    user: User, copy: Application, columns: dict[str, Any]
) -> None:
    ended(user, 10, **{"application": "copy", **columns})
    assert estimate(copy, None, 0) == Estimate()


def test_of_very_many_files_some_stand_for_all(user: User, copy: Application) -> None:
    few = [upload(user, 10) for _ in range(20)]
    ended(user, 10, application="copy", parameters={"files": few * 50})
    told = estimate(copy, None, 10_000)
    assert told.seconds is not None
    assert told.seconds.middle == pytest.approx(10.0, rel=1e-3)


def test_a_job_of_which_an_input_is_not_known_is_left_aside(user: User, copy: Application) -> None:
    given = {"files": [upload(user, 10), "upload:00000000-0000-0000-0000-000000000001"]}
    ended(user, 10, application="copy", parameters=given)
    assert estimate(copy, None, 100) == Estimate()


def test_a_job_that_waits_is_expected_to_end_after_those_before_it(
    user: User, configuration: Configuration, settings: Any
) -> None:
    settings.HVEN = replace(configuration, slots=2)
    job = make_job(user)
    assert expected_end(job, 1) is None
    ended(user, 60)
    ended(user, 30, application="other")
    # On average jobs of all kinds take 45 s, this one 60 s.
    for place, wait in ((1, 0), (2, 0), (3, 45), (4, 45), (5, 90)):
        end = expected_end(job, place)
        assert end is not None
        assert seconds(end - now()) == pytest.approx(60 + wait, abs=5)
    make_job(user, Phase.EXECUTING)
    end = expected_end(job, 2)
    assert end is not None
    assert seconds(end - now()) == pytest.approx(105, abs=5)


def test_what_is_not_in_turn_has_no_expected_end(user: User) -> None:
    ended(user, 60)
    for phase in (Phase.PENDING, Phase.HELD, Phase.COMPLETED):
        assert expected_end(make_job(user, phase)) is None
    assert expected_end(make_job(user), 0) is None
