"""Jobs that are submitted by themselves."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from hven.api import requests, schemas
from hven.api.asking import MANAGE, READ, SUBMIT, account, answer, read_body
from hven.api.routes.answers import answers, body
from hven.errors import Fault, MissingError, ParameterError
from hven.jobs import schedules
from hven.jobs.models import Lane, Schedule
from hven.web.instants import instant

router = Router(tags=["schedules"])
_LANES = {lane.label: lane for lane in Lane}


@router.get("", auth=READ, response=answers(200, schemas.ScheduleList))
def list_schedules(request: HttpRequest) -> HttpResponse:
    """The schedules of who asks, newest first."""
    found = Schedule.objects.filter(owner=account(request)).order_by("-created", "-pk")
    return answer({"schedules": [_document(schedule) for schedule in found]})


@router.post(
    "",
    auth=SUBMIT,
    response=answers(201, schemas.ScheduleDocument),
    openapi_extra=body(requests.ScheduleRequest),
)
def make_schedule(request: HttpRequest) -> HttpResponse:
    """Have a job submitted at a time, or again and again."""
    owner = account(request)
    wanted, faults = read_body(request, requests.ScheduleRequest)
    if wanted.first is None:  # Without it little more can be checked.
        if not any(fault.name == "first" for fault in faults):
            faults.append(Fault("first", "must be given, the time of the first job; got nothing"))
        raise ParameterError(faults)
    draft = Schedule(
        application=wanted.application,
        parameters=wanted.parameters,
        label=wanted.label,
        lane=_LANES[wanted.lane],
        next_time=wanted.first,
        every_seconds=wanted.every_seconds,
        until=wanted.until,
    )
    return answer(_document(schedules.make(owner, draft, faults)), 201)


@router.delete("/{schedule}", auth=MANAGE, response=answers(204, None))
def remove_schedule(request: HttpRequest, schedule: str) -> HttpResponse:
    """Submit no more jobs of it; those that there are stay."""
    owner = account(request)
    try:
        name = uuid.UUID(schedule)
    except ValueError:
        raise MissingError(f"schedule: you have none with the id {schedule}") from None
    if not Schedule.objects.filter(pk=name, owner=owner).delete()[0]:
        raise MissingError(f"schedule: you have none with the id {schedule}")
    return HttpResponse(status=204)


def _document(schedule: Schedule) -> dict[str, Any]:
    return {
        "id": str(schedule.pk),
        "application": schedule.application,
        "parameters": schedule.parameters,
        "label": schedule.label,
        "lane": Lane(schedule.lane).label,
        "next": instant(schedule.next_time) if schedule.enabled else None,
        "every_seconds": schedule.every_seconds,
        "until": instant(schedule.until),
        "last_job": None if schedule.last_job_id is None else str(schedule.last_job_id),
        "fault": schedule.fault,
    }
