"""Jobs over HTTP: made, listed, read, changed, removed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api_client import Api, faults
from hven.api import schemas
from hven.jobs.clock import now
from hven.jobs.models import Attempt, Job, Switch, User
from hven.jobs.phases import Phase
from job_rows import make_job

pytestmark = pytest.mark.django_db


# -- made -----------------------------------------------------------------------------------------


def test_a_job_is_made_and_found_at_its_address(alice: Api) -> None:
    answer = alice("POST", "/jobs", {"application": "echo", "parameters": {"words": "hi"}})
    assert answer.status_code == 201
    job = answer.json()
    assert answer["Location"] == job["url"] == f"http://testserver/api/v1/jobs/{job['id']}"
    assert (job["phase"], job["owner"], job["lane"]) == ("QUEUED", "alice", "interactive")
    assert job["parameters"] == {"words": "hi"}
    assert job["created"].endswith("Z")
    assert len(job["created"]) == len("2026-01-01T00:00:00.000Z")
    found = alice.get(f"/jobs/{job['id']}")
    assert found.pop("queue") == {"position": 1, "reason": "begins next"}
    assert job.pop("queue") is None
    assert found == job


def test_everything_can_be_wished_for(alice: Api) -> None:
    wanted = {
        "run": False,
        "label": "first",
        "lane": "batch",
        "destruction": "2100-01-01T00:00:00Z",
        "execution_duration": 60,
        "not_before": (now() + timedelta(days=1)).isoformat(),
        "mail_to": "a@b.org",
        "mail_on": "failure",
        "fresh": True,
        "memory_bytes": 2**27,
    }
    job = alice.make(**wanted)
    kept = {name: job[name] for name in wanted if name in job}
    assert kept == {
        **{name: wanted[name] for name in kept},
        "destruction": job["destruction"],
        "not_before": job["not_before"],
    }
    assert job["phase"] == "PENDING"
    assert Job.objects.get().memory_bytes == 2**27


def test_all_faults_are_told_at_once(alice: Api) -> None:
    wanted = {
        "application": "weigh",
        "parameters": {"repeat": 0, "spam": 1},
        "label": 5,
        "lane": "fast",
        "destruction": "tomorrow",
        "execution_duration": -1,
        "spam": 2,
    }
    found = faults(alice("POST", "/jobs", wanted))
    assert {"files", "repeat", "spam", "label", "lane", "destruction", "execution_duration"} == set(
        found
    )
    assert found["label"] == "must be a valid string, got 5"
    assert "'real-time', 'interactive' or 'batch', got 'fast'" in found["lane"]
    assert not Job.objects.exists()


def test_a_request_without_an_application_is_told_so(alice: Api) -> None:
    assert faults(alice("POST", "/jobs", {}))["application"] == "must be given, got nothing"
    assert "got 5" in faults(alice("POST", "/jobs", {"application": 5}))["application"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"5", b"\xff", b'{"a": NaN}', b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"],
)
def test_a_body_that_is_no_object_is_refused(alice: Api, body: bytes) -> None:
    assert "body" in faults(alice("POST", "/jobs", body=body))


def test_a_body_beyond_all_measure_is_refused(alice: Api) -> None:
    answer = alice("POST", "/jobs", {"application": "echo", "label": "x" * 2**24})
    assert answer.status_code == 413


def test_numbers_beyond_all_measure_are_refused(alice: Api) -> None:
    wanted = {"application": "echo", "execution_duration": 10**30, "memory_bytes": 10**30}
    assert set(faults(alice("POST", "/jobs", wanted))) == {"execution_duration", "memory_bytes"}


def test_a_request_that_is_sent_again_makes_no_second_job(alice: Api) -> None:
    wanted = {"application": "echo"}
    first, second = (alice("POST", "/jobs", wanted, Idempotency_Key="k") for _ in range(2))
    assert (first.status_code, first.json()["id"]) == (201, second.json()["id"])
    assert Job.objects.count() == 1
    other = alice("POST", "/jobs", {**wanted, "label": "x"}, Idempotency_Key="k")
    assert (other.status_code, Job.objects.count()) == (409, 1)


def test_a_drained_service_says_when_to_come_again(alice: Api) -> None:
    Switch.objects.create(name="drain", reason="a new disk")
    answer = alice("POST", "/jobs", {"application": "echo"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "300")
    assert "a new disk" in answer.json()["detail"]


def test_a_quota_is_a_refusal_with_figures(alice: Api, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, user_jobs=1)
    alice.make()
    answer = alice("POST", "/jobs", {"application": "echo"})
    assert answer.status_code == 403
    assert "at most 1" in answer.json()["faults"][0]["text"]


# -- listed ---------------------------------------------------------------------------------------


def ids(document: Any) -> list[str]:
    return [job["id"] for job in document["jobs"]]


def test_a_list_is_newest_first_page_by_page(alice: Api, user: User) -> None:
    moment = now()
    # Several were made in the same millisecond.
    made = [
        make_job(user, created=moment + timedelta(milliseconds=number // 3)) for number in range(10)
    ]
    wanted = [str(job.pk) for job in sorted(made, key=lambda job: (job.created, job.pk))[::-1]]
    assert ids(alice.get("/jobs")) == wanted
    found, path = [], "/jobs?limit=4&phase=QUEUED"
    for _ in range(3):
        page = alice.get(path)
        found += ids(page)
        make_job(user)  # What comes meanwhile is no part of it.
        path = (page["next"] or "").partition("/api/v1")[2]
    assert (found, path) == (wanted, "")


def test_a_list_is_filtered(alice: Api, user: User) -> None:
    jobs = {phase: make_job(user, phase, application=phase.lower()) for phase in Phase}
    found = ids(alice.get("/jobs?phase=ERROR&phase=HELD"))
    assert set(found) == {str(jobs[phase].pk) for phase in (Phase.ERROR, Phase.HELD)}
    assert ids(alice.get("/jobs?application=held")) == [str(jobs[Phase.HELD].pk)]
    assert ids(alice.get("/jobs?application=held&phase=ERROR")) == []


def test_jobs_are_found_by_label_letters_and_time(alice: Api, user: User) -> None:
    moment = now()
    first = make_job(user, label="M 31 first try", created=moment - timedelta(days=2))
    second = make_job(user, label="m31", created=moment - timedelta(days=1))
    assert ids(alice.get("/jobs?label=m31")) == [str(second.pk)]
    assert ids(alice.get("/jobs?search=31")) == [str(second.pk), str(first.pk)]
    assert ids(alice.get("/jobs?search=FIRST")) == [str(first.pk)]
    # The beginnings of identifiers are of the time; these were made in the same moment.
    assert str(first.pk) in ids(alice.get(f"/jobs?search={str(first.pk)[:8]}"))
    assert ids(alice.get(f"/jobs?search={str(first.pk).upper()}")) == [str(first.pk)]
    between = (moment - timedelta(days=1.5)).isoformat().replace("+", "%2B")
    assert ids(alice.get(f"/jobs?created_after={between}")) == [str(second.pk)]
    assert ids(alice.get(f"/jobs?created_before={between}")) == [str(first.pk)]
    assert ids(alice.get("/jobs?search=%25&search=_")) == []


def test_an_administrator_lists_the_jobs_of_one_user(
    alice: Api, charlie: Api, api: Any, admin_user: User
) -> None:
    job = alice.make()
    charlie.make()
    assert ids(api(admin_user).get("/jobs?owner=alice")) == [job["id"]]
    assert charlie("GET", "/jobs?owner=alice").status_code == 403
    assert charlie("GET", "/jobs?owner=charlie").status_code == 403


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("phase=SPAM", "phase"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("cursor=spam", "cursor"),
        ("cursor=OTk5OTk5OTk5OTk5OTk5OTk5IDEx", "cursor"),
        ("spam=1", "spam"),
        ("created_after=tomorrow", "created_after"),
        ("created_before=0.5", "created_before"),
        ("search=%00", "search"),
        ("label=%00", "label"),
    ],
)
def test_a_wrong_filter_is_named(alice: Api, query: str, name: str) -> None:
    assert next(iter(faults(alice("GET", f"/jobs?{query}")))).partition(".")[0] == name


def test_nobody_finds_the_jobs_of_others(
    alice: Api, charlie: Api, api: Any, admin_user: User
) -> None:
    job = alice.make()
    assert ids(charlie.get("/jobs")) == []
    assert charlie("GET", "/jobs?everybody=true").status_code == 403
    admin = api(admin_user)
    assert ids(admin.get("/jobs")) == []
    assert ids(admin.get("/jobs?everybody=true")) == [job["id"]]


def test_a_list_takes_few_queries(
    alice: Api, user: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(30):
        make_job(user)
    alice.get("/jobs")
    with django_assert_max_num_queries(3):
        assert len(alice.get("/jobs")["jobs"]) == 30


# -- read -----------------------------------------------------------------------------------------


def test_a_job_tells_all_that_is_to_be_known(alice: Api, user: User, stranger: User) -> None:
    first, theirs = make_job(user, Phase.COMPLETED), make_job(stranger, Phase.COMPLETED)
    job = make_job(
        user,
        Phase.ERROR,
        steps_total=400,
        steps_done=350,
        steps_reused=312,
        reused_from={str(first.pk): 300, str(theirs.pk): 12},
        stages=[{"step": "project", "done": 350, "total": 400, "reused": 312}],
        error_kind="fatal",
        error_code="input.file",
        error_message="m31.fits: must have a WCS",
        error_faults=[["m31.fits", "must have a WCS"]],
        attempt=1,
    )
    Attempt.objects.create(job=job, number=1, worker="w", node="here", outcome="failed")
    found = alice.get(f"/jobs/{job.pk}")
    assert found["progress"] == {
        "total": 400,
        "done": 350,
        "reused": 312,
        "stages": job.stages,
        "reused_from": {str(first.pk): 300, "others": 12},
        "words": f"350 of 400 steps, 312 of them reused, from job {first.pk} and jobs of others",
    }
    assert found["error"]["faults"] == [{"name": "m31.fits", "text": "must have a WCS"}]
    assert [attempt["node"] for attempt in found["attempts"]] == ["here"]
    assert found["queue"] is None
    assert "worker" not in json.dumps(found)


@pytest.mark.parametrize("phase", list(Phase))
def test_documents_are_as_they_are_described(alice: Api, user: User, phase: Phase) -> None:
    job = make_job(user, phase, error_kind="fatal" if phase == Phase.ERROR else "")
    for model, document in (
        (schemas.JobDocument, alice.get(f"/jobs/{job.pk}")),
        (schemas.JobList, alice.get("/jobs")),
    ):
        model.model_validate(document)
        assert set(document) == set(model.model_fields)
    (listed,) = alice.get("/jobs")["jobs"]
    assert set(listed) == set(schemas.JobSummary.model_fields)


def test_addresses_are_those_that_clients_reach(alice: Api, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, url="https://hven.example.org/island/")
    job = alice.make()
    assert job["url"].startswith("https://hven.example.org/island/api/v1/jobs/")
    assert job["links"]["stream"] == f"{job['url']}/stream"


@pytest.mark.parametrize("name", ["spam", "00000000-0000-0000-0000-000000000000", "%00", "%FF"])
def test_a_job_that_there_is_not_is_missing(alice: Api, name: str) -> None:
    assert alice("GET", f"/jobs/{name}").status_code == 404


# -- changed --------------------------------------------------------------------------------------


def test_what_is_named_is_changed(alice: Api) -> None:
    job = alice.make(run=False, parameters={"words": "hi"})
    change = {
        "parameters": {"words": "ho"},
        "execution_duration": 60,
        "destruction": (now() + timedelta(days=1)).isoformat(),
        "mail_to": "a@b.org",
    }
    answer = alice("PATCH", f"/jobs/{job['id']}", change)
    assert answer.status_code == 200
    changed = answer.json()
    assert changed["parameters"] == {"words": "ho"}
    assert (changed["execution_duration"], changed["mail_on"]) == (60, "end")
    assert changed["destruction"] < job["destruction"]
    assert alice("PATCH", f"/jobs/{job['id']}", {}).json() == changed


def test_all_is_changed_or_nothing(alice: Api) -> None:
    job = alice.make(run=False)
    change = {"execution_duration": 60, "mail_to": "nobody", "parameters": {"spam": 1}, "x": 1}
    found = faults(alice("PATCH", f"/jobs/{job['id']}", change))
    assert set(found) == {"mail_to", "spam", "x"}
    assert Job.objects.get().events == 1
    alice("POST", f"/jobs/{job['id']}/run")
    change = {"execution_duration": 60, "parameters": {"words": "x"}}
    assert alice("PATCH", f"/jobs/{job['id']}", change).status_code == 409
    assert alice.get(f"/jobs/{job['id']}")["execution_duration"] == 0


def test_a_deleted_job_is_gone(alice: Api) -> None:
    job = alice.make()
    assert alice("DELETE", f"/jobs/{job['id']}").status_code == 204
    assert alice("DELETE", f"/jobs/{job['id']}").status_code == 404
    assert alice("GET", f"/jobs/{job['id']}").status_code == 404
    assert ids(alice.get("/jobs")) == []


def test_jobs_are_run_held_released_and_aborted(alice: Api) -> None:
    job = alice.make(run=False)["id"]
    for act, phase in (
        ("run", "QUEUED"),
        ("hold", "HELD"),
        ("hold", "HELD"),
        ("release", "QUEUED"),
        ("abort", "ABORTED"),
        ("abort", "ABORTED"),
    ):
        answer = alice("POST", f"/jobs/{job}/{act}")
        assert (answer.status_code, answer.json()["phase"]) == (200, phase)
    for act in ("run", "hold", "release"):
        answer = alice("POST", f"/jobs/{job}/{act}")
        assert answer.status_code == 409
        assert "ABORTED" in answer.json()["detail"]


def test_a_running_job_is_asked_to_stop(alice: Api, user: User) -> None:
    job = make_job(user, Phase.EXECUTING)
    answer = alice("POST", f"/jobs/{job.pk}/abort").json()
    assert (answer["phase"], answer["stop"]) == ("EXECUTING", "abort")


def test_reading_changes_nothing(alice: Api) -> None:
    job = alice.make(run=False)
    assert alice("GET", f"/jobs/{job['id']}/run").status_code == 405
    alice("GET", f"/jobs/{job['id']}?phase=RUN&action=DELETE")
    assert Job.objects.get().events == job["events"] == 1


def test_a_job_is_repeated_with_changes(alice: Api) -> None:
    job = alice.make(parameters={"words": "hi"}, label="first")
    path = f"/jobs/{job['id']}/rerun"
    answer = alice("POST", path, {"parameters": {"words": "ho"}, "run": False}, Idempotency_Key="k")
    assert answer.status_code == 201
    again = answer.json()
    assert (again["rerun_of"], again["label"], again["phase"]) == (job["id"], "first", "PENDING")
    assert again["parameters"] == {"words": "ho"}
    same = alice("POST", path, {"parameters": {"words": "ho"}, "run": False}, Idempotency_Key="k")
    assert same.json()["id"] == again["id"]
    assert alice("POST", path).json()["parameters"] == {"words": "hi"}
    assert "spam" in faults(alice("POST", path, {"parameters": {"spam": 1}}))
    assert "spam" in faults(alice("POST", path, {"spam": 1}))


def test_who_cannot_be_known_by_account_goes_by_the_id(nobody: Api, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, anonymous=True)
    job = nobody.make()
    assert (job["owner"], nobody.get(f"/jobs/{job['id']}")["id"]) == (None, job["id"])
    assert ids(nobody.get("/jobs")) == []
