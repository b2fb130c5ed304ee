"""`hven admin`: jobs, users, datasets, and the state of the service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.models import Attempt, Dataset, Job, Part, Stop, Switch, User
from hven.jobs.phases import Phase
from hven.jobs.transitions import Move, move
from hven.web import tokens
from job_rows import make_job, make_result

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("configuration")]
Hven = Callable[..., Any]


@pytest.fixture
def admin(hven: Hven) -> Hven:
    return lambda *words: hven("admin", *words)


def as_json(outcome: Any) -> Any:
    assert outcome.code == 0
    return json.loads(outcome.out)


class TestListing:
    def test_jobs_are_listed_newest_first(self, admin: Hven, user: User, stranger: User) -> None:
        old = make_job(user, Phase.COMPLETED, created=now() - timedelta(days=1), steps_total=4)
        new = make_job(stranger, label="mine")
        out = admin("list").out.splitlines()
        assert out[0].split()[:4] == ["JOB", "OWNER", "APPLICATION", "PHASE"]
        assert out[1].split()[:4] == [str(new.pk), "charlie", "sums", "QUEUED"]
        assert out[1].endswith("begins next")
        assert out[2].split()[:4] == [str(old.pk), "alice", "sums", "COMPLETED"]
        assert "0/4" in out[2]

    def test_they_can_be_chosen(self, admin: Hven, user: User, stranger: User) -> None:
        queued = make_job(user)
        failed = make_job(user, Phase.ERROR, application="other")
        other = make_job(stranger)

        def listed(*words: str) -> set[str]:
            return {job["job"] for job in as_json(admin("list", "--json", *words))}

        assert listed() == {str(job.pk) for job in (queued, failed, other)}
        assert listed("--user", "charlie") == {str(other.pk)}
        assert listed("--application", "other") == {str(failed.pk)}
        assert listed("--phase", "error") == {str(failed.pk)}
        assert listed("--phase", "error", "--phase", "queued", "--user", "alice") == {
            str(queued.pk),
            str(failed.pk),
        }
        assert len(listed("--number", "2")) == 2

    def test_an_empty_list_says_so(self, admin: Hven) -> None:
        assert admin("list").out == "no jobs\n"
        assert as_json(admin("list", "--json")) == []

    def test_an_unknown_phase_is_refused(self, admin: Hven) -> None:
        outcome = admin("list", "--phase", "DONE")
        assert outcome.code == 2
        assert "--phase: must be one of PENDING, QUEUED" in outcome.err

    def test_deleted_jobs_are_not_listed(self, admin: Hven, user: User) -> None:
        make_job(user, Phase.COMPLETED, deleted=now())
        assert admin("list").out == "no jobs\n"


class TestShowing:
    @pytest.fixture
    def job(self, configuration: Configuration, user: User) -> Job:
        job = make_job(user, Phase.EXECUTING, attempt=1, parameters={"size": 3}, label="mine")
        message = "a worker died\nin the night"
        Attempt.objects.create(job=job, number=1, worker="w", node="here", message=message)
        make_result(job, configuration.jobs_folder)
        move(
            job.pk,
            Move.FAIL,
            "it failed",
            error_kind="fatal",
            error_message="It cannot be done.\nNot at all.",
        )
        return job

    def test_all_that_is_known_is_shown(self, admin: Hven, job: Job) -> None:
        out = admin("show", job.pk).out
        for text in (
            "label", "mine", "ERROR", "It cannot be done.", "Not at all.", "attempts",
            "a worker died in the night", "results", "sum", "events", "it failed", "size  3",
        ):  # fmt: skip
            assert text in out
        record = as_json(admin("show", job.pk, "--json"))
        assert record["parameters"] == {"size": 3}
        assert record["ended"].endswith("Z")
        assert [attempt["number"] for attempt in record["attempts"]] == [1]
        assert [event["text"] for event in record["events"]] == ["it failed"]

    def test_only_the_last_events_are_shown_unless_all_are_wanted(
        self, admin: Hven, user: User
    ) -> None:
        job = make_job(user)
        for _ in range(12):
            move(job.pk, Move.HOLD)
            move(job.pk, Move.RELEASE)
        numbers = [
            event["sequence"] for event in as_json(admin("show", job.pk, "--json"))["events"]
        ]
        assert numbers == list(range(5, 25))
        found = as_json(admin("show", job.pk, "--json", "--all-events"))["events"]
        assert len(found) == 24

    @pytest.mark.parametrize("text", ["3f2b8c1e-7d4a-4c55-9e21-0a6f5d8b9c10", "no-id"])
    def test_a_job_that_is_not_there_is_named(self, admin: Hven, text: str) -> None:
        outcome = admin("show", text)
        assert outcome.code == 2
        assert outcome.err == f"hven: JOB: must be the id of a job, got '{text}'\n"


class TestSteering:
    def test_jobs_are_cancelled(self, admin: Hven, user: User) -> None:
        waiting, running = make_job(user), make_job(user, Phase.EXECUTING)
        outcome = admin("cancel", waiting.pk, running.pk, "--reason", "the disk is broken")
        assert outcome.code == 0
        assert f"{waiting.pk}: cancelled; it is ABORTED\n" in outcome.out
        assert f"{running.pk}: cancelled; it is EXECUTING, asked to stop (abort)" in outcome.out
        running.refresh_from_db()
        assert running.stop_reason == "the disk is broken"

    def test_one_that_cannot_be_cancelled_keeps_no_other_from_it(
        self, admin: Hven, user: User
    ) -> None:
        ended, waiting = make_job(user, Phase.COMPLETED), make_job(user)
        outcome = admin("cancel", ended.pk, waiting.pk)
        assert outcome.code == 2
        assert f"hven: {ended.pk}: phase: must be" in outcome.err
        waiting.refresh_from_db()
        assert waiting.phase == Phase.ABORTED

    def test_a_running_job_makes_room(self, admin: Hven, user: User) -> None:
        job = make_job(user, Phase.EXECUTING)
        told = as_json(admin("requeue", job.pk, "--json"))
        assert told == [{"job": str(job.pk), "phase": "EXECUTING", "stop": "requeue"}]

    def test_the_service_is_drained_and_resumed(self, admin: Hven, user: User) -> None:
        job = make_job(user, Phase.EXECUTING)
        assert "1 still running" in admin("drain", "new disks").out
        assert Switch.objects.get().reason == "new disks"
        job.refresh_from_db()
        assert job.stop == ""
        admin("drain", "new disks", "--requeue")
        job.refresh_from_db()
        assert job.stop == Stop.REQUEUE
        assert "begun again" in admin("resume").out
        assert "not drained" in admin("resume").out


class TestDoctor:
    @pytest.fixture(autouse=True)
    def _running_parts(self) -> None:
        for kind in ("dispatcher", "keeper"):
            Part.objects.create(name=kind, kind=kind, node="here", process=1)

    def test_where_all_is_well_it_says_so(self, admin: Hven) -> None:
        outcome = admin("doctor", "--deep")
        assert (outcome.code, outcome.out) == (0, "all is well\n")

    def test_it_says_what_is_wrong_and_mends_it(
        self, admin: Hven, configuration: Configuration
    ) -> None:
        folder = configuration.jobs_folder / str(uuid.uuid4())
        folder.mkdir(parents=True)
        outcome = admin("doctor")
        assert outcome.code == 1
        assert f"folder.unknown  {folder}" in outcome.out
        assert "to mend: it is removed" in outcome.out
        assert "hven admin doctor --mend" in outcome.out
        outcome = admin("doctor", "--mend")
        assert outcome.code == 0
        assert "mended" in outcome.out
        assert not folder.exists()

    def test_what_it_cannot_mend_is_left(
        self, admin: Hven, configuration: Configuration, settings: Any
    ) -> None:
        settings.HVEN = replace(configuration, disk_reserve=2**62)
        outcome = admin("doctor", "--mend", "--json")
        assert outcome.code == 1
        (found,) = json.loads(outcome.out)
        assert (found["kind"], found["mendable"], found["mended"]) == ("disk.full", False, False)


class TestUsers:
    def test_a_user_is_made_and_gets_a_token(self, admin: Hven) -> None:
        assert admin("user", "add", "dora", "--email", "dora@example.org").code == 0
        secret = admin("user", "token", "dora", "--label", "laptop").out.strip()
        found = tokens.find(secret)
        owner = found and found.owner
        assert owner is not None
        assert (owner.username, owner.email, owner.is_staff) == ("dora", "dora@example.org", False)
        assert not owner.has_usable_password()

    def test_an_administrator_is_made(self, admin: Hven) -> None:
        assert as_json(admin("user", "add", "root", "--admin", "--json"))["admin"]
        assert User.objects.get().is_superuser

    def test_a_password_is_asked_for(self, admin: Hven, monkeypatch: pytest.MonkeyPatch) -> None:
        answers = iter(["sesame", "sesame"])
        monkeypatch.setattr("getpass.getpass", lambda _: next(answers))
        admin("user", "add", "dora", "--password")
        assert User.objects.get().check_password("sesame")

    def test_a_password_that_was_mistyped_makes_nobody(
        self, admin: Hven, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = iter(["sesame", "sesam"])
        monkeypatch.setattr("getpass.getpass", lambda _: next(answers))
        assert admin("user", "add", "dora", "--password").code == 2
        assert not User.objects.exists()

    def test_names_are_taken_once_and_checked(self, admin: Hven, user: User) -> None:
        assert "there is 'alice'" in admin("user", "add", "alice").err
        assert admin("user", "add", "a b").code == 2
        outcome = admin("user", "add", "dora", "--email", "nowhere")
        assert outcome.code == 2
        assert "email" in outcome.err
        assert admin("user", "token", "nobody").code == 2

    def test_an_account_is_disabled_and_enabled(self, admin: Hven, user: User) -> None:
        secret = tokens.make(user, "laptop").secret
        assert admin("user", "disable", "alice").out == "alice is disabled\n"
        assert tokens.find(secret) is None
        admin("user", "enable", "alice")
        found = tokens.find(secret)
        assert found is not None
        assert found.owner == user

    def test_users_are_listed_with_their_jobs(self, admin: Hven, user: User) -> None:
        make_job(user)
        make_job(user, Phase.COMPLETED)
        row = admin("user", "list").out.splitlines()[1].split()
        assert row == ["alice", "alice@example.org", "no", "yes", "1", "2"]
        (found,) = as_json(admin("user", "list", "--json"))
        assert (found["active_jobs"], found["jobs"]) == (1, 2)


class TestDatasets:
    def test_a_folder_is_offered_changed_and_withdrawn(self, admin: Hven, tmp_path: Path) -> None:
        out = admin("dataset", "add", "m17", tmp_path, "--title", "Messier 17").out
        assert out == "offered to everybody as dataset:m17/FILE\n"
        out = admin("dataset", "add", "m17", tmp_path, "--group", "radio").out
        assert out == "offered to radio as dataset:m17/FILE\n"
        (found,) = as_json(admin("dataset", "list", "--json"))
        assert found["title"] == "Messier 17"
        assert (found["folder"], found["groups"]) == (str(tmp_path), ["radio"])
        assert admin("dataset", "remove", "m17").code == 0
        assert not Dataset.objects.get().enabled
        row = admin("dataset", "list").out.splitlines()[1].split()
        assert row == ["m17", "no", "radio", str(tmp_path), "Messier", "17"]

    def test_what_cannot_be_offered_is_refused(self, admin: Hven, tmp_path: Path) -> None:
        outcome = admin("dataset", "add", "m17", tmp_path / "nowhere")
        assert outcome.code == 2
        assert "FOLDER: must be a folder on the server" in outcome.err
        assert admin("dataset", "add", "no/name", tmp_path).code == 2
        assert admin("dataset", "remove", "m17").code == 2
        assert not Dataset.objects.exists()


class TestOptions:
    def test_help_is_given(self, admin: Hven) -> None:
        outcome = admin("--help")
        assert outcome.code == 0
        for command in ("list", "show", "cancel", "requeue", "drain", "resume", "doctor", "user"):
            assert f"  {command} " in outcome.out

    @pytest.mark.parametrize("words", [[], ["nothing"], ["list", "--nothing"], ["user"]])
    def test_what_is_wrong_is_told(self, admin: Hven, words: list[str]) -> None:
        outcome = admin(*words)
        assert outcome.code == 2
        assert outcome.err.startswith("hven: hven admin")

    def test_a_folder_without_a_service_is_left_alone(self, tmp_path: Path) -> None:
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        environment = {name: text for name, text in os.environ.items() if "DJANGO" not in name}
        done = subprocess.run(
            [str(Path(sys.executable).with_name("hven")), "admin", "list", "--data", folder],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert "hven: data: must be that of a service that was started once" in done.stderr
        assert list(folder.iterdir()) == []
