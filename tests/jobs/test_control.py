"""What an owner can do with a job, in each phase; and that of many at once one succeeds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from hven.errors import ConflictError, MissingError, ParameterError
from hven.jobs import control
from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.models import Event, Job, Notification, User
from hven.jobs.phases import TERMINAL, Move, Phase
from hven.jobs.submission import Submission, submit
from hven.jobs.transitions import move
from input_files import PACKAGES, make_upload
from job_rows import make_job

pytestmark = pytest.mark.django_db
ALL = list(Phase)


@pytest.fixture(autouse=True)
def _applications(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in PACKAGES:
        monkeypatch.syspath_prepend(package)


def after(act: Callable[[Job], object], phase: Phase, **columns: Any) -> Job | None:
    """The job after it; None when it was refused and nothing has changed."""
    job = make_job(None, phase, **columns)
    before = Job.objects.filter(pk=job.pk).values().get()
    try:
        act(job)
    except ConflictError:
        assert Job.objects.filter(pk=job.pk).values().get() == before
        assert not Event.objects.filter(job=job).exists()
        return None
    job.refresh_from_db()
    return job


@pytest.mark.parametrize("phase", ALL)
def test_run_queues_what_is_pending_or_held(phase: Phase) -> None:
    job = after(control.run, phase)
    assert (job is not None) == (phase in (Phase.PENDING, Phase.HELD))
    assert job is None or (job.phase, job.queued is not None) == (Phase.QUEUED, True)


@pytest.mark.parametrize("phase", ALL)
def test_release_queues_what_is_held(phase: Phase) -> None:
    job = after(control.release, phase)
    assert (job is not None) == (phase == Phase.HELD)
    assert job is None or job.phase == Phase.QUEUED


@pytest.mark.parametrize("phase", ALL)
def test_hold_sets_aside_what_has_not_ended(phase: Phase) -> None:
    job = after(control.hold, phase)
    assert (job is None) == (phase in TERMINAL | {Phase.ARCHIVED})
    if phase == Phase.EXECUTING:
        assert job is not None
        assert (job.phase, job.stop) == (Phase.EXECUTING, "hold")
    elif job is not None:
        assert job.phase == Phase.HELD


@pytest.mark.parametrize("phase", ALL)
def test_abort_ends_what_has_not_ended(phase: Phase) -> None:
    job = after(control.abort, phase)
    assert (job is None) == (phase in (Phase.COMPLETED, Phase.ERROR, Phase.ARCHIVED))
    if phase == Phase.EXECUTING:
        assert job is not None
        assert (job.phase, job.stop, job.ended) == (Phase.EXECUTING, "abort", None)
    elif job is not None:
        assert job.phase == Phase.ABORTED
        assert job.ended is not None


def test_a_second_abort_changes_nothing() -> None:
    job = make_job(None, Phase.EXECUTING)
    control.abort(job, "too long")
    control.abort(job)
    job.refresh_from_db()
    assert (job.stop_reason, job.events) == ("too long", 1)
    (event,) = Event.objects.filter(job=job)
    assert (event.kind, event.text, event.data) == ("request", "too long", {"stop": "abort"})


def test_the_graver_wish_to_stop_wins() -> None:
    job = make_job(None, Phase.EXECUTING)
    control.hold(job)
    control.abort(job)
    with pytest.raises(ConflictError, match=r"EXECUTING, and asked to stop \(abort\)"):
        control.hold(job)
    control.delete(job)
    assert Job.objects.get(pk=job.pk).stop == "delete"


def test_a_refusal_names_the_phase() -> None:
    with pytest.raises(ConflictError, match="must be one in which a job can be run, is COMPLETED"):
        control.run(make_job(None, Phase.COMPLETED))


def test_holding_twice_is_as_once() -> None:
    for phase in (Phase.HELD, Phase.EXECUTING):
        job = make_job(None, phase)
        control.hold(job)
        events = Job.objects.get(pk=job.pk).events
        control.hold(job)
        assert Job.objects.get(pk=job.pk).events == events


@pytest.mark.parametrize("phase", ALL)
def test_delete_removes_from_sight_in_every_phase(phase: Phase, user: User) -> None:
    job = make_job(user, phase, mail_to="a@b.org", mail_on="end")
    control.delete(job)
    job.refresh_from_db()
    assert job.deleted is not None
    waiting = phase in (Phase.PENDING, Phase.QUEUED, Phase.HELD)
    assert job.phase == (Phase.ABORTED if waiting else phase)
    assert job.stop == ("delete" if phase == Phase.EXECUTING else "")
    assert not Notification.objects.exists()
    for act in (control.delete, control.run, control.abort, control.hold, control.release):
        with pytest.raises(MissingError):
            act(job)


def test_destruction_goes_either_way_up_to_the_longest_time() -> None:
    job = make_job()
    for wanted in (now() + timedelta(days=60), now() + timedelta(hours=1)):
        control.renew(job, wanted)
        assert abs(Job.objects.get(pk=job.pk).destruction - wanted) < timedelta(milliseconds=1)
    control.renew(job, now() + timedelta(days=1000))
    longest = now() + timedelta(days=365)
    assert abs(Job.objects.get(pk=job.pk).destruction - longest) < timedelta(seconds=5)


def test_a_destruction_that_has_passed_means_now() -> None:
    job = make_job()
    control.renew(job, now() - timedelta(days=3))
    assert abs(Job.objects.get(pk=job.pk).destruction - now()) < timedelta(seconds=5)


@pytest.mark.parametrize("phase", ALL)
def test_what_can_be_renewed_and_limited_and_told_of(phase: Phase) -> None:
    moment = now() + timedelta(days=9)
    renewed = after(lambda job: control.renew(job, moment), phase)
    assert (renewed is None) == (phase == Phase.ARCHIVED)
    ended = phase in TERMINAL | {Phase.ARCHIVED}
    limited = after(lambda job: control.set_duration(job, 60), phase)
    assert (limited is None) == ended
    assert limited is None or limited.execution_duration == 60
    told = after(lambda job: control.want_mail(job, "a@b.org", "failure"), phase)
    assert (told is None) == ended
    assert told is None or (told.mail_to, told.mail_on) == ("a@b.org", "failure")


def test_wrong_wishes_are_refused_in_words() -> None:
    job = make_job()
    with pytest.raises(ParameterError, match="execution_duration: must be whole seconds"):
        control.set_duration(job, -1)
    with pytest.raises(ParameterError, match="mail_to: must be an address"):
        control.want_mail(job, "nobody")
    assert Job.objects.get(pk=job.pk).events == 0


def test_mail_that_is_wanted_while_it_runs_is_noted_at_the_end() -> None:
    job = make_job(None, Phase.EXECUTING)
    control.want_mail(job, "a@b.org")
    move(job.pk, Move.COMPLETE)
    assert Notification.objects.get().address == "a@b.org"


def test_parameters_change_while_pending(user: User) -> None:
    upload = make_upload(user)
    given = {"files": [f"upload:{upload.pk}"], "repeat": 2}
    job = submit(user, Submission("weigh", given, run=False))
    control.set_parameters(job, {"repeat": "3", "pause": "1 min"})
    changed = Job.objects.get(pk=job.pk).parameters
    assert (changed["repeat"], changed["pause"], changed["files"]) == (3, 60, given["files"])
    with pytest.raises(ParameterError) as refused:
        control.set_parameters(job, {"repeat": 0, "spam": 1, "files": "x"})
    assert {fault.name for fault in refused.value.faults} == {"repeat", "spam", "files"}
    assert Job.objects.get(pk=job.pk).parameters == changed
    control.run(job)
    with pytest.raises(ConflictError, match="QUEUED"):
        control.set_parameters(job, {"repeat": 4})
    assert Job.objects.get(pk=job.pk).parameters == changed


def test_a_rerun_has_the_same_parameters_but_those_changed(user: User, stranger: User) -> None:
    upload = make_upload(user)
    given = {"files": [f"upload:{upload.pk}"], "repeat": 2}
    job = submit(user, Submission("weigh", given, label="first", lane=2))
    again = control.rerun(user, job, {"repeat": 5}, fresh=True)
    assert again.pk != job.pk
    assert (again.rerun_of_id, again.fresh, again.label, again.lane) == (job.pk, True, "first", 2)
    assert again.parameters == {**job.parameters, "repeat": 5}
    with pytest.raises(ParameterError, match="of yours"):
        control.rerun(stranger, job)
    assert Job.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_one_of_a_hundred_runs_at_once_succeeds() -> None:
    job = make_job(None, Phase.PENDING)
    assert outcomes(lambda: control.run(job), 100) == {"done": 1, "ConflictError": 99}
    assert Event.objects.filter(job=job, data__move="run").count() == 1


@pytest.mark.django_db(transaction=True)
def test_holding_and_aborting_at_once_leave_one_story() -> None:
    job = make_job(None, Phase.QUEUED)
    acts = [control.hold, control.abort, control.release, control.run] * 4
    run_together([lambda act=act: act(job) for act in acts])
    control.abort(job)
    job.refresh_from_db()
    assert job.phase == Phase.ABORTED
    numbers = Event.objects.filter(job=job).order_by("sequence").values_list("sequence", flat=True)
    assert list(numbers) == list(range(1, job.events + 1))


def outcomes(call: Callable[[], object], count: int) -> dict[str, int]:
    """How often a call in many threads at once was done, and how often it was refused."""
    found = run_together([call] * count)
    return {name: found.count(name) for name in set(found)}


def run_together(calls: list[Callable[[], object]]) -> list[str]:
    barrier = threading.Barrier(len(calls))
    found: list[str] = []

    def one(call: Callable[[], object]) -> None:
        barrier.wait()
        try:
            call()
            found.append("done")
        except ConflictError as error:
            found.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(calls)
    return found
