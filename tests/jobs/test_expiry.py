"""Destruction dates, deleted jobs, old uploads, and clocks that jump."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hven.jobs.clock import now
from hven.jobs.clock_watch import PAUSE, ClockWatch, deciding_time
from hven.jobs.configuration import Configuration
from hven.jobs.contents import upload_path
from hven.jobs.expiry import Swept, sweep
from hven.jobs.leftovers import GRACE, remove_leftovers, unknown_folders
from hven.jobs.models import Event, Job, Notification, ProductUse, Result, Schedule, Upload, User
from hven.jobs.phases import ACTIVE, TERMINAL, WAITING, Phase
from hven.jobs.products import note_uses
from job_rows import make_job, make_result

pytestmark = pytest.mark.django_db
PAST, FUTURE = timedelta(seconds=-1), timedelta(days=1)


def over(owner: User | None, phase: Phase, **columns: Any) -> Job:
    return make_job(owner, phase, destruction=now() + PAST, attempt=1, **columns)


def phase_of(job: Job) -> str:
    job.refresh_from_db()
    return job.phase


def make_upload(configuration: Configuration, owner: User, **columns: Any) -> Upload:
    given = {"name": "a.fits", "size": 3, "received": 3, "completed": now(), **columns}
    upload = Upload.objects.create(owner=owner, **given)
    path = upload_path(upload.pk)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"abc")
    return upload


class TestJobs:
    @pytest.mark.parametrize("phase", sorted(TERMINAL))
    def test_an_ended_job_leaves_only_its_metadata(
        self, configuration: Configuration, user: User, phase: Phase
    ) -> None:
        job = over(user, phase, label="mine", result_bytes=2, parameters={"size": 3})
        make_result(job, configuration.jobs_folder)
        note_uses(job.pk, made=["a" * 64], reused=[])
        assert sweep() == Swept(archived=1)
        assert phase_of(job) == Phase.ARCHIVED
        assert job.archived is not None
        assert (job.label, job.parameters, job.result_bytes) == ("mine", {"size": 3}, 0)
        assert not (configuration.jobs_folder / str(job.pk)).exists()
        assert not Result.objects.exists()
        assert not ProductUse.objects.exists()
        assert Event.objects.get(job=job).text == "its destruction date has passed"

    @pytest.mark.parametrize("phase", sorted(WAITING))
    def test_a_waiting_job_is_ended_first(
        self, configuration: Configuration, user: User, phase: Phase
    ) -> None:
        job = over(user, phase)
        assert sweep() == Swept(archived=1)
        assert phase_of(job) == Phase.ARCHIVED
        assert job.ended is not None
        events = Event.objects.filter(job=job).order_by("sequence")
        assert [event.data["phase"] for event in events] == ["ABORTED", "ARCHIVED"]

    def test_a_running_job_is_asked_to_stop_and_archived_when_it_has(
        self, configuration: Configuration, user: User
    ) -> None:
        job = over(user, Phase.EXECUTING)
        assert sweep() == Swept(stopped=1)
        assert phase_of(job) == Phase.EXECUTING
        assert (job.stop, job.stop_reason) == ("destroy", "its destruction date has passed")
        assert Event.objects.get(job=job).kind == "request"
        assert sweep() == Swept()
        Job.objects.filter(pk=job.pk).update(phase=Phase.ABORTED)
        assert sweep() == Swept(archived=1)

    @pytest.mark.parametrize("stop", ["hold", "requeue"])
    def test_its_end_is_wanted_even_when_it_was_to_wait(
        self, configuration: Configuration, user: User, stop: str
    ) -> None:
        job = over(user, Phase.EXECUTING, stop=stop)
        sweep()
        job.refresh_from_db()
        assert job.stop == "destroy"

    @pytest.mark.parametrize("stop", ["abort", "delete", "duration"])
    def test_a_job_that_is_ending_is_left_to_it(
        self, configuration: Configuration, user: User, stop: str
    ) -> None:
        job = over(user, Phase.EXECUTING, stop=stop)
        assert sweep() == Swept()
        job.refresh_from_db()
        assert job.stop == stop

    @pytest.mark.parametrize("phase", sorted(ACTIVE | TERMINAL))
    def test_before_its_time_nothing_happens(
        self, configuration: Configuration, user: User, phase: Phase
    ) -> None:
        job = make_job(user, phase, destruction=now() + FUTURE)
        assert sweep() == Swept()
        assert phase_of(job) == phase

    def test_a_deleted_job_is_freed_and_stays_hidden(
        self, configuration: Configuration, user: User
    ) -> None:
        job = make_job(user, Phase.COMPLETED, attempt=1, deleted=now())
        make_result(job, configuration.jobs_folder)
        assert sweep() == Swept(archived=1)
        assert phase_of(job) == Phase.ARCHIVED
        assert job.deleted is not None
        assert not (configuration.jobs_folder / str(job.pk)).exists()
        assert sweep() == Swept()

    def test_many_are_ended_in_one_sweep(self, configuration: Configuration, user: User) -> None:
        for _ in range(130):
            over(user, Phase.ABORTED)
        assert sweep() == Swept(archived=130)

    def test_a_renewed_job_stays(self, configuration: Configuration, user: User) -> None:
        from hven.jobs.expiry import _end

        job = over(user, Phase.COMPLETED)
        make_result(job, configuration.jobs_folder)
        Job.objects.filter(pk=job.pk).update(destruction=now() + FUTURE)
        assert not _end(job, now())
        assert phase_of(job) == Phase.COMPLETED
        assert Result.objects.filter(job=job).exists()

    def test_the_end_of_a_waiting_job_is_mailed(
        self, configuration: Configuration, user: User
    ) -> None:
        over(user, Phase.QUEUED, mail_to="a@example.org", mail_on="end")
        sweep()
        assert Notification.objects.get().address == "a@example.org"


class TestUploads:
    def test_an_old_upload_goes(self, configuration: Configuration, user: User) -> None:
        old = make_upload(configuration, user, expires=now() + PAST)
        young = make_upload(configuration, user, expires=now() + FUTURE)
        assert sweep() == Swept(uploads=1)
        assert list(Upload.objects.all()) == [young]
        assert not upload_path(old.pk).exists()
        assert upload_path(young.pk).exists()

    @pytest.mark.parametrize("phase", sorted(ACTIVE))
    def test_one_that_a_job_still_wants_stays(
        self, configuration: Configuration, user: User, phase: Phase
    ) -> None:
        old = make_upload(configuration, user, expires=now() + PAST)
        job = make_job(user, phase, parameters={"images": [f"upload:{old.pk}"]})
        assert sweep() == Swept()
        assert upload_path(old.pk).exists()
        Job.objects.filter(pk=job.pk).update(phase=Phase.COMPLETED)
        assert sweep() == Swept(uploads=1)

    def test_one_that_a_schedule_wants_stays(
        self, configuration: Configuration, user: User
    ) -> None:
        old = make_upload(configuration, user, expires=now() + PAST)
        parameters = {"table": f"upload:{old.pk.hex}"}
        schedule = Schedule.objects.create(
            owner=user, application="sums", parameters=parameters, next_time=now()
        )
        assert sweep() == Swept()
        Schedule.objects.filter(pk=schedule.pk).update(enabled=False)
        assert sweep() == Swept(uploads=1)


class TestLeftovers:
    def test_files_of_archived_jobs_and_unknown_uploads_go(
        self, configuration: Configuration, user: User
    ) -> None:
        archived = make_job(user, Phase.ARCHIVED)
        kept = make_job(user, Phase.COMPLETED)
        for job in (archived, kept):
            (configuration.jobs_folder / str(job.pk) / "attempt-1").mkdir(parents=True)
        upload = make_upload(configuration, user, expires=now() + FUTURE)
        old, young = upload_path(uuid.uuid4()), upload_path(uuid.uuid4())
        for path in (old, young):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"?")
        os.utime(old, (0.0, time.time() - GRACE - 5.0))
        gone = {configuration.jobs_folder / str(archived.pk), old}
        assert set(remove_leftovers()) == gone
        assert not any(path.exists() for path in gone)
        assert (configuration.jobs_folder / str(kept.pk)).exists()
        assert upload_path(upload.pk).exists()
        assert young.exists()

    def test_what_a_lost_attempt_left_goes_once_the_job_has_ended(
        self, configuration: Configuration, user: User
    ) -> None:
        job = make_job(user, Phase.EXECUTING, attempt=3)
        folder = configuration.jobs_folder / str(job.pk)
        for number in (1, 2, 3):
            (folder / f"attempt-{number}").mkdir(parents=True)
        Result.objects.create(
            job=job, attempt=2, name="sum", file=f"{job.pk}/attempt-2/sum", bytes=2
        )
        assert remove_leftovers() == []
        Job.objects.filter(pk=job.pk).update(phase=Phase.COMPLETED)
        assert remove_leftovers() == [folder / "attempt-1"]
        assert sorted(path.name for path in folder.iterdir()) == ["attempt-2", "attempt-3"]

    def test_a_folder_of_an_unknown_job_is_told_of_and_stays(
        self, configuration: Configuration
    ) -> None:
        folder = configuration.jobs_folder / str(uuid.uuid4())
        folder.mkdir(parents=True)
        (configuration.jobs_folder / "notes").mkdir()
        assert remove_leftovers() == []
        assert list(unknown_folders()) == [folder]


class TestClock:
    @pytest.fixture
    def watch(self, tmp_path: Path) -> ClockWatch:
        return ClockWatch(tmp_path / "run" / "clock.json")

    def test_a_steady_clock_is_trusted(self, watch: ClockWatch) -> None:
        assert watch.trusts(now())
        assert watch.trusts(now())
        assert watch.trusts(now() + timedelta(seconds=30))

    @pytest.mark.parametrize("hours", [1, -1, 72])
    def test_a_jump_suspends_removal_for_a_while(
        self, watch: ClockWatch, caplog: Any, hours: int
    ) -> None:
        watch.trusts(now())
        later = now() + timedelta(hours=hours)
        assert not watch.trusts(later)
        assert "the clock jumped by" in caplog.text
        assert not watch.trusts(later)

    def test_removal_goes_on_when_the_pause_is_over(
        self, watch: ClockWatch, tmp_path: Path
    ) -> None:
        watch.trusts(now())
        watch.trusts(now() + timedelta(hours=1))
        path = tmp_path / "run" / "clock.json"
        boot, offset, trusted_from = json.loads(path.read_text())
        assert trusted_from == pytest.approx(
            time.clock_gettime(time.CLOCK_BOOTTIME) + PAUSE, abs=30.0
        )
        path.write_text(json.dumps([boot, offset, trusted_from - PAUSE - 30.0]))
        assert watch.trusts(now() + timedelta(hours=1))

    def test_a_restart_overlooks_no_jump(self, watch: ClockWatch, tmp_path: Path) -> None:
        watch.trusts(now())
        again = ClockWatch(tmp_path / "run" / "clock.json")
        assert not again.trusts(now() + timedelta(hours=1))

    def test_what_was_seen_before_a_boot_or_is_torn_says_nothing(
        self, watch: ClockWatch, tmp_path: Path
    ) -> None:
        path = tmp_path / "run" / "clock.json"
        path.parent.mkdir()
        path.write_text(json.dumps(["another boot", 0.0, 1e12]))
        assert watch.trusts(now())
        path.write_text("[tor")
        assert watch.trusts(now())

    def test_nothing_is_removed_while_the_clock_is_not_trusted(
        self, configuration: Configuration, user: User
    ) -> None:
        assert sweep() == Swept()
        path = configuration.run_folder / "clock.json"
        boot, offset, trusted_from = json.loads(path.read_text())
        path.write_text(json.dumps([boot, offset - 3600.0, trusted_from]))
        job = over(user, Phase.COMPLETED)
        make_upload(configuration, user, expires=now() + PAST)
        assert sweep() == Swept()
        assert phase_of(job) == Phase.COMPLETED

    def test_the_deciding_time_is_near_ours(self) -> None:
        assert abs((deciding_time() - now()).total_seconds()) < 30.0


_SWEEP = """
import django
from django.conf import settings
from hven.server import settings as module
module.DATABASES["default"]["NAME"] = {name!r}
django.setup()
from hven.jobs.expiry import sweep
sweep()
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", ["expire.before_files", "expire.after_files"])
def test_a_kill_in_the_middle_leaves_nothing_that_is_not_mended(
    configuration: Configuration, user: User, place: str
) -> None:
    from django.db import connection

    job = over(user, Phase.COMPLETED)
    make_result(job, configuration.jobs_folder)
    from django.conf import settings

    environment = {
        **os.environ,
        "HVEN_DATA": str(configuration.data),
        "HVEN_DATABASE": settings.HVEN.database,
        "HVEN_CRASH_AT": place,
        "DJANGO_SETTINGS_MODULE": "hven.server.settings",
    }
    code = _SWEEP.format(name=str(connection.settings_dict["NAME"]))
    done = subprocess.run([sys.executable, "-c", code], env=environment, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert phase_of(job) == Phase.ARCHIVED
    assert not Result.objects.exists()
    folder = configuration.jobs_folder / str(job.pk)
    assert folder.exists() == (place == "expire.before_files")
    remove_leftovers()
    assert not folder.exists()
    assert sweep() == Swept()
