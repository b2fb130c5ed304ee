"""What can be done with a job."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from ninja import Router

from hven.api import requests, schemas
from hven.api.asking import MANAGE, SUBMIT, asker, read_body
from hven.api.routes.answers import answers, body, headers
from hven.api.routes.jobs import created, job_now
from hven.errors import ParameterError
from hven.jobs import control
from hven.jobs.access import readable
from hven.jobs.models import Job

router = Router(tags=["jobs"])
_JOB = answers(200, schemas.JobDocument)


@router.post("/{job}/run", auth=MANAGE, response=_JOB)
def run_job(request: HttpRequest, job: str) -> HttpResponse:
    """Queue a job that is PENDING or HELD."""
    return _done(request, job, control.run)


@router.post("/{job}/abort", auth=MANAGE, response=_JOB)
def abort_job(request: HttpRequest, job: str) -> HttpResponse:
    """Stop a job for good; the results it has are kept."""
    return _done(request, job, control.abort)


@router.post("/{job}/hold", auth=MANAGE, response=_JOB)
def hold_job(request: HttpRequest, job: str) -> HttpResponse:
    """Set a job aside; one that runs keeps its finished steps."""
    return _done(request, job, control.hold)


@router.post("/{job}/release", auth=MANAGE, response=_JOB)
def release_job(request: HttpRequest, job: str) -> HttpResponse:
    """Queue a job that is HELD."""
    return _done(request, job, control.release)


@router.post(
    "/{job}/rerun",
    auth=SUBMIT,
    response=answers(201, schemas.JobDocument),
    openapi_extra={**body(requests.RerunRequest, required=False), **headers("Idempotency-Key")},
)
def rerun_job(request: HttpRequest, job: str) -> HttpResponse:
    """Make a new job with a job's parameters, some of them changed."""
    user = asker(request)
    found = readable(user, job)
    wanted, faults = read_body(request, requests.RerunRequest)
    if faults:
        raise ParameterError(faults)
    again = control.rerun(
        user,
        found,
        wanted.parameters,
        fresh=wanted.fresh,
        run=wanted.run,
        idempotency_key=request.headers.get("Idempotency-Key"),
    )
    return created(request, again)


def _done(request: HttpRequest, job: str, act: Callable[[Job], None]) -> HttpResponse:
    found = readable(asker(request), job)
    act(found)
    return job_now(request, found)
