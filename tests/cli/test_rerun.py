"""`hven rerun`: a job done again by a real service, and compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hven.jobs.configuration import Configuration
from hven.jobs.contents import result_path
from hven.jobs.models import Job, Result, User
from hven.jobs.phases import Phase
from job_rows import make_job
from parts import APPLICATIONS, Parts, settled, submit

Hven = Callable[..., Any]


@pytest.fixture
def parts(configuration: Configuration, transactional_db: None) -> Iterator[Parts]:
    """A dispatcher, and the applications of the tests."""
    found = Parts(configuration)
    found.dispatcher()
    yield found
    found.end()


@pytest.fixture(autouse=True)
def _applications(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(APPLICATIONS)


@pytest.mark.django_db(transaction=True)
class TestRerun:
    def test_the_same_results_are_told_of(self, hven: Hven, parts: Parts, user: User) -> None:
        job = settled(submit("tiles", user, count=4, seconds=0.0, seed=5))
        outcome = hven("rerun", job.pk)
        assert outcome.code == 0, outcome.err
        assert "text: the same bytes" in outcome.out
        assert outcome.out.endswith("the same results\n")
        again = Job.objects.get(rerun_of=job)
        assert f"job {again.pk} does tiles again" in outcome.err
        assert "completed" in outcome.err
        assert (again.fresh, again.steps_done, again.steps_reused) == (True, 4, 0)

    def test_results_that_differ_are_named(self, hven: Hven, parts: Parts, user: User) -> None:
        job = settled(submit("echo", user, words="hello"))
        # As if an earlier version of the application had said something else.
        row = Result.objects.get(job=job, name="text")
        result_path(row).write_text("good day")
        Result.objects.filter(pk=row.pk).update(sha256="", bytes=8)
        outcome = hven("rerun", job.pk)
        assert outcome.code == 1
        assert "text: DIFFERS: other bytes (8 before, 5 now)" in outcome.out
        assert outcome.out.endswith("the results differ\n")
        outcome = hven("rerun", job.pk, "--json")
        found = json.loads(outcome.out)
        assert (outcome.code, found["same"]) == (1, False)
        assert [result["name"] for result in found["results"] if not result["same"]] == ["text"]

    def test_a_job_that_fails_the_second_time_is_told_of(
        self, hven: Hven, parts: Parts, user: User, tmp_path: Path
    ) -> None:
        job = make_job(user, Phase.COMPLETED, application="trouble", parameters={"kind": "input"})
        outcome = hven("rerun", job.pk)
        assert outcome.code == 1
        assert "ended as ERROR: m31.fits: must have a WCS" in outcome.err


@pytest.mark.django_db
@pytest.mark.usefixtures("configuration")
class TestRefusals:
    def test_a_job_that_has_not_completed_cannot_be_compared(self, hven: Hven, user: User) -> None:
        outcome = hven("rerun", make_job(user, Phase.ERROR).pk)
        assert outcome.code == 2
        assert "must be COMPLETED for a comparison, is ERROR" in outcome.err

    def test_a_job_that_is_not_there_is_named(self, hven: Hven) -> None:
        outcome = hven("rerun", "nothing")
        assert outcome.code == 2
        assert "must be the id of a job, got 'nothing'" in outcome.err

    def test_help_is_given(self, hven: Hven) -> None:
        outcome = hven("rerun", "--help")
        assert outcome.code == 0
        assert "JOB" in outcome.out
