"""Jobs: made, listed, read, changed, removed."""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from hven.api import requests, schemas
from hven.api.asking import MANAGE, READ, SUBMIT, address, answer, asker, read_body, require_known
from hven.api.documents import NOT_LISTED, job_document, job_summary, new_job_document
from hven.api.routes.answers import answers, body, headers
from hven.errors import Fault, ParameterError
from hven.jobs import control, terms
from hven.jobs.access import listed, readable
from hven.jobs.models import Job, Lane
from hven.jobs.phases import Phase
from hven.jobs.submission import Submission, submit

router = Router(tags=["jobs"])
#: Digits of an identifier that are looked for; fewer would be found in any word.
_LEAST_DIGITS = 4
_LANES = {lane.label: lane for lane in Lane}


class Filters(BaseModel):
    """Which jobs a list shows."""

    phase: list[Phase] = Field(default_factory=list, description="One of these phases")
    application: str = Field("", max_length=64, description="Of this application alone")
    label: str = Field("", max_length=64, description="With exactly this label")
    search: str = Field(
        "", max_length=100, description="With these letters in the label, or as its id's beginning"
    )
    created_after: requests.Moment | None = Field(None, description="Made at this time or later")
    created_before: requests.Moment | None = Field(None, description="Made before this time")
    owner: str = Field("", max_length=150, description="Of this user; for administrators")
    limit: int = Field(100, ge=1, le=1000, description="So many at a time")
    cursor: str = Field("", max_length=100, description="From the address of the next page")
    everybody: bool = Field(False, description="Also other users' jobs; for administrators")


@router.post(
    "",
    auth=SUBMIT,
    response=answers(201, schemas.JobDocument),
    openapi_extra={**body(requests.JobRequest), **headers("Idempotency-Key")},
)
def create_job(request: HttpRequest) -> HttpResponse:
    """Make a job, and have it run unless `run` is false.

    With a header `Idempotency-Key` the same request can be sent again without making a second job.
    """
    wanted, faults = read_body(request, requests.JobRequest)
    wish = Submission(
        **{**dict(wanted), "lane": _LANES[wanted.lane]},
        idempotency_key=request.headers.get("Idempotency-Key"),
    )
    return created(request, submit(asker(request), wish, faults))


@router.get("", auth=READ, response=answers(200, schemas.JobList))
def list_jobs(request: HttpRequest, filters: Query[Filters]) -> HttpResponse:
    """The jobs of who asks, newest first; `next` is the address of those that follow."""
    require_known(request, Filters)
    found = listed(asker(request), everybody=filters.everybody or bool(filters.owner))
    found = found.filter(*_conditions(filters))
    if filters.cursor:
        found = _behind(found, _Cursor.read(filters.cursor))
    page = list(
        found.select_related("owner")
        .defer(*NOT_LISTED)
        .order_by("-created", "-pk")[: filters.limit + 1]
    )
    more = len(page) > filters.limit
    page = page[: filters.limit]
    return answer(
        {
            "jobs": [job_summary(request, job) for job in page],
            "next": _next(request, _Cursor(page[-1].created, page[-1].pk)) if more else None,
        }
    )


def _conditions(filters: Filters) -> Iterator[Q]:
    if filters.phase:
        yield Q(phase__in=[phase.value for phase in filters.phase])
    if filters.application:
        yield Q(application=filters.application)
    if filters.label:
        yield Q(label=_storable("label", filters.label))
    if filters.search:
        yield _found_by(_storable("search", filters.search.strip()))
    if filters.created_after:
        yield Q(created__gte=terms.whole(filters.created_after))
    if filters.created_before:
        yield Q(created__lt=terms.whole(filters.created_before))
    if filters.owner:
        yield Q(owner__username=_storable("owner", filters.owner))


def _found_by(text: str) -> Q:
    """Jobs that one finds by some letters; an identifier's beginning is a range of them."""
    digits = text.replace("-", "").lower()
    found = Q(label__icontains=text)
    if len(digits) >= _LEAST_DIGITS and re.fullmatch("[0-9a-f]{,32}", digits):
        first, last = uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
        found |= Q(pk__gte=first, pk__lte=last)
    return found


def _storable(name: str, text: str) -> str:
    """A text that a database can look for; none has a zero byte."""
    if "\0" in text:
        raise ParameterError([Fault(name, "must be a text without zero bytes")])
    return text


@router.get("/{job}", auth=READ, response=answers(200, schemas.JobDocument))
def read_job(request: HttpRequest, job: str) -> HttpResponse:
    """All that is to be known of a job."""
    return answer(job_document(request, readable(asker(request), job)))


@router.patch(
    "/{job}",
    auth=MANAGE,
    response=answers(200, schemas.JobDocument),
    openapi_extra=body(requests.JobChange),
)
def change_job(request: HttpRequest, job: str) -> HttpResponse:
    """Change what is named: all of it, or nothing."""
    found = readable(asker(request), job)
    wanted, faults = read_body(request, requests.JobChange)
    with transaction.atomic():
        _change(found, wanted, faults)
        if faults:
            raise ParameterError(faults)
    return job_now(request, found)


@router.delete("/{job}", auth=MANAGE, response=answers(204, None))
def delete_job(request: HttpRequest, job: str) -> HttpResponse:
    """Remove a job and its files; one that runs is stopped first."""
    control.delete(readable(asker(request), job))
    return HttpResponse(status=204)


def created(request: HttpRequest, job: Job) -> HttpResponse:
    """The answer that a job was made."""
    document = new_job_document(request, job) if job.attempt == 0 else job_document(request, job)
    return answer(document, 201, Location=address(request, "jobs", job.pk))


def job_now(request: HttpRequest, job: Job) -> HttpResponse:
    """The answer with a job as it has become."""
    return answer(job_document(request, readable(asker(request), job.pk)))


def _change(job: Job, wanted: requests.JobChange, faults: list[Fault]) -> None:
    mail = (wanted.mail_to, wanted.mail_on)
    changes: list[Any] = []
    if wanted.parameters is not None:
        changes.append(lambda: control.set_parameters(job, wanted.parameters or {}))
    if wanted.destruction is not None:
        moment = wanted.destruction
        changes.append(lambda: control.renew(job, moment))
    if wanted.execution_duration is not None:
        seconds = wanted.execution_duration
        changes.append(lambda: control.set_duration(job, seconds))
    if mail != (None, None):
        to = job.mail_to if wanted.mail_to is None else wanted.mail_to
        on = job.mail_on if wanted.mail_on is None else wanted.mail_on
        changes.append(lambda: control.want_mail(job, to, on))
    for change in changes:
        try:
            change()
        except ParameterError as error:
            faults.extend(error.faults)


class _Cursor(NamedTuple):
    """The last job of a page."""

    created: datetime
    job: uuid.UUID

    @classmethod
    def read(cls, text: str) -> _Cursor:
        """From an address; see `text`."""
        try:
            moment, _, job = base64.urlsafe_b64decode(text).decode().partition(" ")
            return cls(datetime.fromtimestamp(int(moment) / 1000, UTC), uuid.UUID(job))
        except (ValueError, OverflowError, OSError, binascii.Error) as error:
            told = f"must be as `next` of the page before has it, got '{text}'"
            raise ParameterError([Fault("cursor", told)]) from error

    @property
    def text(self) -> str:
        """As an address has it."""
        milliseconds = round(self.created.timestamp() * 1000)
        return base64.urlsafe_b64encode(f"{milliseconds} {self.job}".encode()).decode()


def _behind(found: QuerySet[Job], cursor: _Cursor) -> QuerySet[Job]:
    # The first condition alone follows from the second; it lets the database use its index.
    older = Q(created__lt=cursor.created) | Q(created=cursor.created, pk__lt=cursor.job)
    return found.filter(older, created__lte=cursor.created)


def _next(request: HttpRequest, cursor: _Cursor) -> str:
    query = [(name, text) for name, texts in request.GET.lists() for text in texts]
    kept = [(name, text) for name, text in query if name != "cursor"]
    words = urllib.parse.urlencode([*kept, ("cursor", cursor.text)])
    return f"{address(request, 'jobs')}?{words}"
