"""What concerns several jobs at once."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Query, Router
from pydantic import BaseModel, Field

from hven.api.asking import READ, asker, require_known
from hven.api.routes.answers import answers, content
from hven.errors import Fault, ParameterError
from hven.jobs.access import readable
from hven.web import archives

router = Router(tags=["outcome"])


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
