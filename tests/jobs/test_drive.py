"""A job from the queue to its end, by real processes: dispatcher, driver, performer, workers."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from pathlib import Path

import pytest
from django.db.models import Q

from hven.jobs.models import Attempt, Event, Job, ProductUse, Result, Stop
from hven.jobs.phases import Move, Phase
from hven.jobs.processes import is_alive
from hven.jobs.transitions import News, change, move
from hven.jobs.wakeup import nudge
from parts import Parts, driver_of, events_of, kill_driver, phase_of, settled, submit, wait_until


def ask(job: Job, why: Stop) -> None:
    """Ask a running job to stop, as a client's request does."""
    assert change(Q(phase=Phase.EXECUTING), job.pk, [News("request", why)], stop=why)
    nudge()


def begun(job: Job) -> None:
    """Wait until the application has published something."""
    wait_until(lambda: Result.objects.filter(job=job, name="begun").exists())


def result(parts: Parts, job: Job, name: str = "text") -> str:
    row = Result.objects.get(job=job, name=name)
    return (parts.configuration.jobs_folder / row.file).read_text()


def test_a_job_runs_and_publishes_its_results_with_log_and_provenance(parts: Parts) -> None:
    parts.dispatcher()
    job = settled(submit("echo", words="the fault is not in our stars"))
    assert (job.phase, job.error, job.attempt) == (Phase.COMPLETED, None, 1)
    assert result(parts, job) == "the fault is not in our stars"
    rows = Result.objects.filter(job=job).order_by("order")
    assert [(row.name, row.role) for row in rows] == [
        ("text", "main"), ("log", "log"), ("provenance", "provenance"),
    ]  # fmt: skip
    assert all(row.final and len(row.sha256) == 64 for row in rows)
    record = json.loads(result(parts, job, "provenance"))
    assert record["job"] == {
        "id": str(job.pk), "attempt": 1, "asked": {"words": "the fault is not in our stars"},
    }  # fmt: skip


def test_events_are_numbered_without_a_gap_and_tell_the_steps(parts: Parts) -> None:
    parts.dispatcher()
    job = settled(submit("tiles", count=50, seconds=0.001, seed=1))
    rows = Event.objects.filter(job=job).order_by("sequence")
    assert [row.sequence for row in rows] == list(range(1, job.events + 1))
    kinds = [row.kind for row in rows]
    assert kinds[0] == kinds[-1] == "phase"
    assert {"stage", "say", "output"} <= set(kinds)
    assert (job.steps_done, job.steps_total, job.steps_reused) == (50, 50, 0)
    assert ProductUse.objects.filter(job=job, made=True).count() == 50


def test_a_job_that_finds_kept_steps_says_whose_they_were(parts: Parts) -> None:
    parts.dispatcher()
    first = settled(submit("tiles", count=30, seconds=0.001, seed=2))
    second = settled(submit("tiles", count=40, seconds=0.001, seed=2))
    assert (second.steps_reused, second.reused_from) == (30, {str(first.pk): 30})
    assert events_of(second)[-1][1] == f"30 of 40 steps reused, from job {first.pk}"


def test_a_job_that_is_to_be_fresh_reuses_nothing_and_leaves_nothing(parts: Parts) -> None:
    parts.dispatcher()
    first = settled(submit("tiles", count=10, seconds=0.001, seed=3))
    second = settled(submit("tiles", count=10, seconds=0.001, seed=3, job_fresh=True))
    assert second.steps_reused == 0
    assert result(parts, first) == result(parts, second)
    folder = parts.configuration.jobs_folder / str(second.pk) / "attempt-1"
    assert not (folder / "store").exists()


@pytest.mark.parametrize(
    ("kind", "cause", "error", "code", "words"),
    [
        ("input", "input", "fatal", "input.file", "m31.fits: must have a WCS, has none"),
        ("code", "code", "fatal", "app.code", "the author divided by zero"),
        ("crash", "code", "fatal", "app.crash", "SIGSEGV"),
        ("exit", "code", "fatal", "app.exit", "exit code 3"),
        ("disk", "disk", "transient", "resource.disk_full", "There is no space left"),
    ],
)
def test_what_cannot_succeed_is_not_tried_again(
    parts: Parts, kind: str, cause: str, error: str, code: str, words: str
) -> None:
    parts.dispatcher()
    job = settled(submit("trouble", kind=kind))
    assert (job.phase, job.attempt) == (Phase.ERROR, 1)
    assert (job.error_kind, job.error_code) == (error, code)
    assert words in job.error_message
    assert Attempt.objects.get(job=job).cause == cause
    assert Result.objects.filter(job=job, name="log").exists()


def test_the_users_faults_are_kept_one_by_one(parts: Parts) -> None:
    parts.dispatcher()
    job = settled(submit("trouble", kind="input"))
    assert job.error_faults == [["m31.fits", "must have a WCS, has none"]]


def test_what_a_job_says_just_before_it_fails_is_told_once(parts: Parts) -> None:
    parts.dispatcher()
    job = settled(submit("trouble", kind="input"))
    assert events_of(job).count(("say", "looking at m31.fits")) == 1


def test_an_input_that_is_gone_is_named(parts: Parts) -> None:
    parts.dispatcher()
    job = settled(submit("copy", files=["upload:01a207c3-0000-7000-8000-000000000000"]))
    assert (job.phase, job.attempt) == (Phase.ERROR, 1)
    assert "upload:01a207c3" in job.error_message


def test_a_killed_application_is_tried_again(parts: Parts) -> None:
    parts.dispatcher(retry_seconds=0.05)
    job = settled(submit("trouble", kind="kill", until=2))
    assert (job.phase, job.attempt) == (Phase.COMPLETED, 2)
    first, second = Attempt.objects.filter(job=job).order_by("number")
    assert (first.outcome, first.cause) == ("failed", "infrastructure")
    assert "SIGKILL" in first.message
    assert second.outcome == "completed"


@pytest.mark.parametrize("kind", ["kill", "kill_step"])
def test_a_job_that_kills_its_process_each_time_ends_after_three_more_tries(
    parts: Parts, kind: str
) -> None:
    parts.dispatcher(retry_seconds=0.01)
    job = settled(submit("trouble", kind=kind), limit=60)
    assert (job.phase, job.attempt) == (Phase.ERROR, 4)
    assert job.error_kind == "transient"


def test_the_pause_between_tries_doubles(parts: Parts) -> None:
    parts.dispatcher(retry_seconds=0.2, retries=2)
    job = settled(submit("trouble", kind="kill"))
    rows = list(Attempt.objects.filter(job=job).order_by("number"))
    pauses = [(b.started - a.ended).total_seconds() for a, b in itertools.pairwise(rows)]
    assert pauses[0] >= 0.2
    assert pauses[1] >= 0.4


def test_a_job_that_takes_too_much_memory_gets_twice_as_much(parts: Parts) -> None:
    parts.dispatcher(job_memory=2**28, retry_seconds=0.05)
    job = settled(submit("trouble", kind="memory", size=400 * 2**20))
    assert (job.phase, job.attempt, job.memory_bytes) == (Phase.COMPLETED, 2, 2**29)
    first = Attempt.objects.get(job=job, number=1)
    assert (first.cause, first.peak_bytes > 400 * 2**20) == ("memory", True)


@pytest.mark.parametrize("how", ["polite", "python", "compiled"])
def test_a_cancelled_job_is_settled_within_three_seconds(parts: Parts, how: str) -> None:
    parts.dispatcher()
    job = submit("stubborn", how=how)
    begun(job)
    asked = time.monotonic()
    ask(job, Stop.ABORT)
    job = settled(job)
    assert time.monotonic() - asked < 3.0
    assert (job.phase, job.ended is not None, job.stop) == (Phase.ABORTED, True, "")
    partial = Result.objects.get(job=job, name="begun")
    assert not partial.final
    assert result(parts, job, "begun") == "begun"
    assert Result.objects.filter(job=job, name="log").exists()


def test_an_interrupted_application_has_the_last_word(parts: Parts) -> None:
    parts.dispatcher()
    job = submit("stubborn", how="polite")
    begun(job)
    ask(job, Stop.ABORT)
    job = settled(job)
    assert events_of(job).count(("say", "DONE/Interrupted")) == 1
    assert events_of(job)[-2:] == [
        ("say", "DONE/Interrupted"),
        ("phase", "Interrupted: cancelled; what was finished is kept"),
    ]
    assert "DONE/Interrupted" in result(parts, job, "log")


def test_a_cancelled_job_leaves_no_process(parts: Parts) -> None:
    parts.dispatcher()
    job = submit("tiles", count=20, seconds=30.0, seed=4)
    driver = driver_of(job)
    wait_until(lambda: Event.objects.filter(job=job, kind="stage").exists())
    ask(job, Stop.ABORT)
    settled(job)
    wait_until(lambda: not is_alive(driver.process, driver.process_start))
    data = str(parts.configuration.data).encode()
    wait_until(lambda: _processes_with(data) == 1)  # The dispatcher alone.


def _processes_with(word: bytes) -> int:
    found = 0
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += word in path.read_bytes()
        except OSError:
            continue
    return found


def test_a_running_job_can_be_held_and_goes_on_where_it_was(parts: Parts, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    parts.dispatcher(test_marks=marks)
    job = submit("tiles", count=40, seconds=0.05, seed=5)
    wait_until(lambda: Job.objects.get(pk=job.pk).steps_done >= 10)
    ask(job, Stop.HOLD)
    wait_until(lambda: phase_of(job) == Phase.HELD)
    assert move(job.pk, Move.RELEASE)
    nudge()
    job = settled(job)
    assert (job.phase, job.attempt) == (Phase.COMPLETED, 2)
    assert job.steps_reused >= 10
    done = marks.read_text().splitlines()
    assert len(done) - len(set(done)) <= 4  # Those that were running when it was held.


def test_a_job_that_runs_too_long_is_aborted_and_says_so(parts: Parts) -> None:
    parts.dispatcher()
    job = settled(submit("stubborn", how="polite", job_execution_duration=1))
    assert (job.phase, job.error_code) == (Phase.ABORTED, "resource.duration")
    assert job.error_message == "stopped after 1 s, as long as it may run"


def test_the_death_of_the_dispatcher_stops_no_job(parts: Parts) -> None:
    dispatcher = parts.dispatcher()
    job = submit("tiles", count=40, seconds=0.05, seed=6)
    driver_of(job)
    dispatcher.kill()
    job = settled(job)
    assert (job.phase, job.attempt) == (Phase.COMPLETED, 1)


def test_the_death_of_a_driver_is_seen_at_once_and_costs_no_finished_step(
    parts: Parts, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    parts.dispatcher(test_marks=marks, retry_seconds=0.05)
    job = submit("tiles", count=60, seconds=0.05, seed=7)
    driver = driver_of(job)
    wait_until(lambda: Job.objects.get(pk=job.pk).steps_done >= 20)
    killed = time.monotonic()
    kill_driver(driver)
    wait_until(lambda: Job.objects.get(pk=job.pk).attempt == 2)
    assert time.monotonic() - killed < 5
    job = settled(job)
    assert job.phase == Phase.COMPLETED
    assert Attempt.objects.get(job=job, number=1).outcome == "lost"
    done = marks.read_text().splitlines()
    assert len(done) - len(set(done)) <= 4
    assert Event.objects.filter(job=job, kind="phase", data__move="complete").count() == 1


def test_a_driver_that_slept_through_its_lease_publishes_nothing(parts: Parts) -> None:
    first = parts.dispatcher(lease_seconds=1, node="elsewhere")
    job = submit("tiles", count=30, seconds=0.05, seed=8)
    driver = driver_of(job)
    # The dispatcher of its machine is gone, so only the lease tells that it is silent.
    first.kill()
    os.kill(driver.process, signal.SIGSTOP)
    parts.dispatcher(lease_seconds=1, retry_seconds=0.05)
    wait_until(lambda: Job.objects.get(pk=job.pk).attempt == 2)
    os.kill(driver.process, signal.SIGCONT)
    job = settled(job)
    assert (job.phase, job.attempt) == (Phase.COMPLETED, 2)
    wait_until(lambda: not is_alive(driver.process, driver.process_start))
    assert Event.objects.filter(job=job, kind="phase", data__move="complete").count() == 1
    assert Event.objects.filter(job=job).order_by("sequence").last().data["move"] == "complete"


def test_a_dispatcher_that_ends_has_its_jobs_make_room(parts: Parts) -> None:
    dispatcher = parts.dispatcher()
    job = submit("tiles", count=60, seconds=0.05, seed=9)
    wait_until(lambda: Job.objects.get(pk=job.pk).steps_done >= 10)
    dispatcher.terminate()
    assert dispatcher.wait(15) == 0
    job.refresh_from_db()
    assert (job.phase, job.fruitless) == (Phase.QUEUED, 0)
    parts.dispatcher()
    job = settled(job)
    assert job.phase == Phase.COMPLETED
    assert job.steps_reused >= 10


def test_the_application_sees_no_secrets_and_prints_into_a_file(parts: Parts) -> None:
    parts.dispatcher(secret_key="hush")
    job = settled(submit("trouble", kind="print"))
    folder = parts.configuration.jobs_folder / str(job.pk) / "attempt-1"
    assert (folder / "console.txt").read_text() == "what the application prints\n"
    names = (folder / "trouble.environment").read_text().splitlines()
    assert "HVEN_SECRET_KEY" not in names
    assert "HVEN_DATABASE" not in names


def test_more_jobs_than_slots_wait_for_their_turn(parts: Parts) -> None:
    parts.dispatcher(slots=2)
    jobs = [submit("stubborn", seconds=0.5, how="polite") for _ in range(5)]
    most = 0
    while any(phase_of(job) != Phase.COMPLETED for job in jobs):
        most = max(most, Job.objects.filter(phase=Phase.EXECUTING).count())
        assert most <= 2
    assert most == 2


def test_one_slot_is_never_given_to_batch_work(parts: Parts) -> None:
    from hven.jobs.models import Lane

    parts.dispatcher(slots=2)
    batch = [submit("stubborn", seconds=1.0, how="polite", job_lane=Lane.BATCH) for _ in range(3)]
    driver_of(batch[0])
    quick = settled(submit("echo"))
    assert quick.phase == Phase.COMPLETED
    assert phase_of(batch[1]) == Phase.QUEUED
