"""Jobs that are submitted by themselves, by the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from api_client import Api
from hven.api import schemas
from hven.jobs.clock import now
from hven.jobs.models import Job, Schedule
from hven.jobs.schedules import submit_due

pytestmark = pytest.mark.django_db


def request(**more: Any) -> dict[str, Any]:
    first = (now() + timedelta(hours=1)).isoformat()
    return {"application": "echo", "parameters": {"words": "again"}, "first": first, **more}


def test_a_schedule_is_made_listed_and_removed(alice: Api) -> None:
    made = alice("POST", "/schedules", request(every_seconds=3600, label="hourly"))
    assert made.status_code == 201
    found = schemas.ScheduleDocument.model_validate(made.json())
    assert (found.every_seconds, found.label, found.lane) == (3600, "hourly", "batch")
    assert [row["id"] for row in alice.get("/schedules")["schedules"]] == [str(found.id)]
    assert alice("DELETE", f"/schedules/{found.id}").status_code == 204
    assert alice.get("/schedules")["schedules"] == []


def test_a_schedule_that_is_due_submits_its_job(alice: Api) -> None:
    due = (now() - timedelta(seconds=1)).isoformat()
    made = alice("POST", "/schedules", request(first=due)).json()
    (job,) = submit_due()
    assert (job.application, job.parameters["words"]) == ("echo", "again")
    (after,) = alice.get("/schedules")["schedules"]
    assert (after["id"], after["last_job"], after["next"]) == (made["id"], str(job.pk), None)
    assert submit_due() == []
    assert Job.objects.count() == 1


def test_all_that_is_wrong_is_told_and_nothing_is_kept(alice: Api) -> None:
    wrong = request(
        parameters={"wrods": "x"}, every_seconds=5, until="2000-01-01T00:00:00Z", label="x" * 65
    )
    answer = alice("POST", "/schedules", wrong)
    assert answer.status_code == 400
    names = {fault["name"] for fault in answer.json()["faults"]}
    assert {"wrods", "every_seconds", "until", "label"} <= names
    assert not Schedule.objects.exists()


@pytest.mark.parametrize("first", [None, "soon", []])
def test_without_a_time_there_is_no_schedule(alice: Api, first: Any) -> None:
    answer = alice("POST", "/schedules", request(first=first))
    assert answer.status_code == 400
    assert [fault["name"] for fault in answer.json()["faults"]] == ["first"]


@pytest.mark.parametrize("name", ["nothing", "3f2b8c1e-7d4a-4c55-9e21-0a6f5d8b9c10"])
def test_a_schedule_that_there_is_not_cannot_be_removed(alice: Api, name: str) -> None:
    assert alice("DELETE", f"/schedules/{name}").status_code == 404
