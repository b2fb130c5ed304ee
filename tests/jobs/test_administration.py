"""Draining, making room, and doing a job again to compare."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from hven.errors import ConflictError, UnavailableError
from hven.jobs.administration import drain, requeue, resume
from hven.jobs.configuration import Configuration
from hven.jobs.limits import require_open
from hven.jobs.models import Event, Job, Stop, Switch, User
from hven.jobs.phases import Phase
from hven.jobs.queue import claim_next
from hven.jobs.repeat import compare, repeat, wait_for
from hven.jobs.transitions import Move, move
from job_rows import make_job, make_result
from parts import APPLICATIONS

pytestmark = pytest.mark.django_db


class TestDraining:
    def test_a_drained_service_takes_and_begins_nothing(
        self, configuration: Configuration, user: User
    ) -> None:
        make_job(user)
        make_job(user, Phase.EXECUTING)
        assert drain("new disks") == 1
        assert claim_next("here", "w", lease_seconds=30.0) is None
        with pytest.raises(UnavailableError, match="new disks"):
            require_open()
        assert resume()
        require_open()
        assert claim_next("here", "w", lease_seconds=30.0) is not None

    def test_it_may_be_drained_again_for_another_reason(
        self, configuration: Configuration, db: None
    ) -> None:
        drain("new disks")
        drain("x" * 500)
        assert Switch.objects.get().reason == "x" * 200

    def test_one_that_was_not_drained_says_so(self, configuration: Configuration, db: None) -> None:
        assert not resume()


class TestMakingRoom:
    def test_a_running_job_is_asked_to(self, configuration: Configuration, user: User) -> None:
        job = make_job(user, Phase.EXECUTING)
        requeue(job, "a larger job comes first")
        job.refresh_from_db()
        assert (job.phase, job.stop) == (Phase.EXECUTING, Stop.REQUEUE)
        assert job.stop_reason == "a larger job comes first"
        assert Event.objects.get(job=job).text == "a larger job comes first"

    def test_a_held_job_is_released(self, configuration: Configuration, user: User) -> None:
        job = make_job(user, Phase.HELD)
        requeue(job)
        job.refresh_from_db()
        assert job.phase == Phase.QUEUED

    @pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.COMPLETED, Phase.ERROR])
    def test_another_is_refused(
        self, configuration: Configuration, user: User, phase: Phase
    ) -> None:
        job = make_job(user, phase)
        with pytest.raises(ConflictError, match=f"is {phase}; hven rerun {job.pk}"):
            requeue(job)

    def test_one_that_is_stopping_is_left_to_it(
        self, configuration: Configuration, user: User
    ) -> None:
        job = make_job(user, Phase.EXECUTING, stop=Stop.ABORT)
        with pytest.raises(ConflictError, match="asked to stop"):
            requeue(job)


class TestRepeating:
    @pytest.fixture(autouse=True)
    def _applications(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(APPLICATIONS)

    def test_the_same_is_asked_for_and_nothing_reused(
        self, configuration: Configuration, user: User
    ) -> None:
        job = make_job(user, Phase.COMPLETED, application="echo", parameters={"words": "hi"})
        again = repeat(job)
        assert (again.owner, again.application, again.phase) == (user, "echo", Phase.QUEUED)
        assert (again.parameters, again.fresh, again.rerun_of) == ({"words": "hi"}, True, job)

    @pytest.mark.parametrize("phase", [Phase.ERROR, Phase.EXECUTING, Phase.ARCHIVED])
    def test_what_gave_nothing_cannot_be_compared(
        self, configuration: Configuration, user: User, phase: Phase
    ) -> None:
        with pytest.raises(ConflictError, match=f"must be COMPLETED .* is {phase}"):
            repeat(make_job(user, phase, application="echo"))

    def test_waiting_ends_with_the_job_and_tells_what_happens(self, user: User) -> None:
        job = make_job(user)
        seen: list[str] = []

        def tell(now: Job) -> None:
            seen.append(now.phase)
            if now.phase == Phase.QUEUED:
                move(now.pk, Move.CLAIM)
            elif now.phase == Phase.EXECUTING:
                move(now.pk, Move.COMPLETE)

        assert wait_for(job, tell).phase == Phase.COMPLETED
        assert seen == ["QUEUED", "EXECUTING", "COMPLETED"]

    def completed(self, folder: Any, owner: User, **results: bytes) -> Job:
        job = make_job(owner, Phase.COMPLETED, attempt=1)
        for name, content in results.items():
            row = make_result(job, folder, name, content)
            row.sha256 = hashlib.sha256(content).hexdigest()
            row.role = name if name in ("log", "provenance") else "product"
            row.save()
        return job

    def test_results_are_compared_by_name(self, configuration: Configuration, user: User) -> None:
        folder = configuration.jobs_folder
        before = self.completed(folder, user, sum=b"42", rest=b"1", gone=b"", log=b"at noon")
        now = self.completed(folder, user, sum=b"42", rest=b"22", new=b"", log=b"at one")
        found = dict(compare(before, now))
        assert list(found) == ["sum", "rest", "gone", "new"]
        assert found["sum"] == (True, "the same bytes")
        assert found["rest"] == (False, "other bytes (1 before, 2 now)")
        assert found["gone"] == (False, "is not given any more")
        assert found["new"] == (False, "is new")

    def test_a_file_that_is_gone_cannot_be_compared(
        self, configuration: Configuration, user: User
    ) -> None:
        folder = configuration.jobs_folder
        before = self.completed(folder, user, sum=b"42")
        now = self.completed(folder, user, sum=b"43")
        next((folder / str(before.pk)).rglob("sum")).unlink()
        ((_, verdict),) = compare(before, now)
        assert not verdict.same
        assert "is gone" in verdict.text
