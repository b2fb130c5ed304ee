"""What clients do with jobs: run, stop, change, remove."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hven.jobs import expiry
from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.models import Job, User
from hven.jobs.phases import Phase
from input_files import make_upload
from job_rows import make_job, make_result
from vo_client import HOST, NIL, Vo, child, job_of, parameters

pytestmark = pytest.mark.django_db


def job_in(user: User | None, phase: Phase, **columns: Any) -> Job:
    given = {"application": "echo", "parameters": {"words": "hello"}, **columns}
    return make_job(user, phase, **given)


def url(job: Job) -> str:
    return f"/vo/echo/async/{job.pk}"


def state() -> list[Any]:
    return sorted(map(str, Job.objects.values_list()))


def seen_other(answer: Any, where: str) -> None:
    assert answer.status_code == 303, answer.content
    assert answer["Location"] == HOST + where


def phase_of(job: Job) -> str:
    job.refresh_from_db()
    return job.phase


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.HELD])
def test_P01_a_job_that_waits_for_its_owner_is_run(alice: Vo, user: User, phase: Phase) -> None:
    job = job_in(user, phase)
    seen_other(alice.post(f"{url(job)}/phase", PHASE="RUN"), url(job))
    assert phase_of(job) == Phase.QUEUED


@pytest.mark.parametrize(
    "phase", [phase for phase in Phase if phase not in (Phase.PENDING, Phase.HELD)]
)
def test_P05_and_P11_no_other_job_is_run(alice: Vo, user: User, phase: Phase) -> None:
    job = job_in(user, phase)
    before = state()
    answer = alice.post(f"{url(job)}/phase", PHASE="RUN")
    assert answer.status_code == 403
    assert answer.content.decode().startswith("phase: must be one in which a job can be run")
    assert state() == before


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.QUEUED, Phase.HELD])
def test_P02_a_job_that_has_not_begun_is_aborted_and_has_an_end(
    alice: Vo, user: User, phase: Phase
) -> None:
    job = job_in(user, phase)
    seen_other(alice.post(f"{url(job)}/phase", PHASE="ABORT"), url(job))
    document = alice.document(url(job))
    assert child(document, "phase").text == "ABORTED"
    assert child(document, "startTime").get(NIL) == "true"
    assert child(document, "endTime").text


def test_P03_a_job_that_is_aborted_may_be_aborted_again(alice: Vo, user: User) -> None:
    job = job_in(user, Phase.ABORTED)
    before = state()
    seen_other(alice.post(f"{url(job)}/phase", PHASE="ABORT"), url(job))
    assert state() == before


def test_P02_a_running_job_is_asked_to_stop(alice: Vo, user: User) -> None:
    job = job_in(user, Phase.EXECUTING)
    seen_other(alice.post(f"{url(job)}/phase", PHASE="ABORT"), url(job))
    assert (phase_of(job), job.stop) == (Phase.EXECUTING, "abort")
    info = child(alice.document(url(job)), "jobInfo")
    assert "asked to stop" in "".join(info.itertext())


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.ERROR, Phase.ARCHIVED])
def test_P06_a_job_that_has_ended_is_not_aborted(alice: Vo, user: User, phase: Phase) -> None:
    job = job_in(user, phase)
    before = state()
    assert alice.post(f"{url(job)}/phase", PHASE="ABORT").status_code == 403
    assert state() == before


@pytest.mark.parametrize("wish", ["RUN", "ABORT", "run", "abort"])
def test_P07_the_wish_may_stand_in_the_query(alice: Vo, user: User, wish: str) -> None:
    job = job_in(user, Phase.PENDING)
    seen_other(alice("POST", f"{url(job)}/phase?PHASE={wish}"), url(job))
    assert phase_of(job) == {"run": "QUEUED", "abort": "ABORTED"}[wish.lower()]


@pytest.mark.parametrize("wish", ["RUN", "ABORT"])
def test_P08_the_wish_may_be_posted_to_the_job(alice: Vo, user: User, wish: str) -> None:
    for job, post in (
        (job_in(user, Phase.PENDING), lambda path: alice.post(path, phase=wish)),
        (job_in(user, Phase.PENDING), lambda path: alice("POST", f"{path}?PHASE={wish}")),
    ):
        seen_other(post(url(job)), url(job))
        assert phase_of(job) == {"RUN": "QUEUED", "ABORT": "ABORTED"}[wish]


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ("", {}),
        ("", {"PHASE": ""}),
        ("", {"PHASE": "HELD"}),
        ("", {"PHASE": "SPAM"}),
        ("", {"PHASE": ["RUN", "ABORT"]}),
        ("?PHASE=RUN", {"PHASE": "ABORT"}),
        ("", {"spam": "RUN"}),
    ],
)
def test_P04_any_other_wish_is_refused(
    alice: Vo, user: User, query: str, form: dict[str, Any]
) -> None:
    job = job_in(user, Phase.PENDING)
    before = state()
    answer = alice("POST", f"{url(job)}/phase{query}", form)
    assert answer.status_code == 400
    assert answer.content.decode().startswith("PHASE: must be")
    assert state() == before


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_P09_reading_changes_nothing_whatever_the_query_says(
    alice: Vo, user: User, method: str
) -> None:
    job = job_in(user, Phase.PENDING)
    before = state()
    for path in ("", "/phase", "/destruction", "/executionduration", "/parameters"):
        for query in (
            "PHASE=RUN",
            "PHASE=ABORT",
            "ACTION=DELETE",
            "DESTRUCTION=2999-01-01",
            "EXECUTIONDURATION=5",
            "words=other",
        ):
            assert alice(method, f"{url(job)}{path}?{query}").status_code == 200
    assert alice(method, "/vo/echo/async?words=hi").status_code == 200
    assert state() == before


@pytest.mark.parametrize("days", [1, 100])
def test_D01_a_job_may_be_kept_shorter_or_longer(alice: Vo, user: User, days: int) -> None:
    job = job_in(user, Phase.COMPLETED)
    wanted = (now() + timedelta(days=days)).replace(microsecond=0)
    for text in (f"{wanted:%Y-%m-%dT%H:%M:%SZ}", f"{wanted:%Y-%m-%dT%H:%M:%S.000}"):
        seen_other(alice.post(f"{url(job)}/destruction", DESTRUCTION=text), url(job))
        shown = f"{wanted:%Y-%m-%dT%H:%M:%S}.000Z"
        assert alice.text(f"{url(job)}/destruction") == shown
        assert child(alice.document(url(job)), "destruction").text == shown


def test_D01_a_job_is_kept_no_longer_than_the_service_lets_it_be(alice: Vo, user: User) -> None:
    job = job_in(user, Phase.COMPLETED)
    seen_other(alice.post(f"{url(job)}/destruction", destruction="2999-01-01"), url(job))
    job.refresh_from_db()
    assert job.destruction < now() + timedelta(days=366)


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2026-13-01", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00+01:00", "5", "1e9"],
)
def test_D02_a_time_that_is_none_is_refused(alice: Vo, user: User, text: str) -> None:
    job = job_in(user, Phase.PENDING)
    before = state()
    answer = alice.post(f"{url(job)}/destruction", DESTRUCTION=text)
    assert answer.status_code == 400
    assert answer.content.decode().startswith("DESTRUCTION: must be a time")
    assert alice.post(f"{url(job)}/destruction").status_code == 400
    assert state() == before


def test_D03_what_is_over_is_a_record_without_files(
    alice: Vo, user: User, configuration: Configuration
) -> None:
    job = job_in(user, Phase.COMPLETED)
    result = make_result(job, configuration.jobs_folder)
    alice.post(f"{url(job)}/destruction", DESTRUCTION="2001-01-01T00:00:00Z")
    Job.objects.update(destruction=datetime(2001, 1, 1, tzinfo=UTC))
    expiry.archive(job)
    document = alice.document(url(job))
    assert child(document, "phase").text == "ARCHIVED"
    assert len(child(document, "results")) == 0
    assert alice("GET", f"{url(job)}/results/{result.name}").status_code == 404
    assert not (configuration.jobs_folder / str(job.pk)).exists()


@pytest.mark.parametrize("text", ["0", "60", "2147483647"])
def test_E01_the_time_that_a_job_may_take_is_set(alice: Vo, user: User, text: str) -> None:
    job = job_in(user, Phase.PENDING)
    path = f"{url(job)}/executionduration"
    seen_other(alice.post(path, EXECUTIONDURATION=text), url(job))
    assert alice.text(path) == text
    assert child(alice.document(url(job)), "executionDuration").text == text


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "1e3", "9" * 12, "٣", "0x10"])
def test_E02_a_time_that_is_no_whole_number_is_refused(alice: Vo, user: User, text: str) -> None:
    job = job_in(user, Phase.PENDING)
    before = state()
    answer = alice.post(f"{url(job)}/executionduration", EXECUTIONDURATION=text)
    assert answer.status_code == 400
    assert answer.content.decode().startswith("EXECUTIONDURATION: must be whole seconds")
    assert alice.post(f"{url(job)}/executionduration").status_code == 400
    assert state() == before


@pytest.mark.parametrize("phase", list(Phase))
def test_X01_a_job_is_removed_in_every_phase(alice: Vo, user: User, phase: Phase) -> None:
    job = job_in(user, phase)
    seen_other(alice("DELETE", url(job)), "/vo/echo/async")
    for path in ("", "/phase", "/results", "/parameters", "/error"):
        assert alice("GET", url(job) + path).status_code == 404
    assert alice("DELETE", url(job)).status_code == 404
    assert len(alice.document("/vo/jobs")) == 0


@pytest.mark.parametrize("wish", ["DELETE", "delete"])
def test_X02_a_form_removes_a_job(alice: Vo, user: User, wish: str) -> None:
    for post in (
        lambda path: alice.post(path, ACTION=wish),
        lambda path: alice("POST", f"{path}?action={wish}"),
    ):
        job = job_in(user, Phase.COMPLETED)
        seen_other(post(url(job)), "/vo/echo/async")
        assert alice("GET", url(job)).status_code == 404


@pytest.mark.parametrize(
    "form", [{}, {"ACTION": ""}, {"ACTION": "REMOVE"}, {"spam": "DELETE"}, {"DELETE": "1"}]
)
def test_X03_nothing_else_removes_a_job(alice: Vo, user: User, form: dict[str, str]) -> None:
    job = job_in(user, Phase.PENDING)
    before = state()
    answer = alice.post(url(job), **form)
    assert answer.status_code == 400
    assert answer.content
    assert state() == before


def test_X05_only_the_job_itself_can_be_removed(alice: Vo, user: User) -> None:
    job = job_in(user, Phase.COMPLETED)
    before = state()
    parts = "phase destruction executionduration quote owner error parameters results links log"
    for part in [*parts.split(), "results/result", "parameters/words"]:
        answer = alice("DELETE", f"{url(job)}/{part}")
        assert answer.status_code == 405
        assert "GET" in answer["Allow"]
    assert state() == before
    assert alice("PUT", url(job)).status_code == 405
    for part in ("quote", "owner", "error", "results", "links"):
        assert alice.post(f"{url(job)}/{part}").status_code == 405


def test_A01_parameters_of_a_pending_job_are_replaced(alice: Vo, user: User) -> None:
    job = job_in(user, Phase.PENDING)
    for words in ("first", "second"):
        seen_other(alice.post(f"{url(job)}/parameters", WORDS=words), url(job))
        assert parameters(alice.document(url(job))) == [("words", words)]


def test_A01_a_file_is_added_to_a_pending_job(alice: Vo) -> None:
    owner = User.objects.get(username="alice")
    job = job_of(alice.make("copy", files=f"upload:{make_upload(owner).pk}"))
    where = f"/vo/copy/async/{job.pk}"
    seen_other(alice.send(f"{where}/parameters", {"files": [b"a", b"b"]}), where)
    assert len(parameters(alice.document(where))) == 2


def test_A01_the_run_id_of_a_pending_job_is_replaced(alice: Vo, user: User) -> None:
    job = job_in(user, Phase.PENDING, label="old")
    for path in (f"{url(job)}/parameters", url(job)):
        seen_other(alice.post(path, RunId=f" {path} "[-64:]), url(job))
        job.refresh_from_db()
        assert job.label == f" {path} "[-64:]
    queued = job_in(user, Phase.QUEUED)
    assert alice.post(f"{url(queued)}/parameters", RUNID="new").status_code == 403


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase != Phase.PENDING])
def test_A02_in_other_phases_parameters_stay(alice: Vo, user: User, phase: Phase) -> None:
    job = job_in(user, phase)
    before = state()
    for path in (f"{url(job)}/parameters", url(job)):
        answer = alice.post(path, words="other")
        assert answer.status_code == 403
        assert answer.content.decode().startswith("phase: must be one in which")
    assert state() == before


def test_A03_parameters_may_be_posted_to_a_pending_job(alice: Vo, user: User) -> None:
    job = job_in(user, Phase.PENDING)
    seen_other(alice.post(url(job), words="other"), url(job))
    assert parameters(alice.document(url(job))) == [("words", "other")]
    form = {"words": "last", "PHASE": "RUN", "EXECUTIONDURATION": "9"}
    seen_other(alice("POST", url(job), form), url(job))
    job.refresh_from_db()
    assert (job.parameters, job.phase) == ({"words": "last"}, "QUEUED")
    assert job.execution_duration == 9


@pytest.mark.parametrize(
    "form",
    [
        {"words": "other", "EXECUTIONDURATION": "x"},
        {"words": "other", "PHASE": "SPAM"},
        {"words": "other", "spam": "1"},
        {"words": "other", "RUNID": "x" * 65},
        {"words": "other", "RUNID": ["a", "b"]},
        {"words": "other", "ACTION": "SPAM"},
    ],
)
def test_A03_all_of_a_form_is_done_or_nothing(alice: Vo, user: User, form: dict[str, Any]) -> None:
    job = job_in(user, Phase.PENDING)
    before = state()
    assert alice.post(url(job), **form).status_code == 400
    assert alice.post(f"{url(job)}/parameters").status_code == 400
    assert state() == before


def test_a_job_is_found_only_below_its_own_application(alice: Vo, user: User) -> None:
    job = job_in(user, Phase.PENDING)
    assert alice("GET", f"/vo/jobs/{job.pk}").status_code == 200
    for path in (f"/vo/tiles/async/{job.pk}", f"/vo/spam/async/{job.pk}"):
        for method in ("GET", "DELETE"):
            assert alice(method, path).status_code == 404
    seen_other(alice.post(f"/vo/jobs/{job.pk}/phase", PHASE="RUN"), f"/vo/jobs/{job.pk}")
    seen_other(alice("DELETE", f"/vo/jobs/{job.pk}"), "/vo/jobs")
