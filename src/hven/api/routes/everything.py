"""What concerns several jobs at once."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router
from pydantic import BaseModel, Field

from hven.api import schemas
from hven.api.asking import READ, account, answer, asker, require_known
from hven.api.documents import live_document
from hven.api.routes.answers import answers, content
from hven.errors import Fault, ParameterError
from hven.jobs.access import listed, readable
from hven.jobs.models import Event
from hven.web import archives

router = Router(tags=["outcome"])


class LiveFilters(BaseModel):
    """Which events are asked for."""

    after: int = Field(0, ge=0, le=2**63 - 1, description="The last id that is known")
    limit: int = Field(200, ge=1, le=1000, description="So many at a time")


@router.get("/events", auth=READ, response=answers(200, schemas.LiveEventList))
def list_all_events(request: HttpRequest, filters: Query[LiveFilters]) -> HttpResponse:
    """What happened to all jobs of who asks, in order; the same comes by `/events/stream`."""
    require_known(request, LiveFilters)
    user = account(request)
    found = Event.objects.filter(job__in=listed(user), pk__gt=filters.after).order_by("pk")
    newest = Event.objects.order_by("-pk").values_list("pk", flat=True).first()
    events = found.select_related("job")[: filters.limit]
    return answer({"events": [live_document(event) for event in events], "newest": newest or 0})


class Choice(BaseModel):
    """Which jobs are meant."""

    job: list[str] = Field(
        default_factory=list, description="The id of a job; given once for each of them"
    )


@router.get(
    "/archive",
    auth=READ,
    response=answers(200, None),
    openapi_extra=content(archives.MEDIA_TYPE),
)
def read_archives(request: HttpRequest, choice: Query[Choice]) -> HttpResponseBase:
    """All results of several jobs, their logs and their facts, as one zip with a folder a job."""
    require_known(request, Choice)
    wanted = list(dict.fromkeys(choice.job))
    if not 1 <= len(wanted) <= archives.MOST_JOBS:
        told = f"must be 1 to {archives.MOST_JOBS} jobs, got {len(wanted)}"
        raise ParameterError([Fault("job", told)])
    user = asker(request)
    return archives.archive([readable(user, job) for job in wanted])
