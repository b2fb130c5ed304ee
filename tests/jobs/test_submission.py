"""Taking jobs in: right and whole, or refused with every fault."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from hven.errors import (
    ConflictError,
    ForbiddenError,
    ParameterError,
    QuotaError,
    UnavailableError,
)
from hven.jobs.clock import now
from hven.jobs.configuration import Configuration, machine_memory
from hven.jobs.models import Event, Job, Lane, Switch, Upload, User
from hven.jobs.phases import Move, Phase
from hven.jobs.submission import Submission, submit
from hven.jobs.transitions import move
from input_files import PACKAGES, make_upload
from parts import Parts

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _applications(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in PACKAGES:
        monkeypatch.syspath_prepend(package)


def change_settings(settings: Any, **changes: Any) -> None:
    settings.HVEN = replace(settings.HVEN, **changes)


def echo(**wanted: Any) -> Submission:
    return Submission(**{"application": "echo", "parameters": {"words": "hi"}, **wanted})


def faults_of(owner: User | None, wish: Submission) -> dict[str, str]:
    """What a refusal says, by name; nothing is left behind."""
    before = Job.objects.count(), Event.objects.count()
    with pytest.raises(ParameterError) as refused:
        submit(owner, wish)
    assert (Job.objects.count(), Event.objects.count()) == before
    return {fault.name: fault.text for fault in refused.value.faults}


def test_a_job_is_queued_with_all_its_values(user: User) -> None:
    job = submit(user, echo(label="first"))
    kept = Job.objects.get(pk=job.pk)
    assert (kept.owner, kept.application, kept.label) == (user, "echo", "first")
    assert (kept.phase, kept.application_version) == (Phase.QUEUED, 1)
    assert kept.parameters == {"words": "hi"}
    assert kept.created == kept.queued
    assert kept.created.microsecond % 1000 == 0
    assert kept.lane == Lane.INTERACTIVE
    assert abs(kept.destruction - kept.created - 30 * DAY) < timedelta(seconds=1)


def test_its_first_events_say_that_it_was_made_and_queued(user: User) -> None:
    job = submit(user, echo())
    events = Event.objects.filter(job=job).order_by("sequence")
    assert [(event.sequence, event.data["phase"]) for event in events] == [
        (1, "PENDING"),
        (2, "QUEUED"),
    ]
    assert Job.objects.get(pk=job.pk).events == 2


def test_one_that_is_not_to_run_stays_pending(user: User) -> None:
    job = Job.objects.get(pk=submit(user, echo(run=False)).pk)
    assert (job.phase, job.queued, job.events) == (Phase.PENDING, None, 1)
    assert move(job.pk, Move.RUN)


def test_defaults_are_filled_in_and_units_converted(user: User) -> None:
    upload = make_upload(user)
    wish = Submission("weigh", {"files": f"upload:{upload.pk}", "pause": "1 min"})
    parameters = submit(user, wish).parameters
    assert parameters["pause"] == 60
    assert parameters["repeat"] == 1
    assert parameters["files"] == [f"upload:{upload.pk}"]


def test_all_that_is_wrong_is_told_at_once(user: User) -> None:
    wish = Submission(
        "weigh",
        {"repeat": 0, "pause": "1 kg", "center": "here", "spam": 1, "scales": "/etc/passwd"},
        label="x" * 65,
        lane=7,
        destruction=now() - DAY,
        execution_duration=-1,
        mail_to="nobody",
        memory_bytes=5,
        rerun_of=uuid.uuid4(),
    )
    found = faults_of(user, wish)
    assert set(found) == {
        "files", "repeat", "pause", "center", "spam", "scales", "label", "lane", "destruction",
        "execution_duration", "mail_to", "memory_bytes", "rerun_of",
    }  # fmt: skip
    assert "upload:ID" in found["scales"]
    assert "got 65" in found["label"]


def test_faults_of_the_caller_are_told_with_the_others(user: User) -> None:
    from hven.errors import Fault

    with pytest.raises(ParameterError) as refused:
        submit(user, echo(label="x" * 65), [Fault("body", "must be nice")])
    assert [fault.name for fault in refused.value.faults] == ["body", "label"]


def test_an_unknown_application_is_named_with_the_rest(user: User) -> None:
    found = faults_of(user, Submission("ecko", {}, label="x" * 65))
    assert "did you mean echo" in found["application"]
    assert "label" in found


def test_an_application_that_is_not_offered_is_refused(user: User, settings: Any) -> None:
    change_settings(settings, applications=["tiles"])
    assert "application" in faults_of(user, echo())


def test_what_is_wrong_between_parameters_is_told(user: User) -> None:
    upload = make_upload(user)
    given = {"files": [f"upload:{upload.pk}"], "repeat": 200}
    assert "without patient" in faults_of(user, Submission("weigh", given))["repeat"]


@pytest.mark.parametrize("text", ["half \ud800", "zero \0"])
def test_text_that_no_database_can_keep_is_refused(user: User, text: str) -> None:
    assert "words" in faults_of(user, echo(parameters={"words": text}))
    assert "label" in faults_of(user, echo(label=text))
    assert "idempotency_key" in faults_of(user, echo(idempotency_key=text))


def test_dates_are_kept_as_whole_milliseconds_of_utc(user: User) -> None:
    wanted = datetime(2100, 1, 1, 12, 0, 0, 123_456)
    change = replace(echo(), destruction=wanted, not_before=wanted - DAY)
    job = submit(user, replace(change, destruction=now() + 2 * DAY, not_before=now() + DAY))
    assert job.not_before is not None
    assert job.not_before.microsecond % 1000 == 0
    assert job.destruction.tzinfo is UTC


def test_a_destruction_is_capped_at_the_longest_retention(user: User, settings: Any) -> None:
    change_settings(settings, longest_retention_days=5)
    job = submit(user, echo(destruction=now() + 100 * DAY))
    assert job.destruction < now() + 6 * DAY


def test_nothing_begins_after_its_own_destruction(user: User) -> None:
    wish = echo(destruction=now() + DAY, not_before=now() + 2 * DAY)
    assert "before the destruction" in faults_of(user, wish)["not_before"]


@pytest.mark.parametrize(
    ("limit", "wanted", "given"),
    [(0, None, 0), (0, 5, 5), (60, None, 60), (60, 0, 60), (60, 90, 60)],
)
def test_the_duration_is_at_most_that_of_the_service(
    user: User, settings: Any, limit: int, wanted: int | None, given: int
) -> None:
    change_settings(settings, duration_limit=limit)
    assert submit(user, echo(execution_duration=wanted)).execution_duration == given


def test_only_administrators_overtake_everybody(user: User) -> None:
    wish = echo(lane=Lane.REAL_TIME)
    assert "administrators" in faults_of(user, wish)["lane"]
    user.is_staff = True
    assert submit(user, wish).lane == Lane.REAL_TIME


def test_mail_goes_to_the_account_when_no_address_is_given(user: User) -> None:
    job = submit(user, echo(mail_on="failure"))
    assert (job.mail_to, job.mail_on) == ("alice@example.org", "failure")
    job = submit(user, echo(mail_to=" a@b.org, c@d.org,a@b.org"))
    assert (job.mail_to, job.mail_on) == ("a@b.org,c@d.org", "end")
    user.email = ""
    assert "mail_to" in faults_of(user, echo(mail_on="end"))


def test_memory_is_bounded_by_the_machine(user: User) -> None:
    assert submit(user, echo(memory_bytes=2**27)).memory_bytes == 2**27
    assert "memory_bytes" in faults_of(user, echo(memory_bytes=machine_memory() + 1))


def test_a_job_of_somebody_else_cannot_be_repeated(user: User, stranger: User) -> None:
    theirs = submit(stranger, echo())
    assert "somebody else" in faults_of(user, echo(rerun_of=theirs.pk))["rerun_of"]
    mine = submit(user, echo())
    assert submit(user, echo(rerun_of=mine.pk)).rerun_of_id == mine.pk


# -- the same request sent again ------------------------------------------------------------------


def test_the_same_key_and_request_give_the_same_job(user: User, stranger: User) -> None:
    first = submit(user, echo(idempotency_key="k"))
    assert submit(user, echo(idempotency_key="k")).pk == first.pk
    assert submit(stranger, echo(idempotency_key="k")).pk != first.pk
    assert submit(user, echo(idempotency_key="l")).pk != first.pk
    assert Job.objects.count() == 3


def test_the_same_key_with_another_request_is_refused(user: User) -> None:
    submit(user, echo(idempotency_key="k"))
    with pytest.raises(ConflictError, match="another request"):
        submit(user, echo(idempotency_key="k", label="other"))
    assert Job.objects.count() == 1


def test_the_answer_to_a_key_does_not_depend_on_what_came_after(user: User) -> None:
    upload = make_upload(user)
    wish = Submission("copy", {"files": [f"upload:{upload.pk}"]}, idempotency_key="k")
    first = submit(user, wish)
    Upload.objects.all().delete()
    Switch.objects.create(name="drain")
    assert submit(user, wish).pk == first.pk


def test_without_an_account_a_key_is_as_good(settings: Any, db: None) -> None:
    change_settings(settings, anonymous=True)
    first = submit(None, echo(idempotency_key="a long secret"))
    assert submit(None, echo(idempotency_key="a long secret")).pk == first.pk
    assert submit(None, echo(idempotency_key="another one")).pk != first.pk
    with pytest.raises(ConflictError):
        submit(None, echo(idempotency_key="a long secret", label="x"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("anonymous", [False, True])
def test_one_job_comes_of_twenty_requests_at_once(
    anonymous: bool, settings: Any, django_user_model: Any
) -> None:
    change_settings(settings, anonymous=True)
    owner = None if anonymous else django_user_model.objects.create_user("bob")
    found: list[uuid.UUID] = []
    together(20, lambda: found.append(submit(owner, echo(idempotency_key="k")).pk))
    assert len(found) == 20
    assert len(set(found)) == 1
    assert Job.objects.count() == 1
    assert Event.objects.count() == 2


def together(count: int, call: Callable[[], object]) -> None:
    """Do the same in several threads at the same moment."""
    barrier = threading.Barrier(count)

    def one() -> None:
        barrier.wait()
        try:
            call()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# -- when the service takes nothing ---------------------------------------------------------------


def test_a_drained_service_takes_nothing(user: User) -> None:
    Switch.objects.create(name="drain", reason="a new disk")
    with pytest.raises(UnavailableError, match="a new disk"):
        submit(user, echo())
    assert not Job.objects.exists()


def test_below_the_reserve_nothing_is_taken(user: User, settings: Any) -> None:
    change_settings(settings, disk_reserve=2**62)
    with pytest.raises(UnavailableError, match="must stay free") as refused:
        submit(user, echo())
    assert refused.value.retry_after > 0


def test_without_an_account_nothing_is_taken_unless_allowed(settings: Any, db: None) -> None:
    with pytest.raises(ForbiddenError):
        submit(None, echo())
    change_settings(settings, anonymous=True)
    assert submit(None, echo()).owner is None


def test_a_user_has_so_many_jobs_that_have_not_ended(user: User, settings: Any) -> None:
    change_settings(settings, user_jobs=2)
    first = submit(user, echo())
    submit(user, echo(run=False))
    with pytest.raises(QuotaError, match="at most 2"):
        submit(user, echo())
    move(first.pk, Move.ABORT)
    submit(user, echo())


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_do_not_exceed_the_quota(settings: Any, django_user_model: Any) -> None:
    change_settings(settings, user_jobs=3)
    owner = django_user_model.objects.create_user("bob")
    refused: list[Exception] = []

    def one() -> None:
        try:
            submit(owner, echo())
        except QuotaError as error:
            refused.append(error)

    together(8, one)
    assert (Job.objects.count(), len(refused)) == (3, 5)


def test_a_user_has_so_many_bytes(user: User, settings: Any) -> None:
    job = submit(user, echo())
    Job.objects.filter(pk=job.pk).update(result_bytes=900)
    change_settings(settings, user_bytes=1000)
    submit(user, echo())
    Job.objects.filter(pk=job.pk).update(result_bytes=1000)
    with pytest.raises(QuotaError, match=r"at most 1 kB, you have 1 kB"):
        submit(user, echo())


# -- files ----------------------------------------------------------------------------------------


def test_an_upload_that_is_used_does_not_expire_at_once(user: User) -> None:
    upload = make_upload(user)
    Upload.objects.update(expires=now() + timedelta(seconds=1))
    submit(user, Submission("copy", {"files": [f"upload:{upload.pk}"]}))
    upload.refresh_from_db()
    assert upload.expires > now() + 0.9 * DAY


def test_references_are_refused_by_name_together(user: User, stranger: User) -> None:
    theirs = make_upload(stranger)
    given = {"files": [f"upload:{theirs.pk}", "job:1/x", "/etc/passwd"], "spam": 1}
    with pytest.raises(ParameterError) as refused:
        submit(user, Submission("copy", given))
    texts = [fault.text for fault in refused.value.faults if fault.name == "files"]
    assert len(texts) == 3
    assert "value 1 of 3 must be an upload of yours" in texts[0]
    assert "that exists" in texts[1]
    assert "/etc/passwd" in texts[2]


# -- dying ----------------------------------------------------------------------------------------

_SUBMIT = """
import sys, django; django.setup()
from hven.jobs.models import User
from hven.jobs.submission import Submission, submit
owner = User.objects.get(username="bob")
job = submit(owner, Submission("echo", {"words": "hi"}, idempotency_key="k"))
print(job.pk)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("point", "left"), [("submit.before_commit", 0), ("submit.after_commit", 1)]
)
def test_whoever_dies_while_submitting_can_ask_again(
    configuration: Configuration, django_user_model: Any, point: str, left: int
) -> None:
    django_user_model.objects.create_user("bob")
    environment = Parts(configuration).environment()
    command = [sys.executable, "-c", _SUBMIT]
    died = subprocess.run(command, env={**environment, "HVEN_CRASH_AT": point}, check=False)
    assert died.returncode == -signal.SIGKILL
    assert Job.objects.count() == left
    again = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert str(Job.objects.get().pk) == again.stdout.strip()
    assert Event.objects.count() == 2
