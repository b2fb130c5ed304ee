"""The doctor finds what is wrong, says how to mend it, and mends it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hven.engine.manifests import Made
from hven.engine.store import open_store
from hven.jobs.clock import boot_id, lease_clock, now
from hven.jobs.configuration import Configuration
from hven.jobs.contents import result_path, upload_path
from hven.jobs.doctor import examine
from hven.jobs.finding import Finding
from hven.jobs.models import (
    Attempt,
    Event,
    Job,
    Notification,
    Outcome,
    Part,
    Result,
    Switch,
    Upload,
    User,
)
from hven.jobs.phases import Phase
from hven.jobs.processes import start_of
from hven.jobs.queue import claim_next
from job_rows import make_job, make_result
from parts import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _running_parts(configuration: Configuration) -> None:
    for kind in ("dispatcher", "keeper"):
        Part.objects.create(name=kind, kind=kind, node="here", process=1)


def only(kind: str, *, deep: bool = False) -> Finding:
    """The one finding there is, of that kind."""
    found = list(examine(deep=deep))
    assert [finding.kind for finding in found] == [kind]
    assert found[0].remedy
    return found[0]


def mend(kind: str, *, deep: bool = False) -> None:
    """Mend the one finding there is; nothing is left to be found."""
    finding = only(kind, deep=deep)
    assert finding.mend is not None
    finding.mend()
    assert list(examine(deep=deep)) == []


def completed(configuration: Configuration, owner: User) -> tuple[Job, Result]:
    job = make_job(owner, Phase.COMPLETED, attempt=1)
    result = make_result(job, configuration.jobs_folder)
    result.sha256 = hashlib.sha256(b"42").hexdigest()
    result.save()
    return job, result


def uploaded(configuration: Configuration, owner: User, **columns: Any) -> Upload:
    given = {
        "name": "a.fits",
        "size": 3,
        "received": 3,
        "completed": now(),
        "expires": now() + timedelta(days=1),
        "sha256": hashlib.sha256(b"abc").hexdigest(),
        **columns,
    }
    upload = Upload.objects.create(owner=owner, **given)
    path = upload_path(upload.pk)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"abc")
    return upload


def test_where_all_is_well_nothing_is_found(configuration: Configuration, user: User) -> None:
    completed(configuration, user)
    uploaded(configuration, user)
    make_job(user)
    assert list(examine(deep=True)) == []


class TestResults:
    def test_a_missing_file_is_withdrawn(self, configuration: Configuration, user: User) -> None:
        job, result = completed(configuration, user)
        result_path(result).unlink()
        finding = only("result.missing")
        assert finding.subject == str(job.pk)
        assert "sum" in finding.text
        assert f"hven rerun {job.pk}" in finding.remedy
        mend("result.missing")
        assert not Result.objects.exists()
        assert "withdrawn" in Event.objects.get(job=job).text

    def test_a_file_of_a_wrong_size_is_withdrawn(
        self, configuration: Configuration, user: User
    ) -> None:
        _, result = completed(configuration, user)
        result_path(result).write_bytes(b"421")
        assert "3 bytes instead of 2" in only("result.wrong").text
        mend("result.wrong")
        assert not Result.objects.exists()

    def test_another_content_is_found_by_a_deep_look(
        self, configuration: Configuration, user: User
    ) -> None:
        _, result = completed(configuration, user)
        result_path(result).write_bytes(b"43")
        assert list(examine()) == []
        mend("result.wrong", deep=True)

    def test_a_lost_folder_is_told_once(self, configuration: Configuration, user: User) -> None:
        job, _ = completed(configuration, user)
        make_result(job, configuration.jobs_folder, "another")
        shutil.rmtree(configuration.jobs_folder / str(job.pk))
        mend("job.without_folder")
        assert not Result.objects.exists()

    def test_a_link_is_no_result(self, configuration: Configuration, user: User) -> None:
        _, result = completed(configuration, user)
        path = result_path(result)
        path.rename(path.with_name("elsewhere"))
        path.symlink_to(path.with_name("elsewhere"))
        only("result.missing")


class TestUploads:
    @pytest.mark.parametrize("content", [None, b"ab", b"abcd"])
    def test_a_wrong_content_is_removed(
        self, configuration: Configuration, user: User, content: bytes | None
    ) -> None:
        upload = uploaded(configuration, user)
        path = upload_path(upload.pk)
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        mend("upload.wrong")
        assert not Upload.objects.exists()

    def test_another_content_is_found_by_a_deep_look(
        self, configuration: Configuration, user: User
    ) -> None:
        upload = uploaded(configuration, user)
        upload_path(upload.pk).write_bytes(b"abx")
        assert list(examine()) == []
        mend("upload.wrong", deep=True)

    def test_one_under_way_may_have_more_than_was_acknowledged(
        self, configuration: Configuration, user: User
    ) -> None:
        uploaded(configuration, user, received=2, completed=None, sha256="")
        assert list(examine(deep=True)) == []

    def test_one_under_way_may_not_have_less(
        self, configuration: Configuration, user: User
    ) -> None:
        uploaded(configuration, user, received=4, size=9, completed=None, sha256="")
        mend("upload.wrong")


class TestFolders:
    def test_a_folder_of_an_unknown_job_is_removed_when_asked(
        self, configuration: Configuration
    ) -> None:
        folder = configuration.jobs_folder / str(uuid.uuid4())
        folder.mkdir(parents=True)
        mend("folder.unknown")
        assert not folder.exists()

    def test_what_an_interrupted_removal_left_is_removed(
        self, configuration: Configuration, user: User
    ) -> None:
        job = make_job(user, Phase.ARCHIVED)
        (configuration.jobs_folder / str(job.pk)).mkdir(parents=True)
        mend("folder.left")

    def test_what_is_no_jobs_is_left_to_people(self, configuration: Configuration) -> None:
        (configuration.jobs_folder / "thesis").mkdir(parents=True)
        assert only("folder.strange").mend is None


class TestService:
    def test_waiting_jobs_want_a_dispatcher(self, configuration: Configuration, user: User) -> None:
        Part.objects.filter(kind="dispatcher").update(seen=now() - timedelta(minutes=5))
        assert list(examine()) == []
        make_job(user)
        assert "1 jobs wait" in only("service.no_dispatcher").text

    def test_a_service_wants_a_keeper(self, configuration: Configuration) -> None:
        Part.objects.filter(kind="keeper").delete()
        only("service.no_keeper")

    def test_a_drained_service_is_told_of(self, configuration: Configuration) -> None:
        Switch.objects.create(name="drain", reason="new disks")
        finding = only("service.drained")
        assert "new disks" in finding.text
        assert "hven admin resume" in finding.remedy

    def test_a_full_disk_is_told_of(self, configuration: Configuration, settings: Any) -> None:
        settings.HVEN = replace(configuration, disk_reserve=2**62)
        only("disk.full")


class TestJobs:
    def test_a_dead_lease_is_settled(self, configuration: Configuration, user: User) -> None:
        make_job(user)
        job = claim_next("there", "somebody", lease_seconds=30.0)
        assert job is not None
        Job.objects.update(lease_until=0.0, lease_clock=lease_clock().name)
        mend("lease.over")
        job.refresh_from_db()
        assert job.phase == Phase.QUEUED
        assert Attempt.objects.get(job=job).outcome == Outcome.LOST

    def test_an_attempt_that_does_not_run_is_marked(
        self, configuration: Configuration, user: User
    ) -> None:
        job = make_job(user, Phase.COMPLETED, attempt=2)
        Attempt.objects.create(job=job, number=1, worker="w", node="here")
        mend("attempt.left")
        assert Attempt.objects.get().outcome == Outcome.LOST

    def test_an_overdue_job_is_told_of(self, configuration: Configuration, user: User) -> None:
        make_job(user, Phase.COMPLETED, destruction=now() - timedelta(hours=1))
        only("job.overdue")

    def test_a_gap_in_the_events_is_found_by_a_deep_look(
        self, configuration: Configuration, user: User
    ) -> None:
        make_job(user, Phase.COMPLETED, events=3)
        assert list(examine()) == []
        only("job.events", deep=True)

    def test_a_mail_in_doubt_is_given_up(self, configuration: Configuration, user: User) -> None:
        job = make_job(user, Phase.COMPLETED)
        early = now() - timedelta(hours=1)
        Notification.objects.create(
            job=job, event=1, address="a@example.org", state="sending", not_before=early
        )
        mend("mail.in_doubt")
        assert Notification.objects.get().state == "failed"
        assert "may not have been sent" in Event.objects.get(job=job).text

    def test_mails_that_nobody_sends_are_told_of(
        self, configuration: Configuration, user: User
    ) -> None:
        early = now() - timedelta(hours=1)
        job = make_job(user, Phase.COMPLETED)
        Notification.objects.create(job=job, event=1, address="a@b.org", not_before=early)
        only("mail.waiting")


_FAMILY = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print("ready", flush=True)
time.sleep(300)
"""


class TestProcesses:
    @pytest.fixture
    def driver(self) -> Iterator[subprocess.Popen[bytes]]:
        """A process with a session of its own and another one in it, as drivers are."""
        process = subprocess.Popen(
            [sys.executable, "-c", _FAMILY], stdout=subprocess.PIPE, start_new_session=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()
        process.wait()
        process.stdout.close()

    def attempt(self, owner: User, process: int, **columns: Any) -> Attempt:
        given: dict[str, Any] = {
            "process_start": start_of(process),
            "boot": boot_id(),
            "ended": now() - timedelta(hours=1),
            "outcome": Outcome.LOST,
            **columns,
        }
        job = make_job(owner, Phase.COMPLETED, attempt=1)
        return Attempt.objects.create(
            job=job, number=1, worker="w", node="here", process=process, **given
        )

    def test_what_works_for_an_attempt_that_is_over_is_killed(
        self, configuration: Configuration, user: User, driver: subprocess.Popen[bytes]
    ) -> None:
        self.attempt(user, driver.pid)
        found = list(examine())
        assert [finding.kind for finding in found] == ["process.orphan"] * 2
        driver.kill()
        driver.wait()
        # The one that it left behind is still found.
        (left,) = examine()
        assert left.mend is not None
        left.mend()
        wait_until(lambda: not list(examine()))

    def test_a_running_attempt_is_left_alone(
        self, configuration: Configuration, user: User, driver: subprocess.Popen[bytes]
    ) -> None:
        attempt = self.attempt(user, driver.pid, ended=None, outcome=Outcome.RUNNING)
        Job.objects.filter(pk=attempt.job_id).update(
            phase=Phase.EXECUTING, lease_until=2**40, lease_clock=lease_clock().name
        )
        assert list(examine()) == []

    @pytest.mark.parametrize("columns", [{"process_start": 5}, {"boot": "another"}])
    def test_another_process_of_the_same_number_is_left_alone(
        self,
        configuration: Configuration,
        user: User,
        driver: subprocess.Popen[bytes],
        columns: dict[str, Any],
    ) -> None:
        self.attempt(user, driver.pid, **columns)
        assert list(examine()) == []


def test_a_damaged_product_is_removed(configuration: Configuration) -> None:
    store = open_store(configuration.store_location)
    key = "ab" * 32
    store.keep(key, 1, store.draft(), Made("steps.one", 1, 0.0, 0.0, "", ()))
    assert list(examine(deep=True)) == []
    store.product_path(key).write_bytes(b"?")
    other = type(store)(configuration.store_location)
    assert other.read(key).fault
    store._forget(key)
    mend("product.damaged", deep=True)
    assert not store.has(key)
