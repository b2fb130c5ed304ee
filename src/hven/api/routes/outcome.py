"""What comes of a job: events, log, results."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from ninja import Query, Router
from pydantic import BaseModel, Field

from hven.api import schemas
from hven.api.asking import READ, answer, asker, require_known
from hven.api.documents import event_document, result_documents
from hven.api.routes.answers import FILE, answers, content
from hven.errors import MissingError
from hven.jobs.access import readable
from hven.jobs.contents import open_result
from hven.jobs.models import Result
from hven.web import archives
from hven.web.downloads import send
from hven.web.log import log_lines

router = Router(tags=["outcome"])


class EventFilters(BaseModel):
    """Which events are asked for."""

    after: int = Field(0, ge=0, le=2**31 - 1, description="The last number that is known")
    limit: int = Field(200, ge=1, le=1000, description="So many at a time")


@router.get("/{job}/events", auth=READ, response=answers(200, schemas.EventList))
def list_events(request: HttpRequest, job: str, filters: Query[EventFilters]) -> HttpResponse:
    """What happened to a job, in order; the same events come by its stream."""
    found = readable(asker(request), job)
    require_known(request, EventFilters)
    events = found.event_rows.filter(sequence__gt=filters.after).order_by("sequence")
    return answer(
        {
            "events": [event_document(event) for event in events[: filters.limit]],
            "newest": found.events,
            "phase": found.phase,
        }
    )


@router.get(
    "/{job}/log",
    auth=READ,
    response=answers(200, None),
    openapi_extra=content("text/plain"),
)
def read_log(request: HttpRequest, job: str) -> HttpResponseBase:
    """All that happened to a job as text, in every phase, also of one that failed."""
    found = readable(asker(request), job)
    name = content_disposition_header(False, f"{found.pk}.log.txt") or "inline"
    headers = {
        "Content-Disposition": name,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    lines = (line.encode(errors="replace") for line in log_lines(found))
    return StreamingHttpResponse(lines, "text/plain; charset=utf-8", headers=headers)


@router.get(
    "/{job}/archive",
    auth=READ,
    response=answers(200, None),
    openapi_extra=content(archives.MEDIA_TYPE),
)
def read_archive(request: HttpRequest, job: str) -> HttpResponseBase:
    """All results of a job, its log and its facts, as one zip."""
    return archives.archive([readable(asker(request), job)])


@router.get("/{job}/results", auth=READ, response=answers(200, schemas.ResultList))
def list_results(request: HttpRequest, job: str) -> HttpResponse:
    """The files of a job, also while it runs."""
    found = readable(asker(request), job)
    return answer({"results": result_documents(request, found)})


@router.api_operation(
    ["GET", "HEAD"],
    "/{job}/results/{name}",
    auth=READ,
    response=answers(200, None),
    openapi_extra=FILE,
)
def read_result(request: HttpRequest, job: str, name: str) -> HttpResponseBase:
    """A file of a job, whole or one range of its bytes."""
    found = readable(asker(request), job)
    result = Result.objects.filter(job=found, name=name).first()
    if result is None:
        told = "its files were removed" if found.archived else f"it has none of the name '{name}'"
        raise MissingError(f"result: must be one of the job, {told}")
    file = open_result(result)
    saved_as = PurePosixPath(result.file).name
    return send(request, file, saved_as, result.media_type, result.sha256)
