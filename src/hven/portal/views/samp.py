"""Handing a result to a desktop program, which has no session of its own."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from hven.jobs import access
from hven.jobs.clock import now
from hven.jobs.models import Result
from hven.portal import sharing
from hven.portal.asking import asker, own
from hven.portal.results import shown
from hven.portal.seeing import Seen
from hven.web.addresses import absolute

#: For how long the program may fetch the file.
_TIME = timedelta(hours=12)
#: Tables of other kinds have no standard message; TOPCAT takes one of its own, with a format.
_FORMATS = {".ecsv": "ecsv", ".csv": "csv", ".parquet": "parquet", ".tbl": "ipac"}


@own
@require_POST
def hand_over(request: HttpRequest, job: uuid.UUID, name: str) -> HttpResponse:
    """An address of a result that is valid for some hours, and the message that carries it."""
    found = Seen(access.readable(asker(request), job))
    row = found.result(name)
    user = asker(request)
    assert user is not None  # `own` sees to it.
    link = sharing.share(user, found.job, now() + _TIME, "SAMP")
    path = reverse("portal:shared-file", args=[sharing.token_of(link), row.name])
    return JsonResponse(
        _message(row)
        | {
            "url": absolute(request, path.rstrip("/")) + "/",
            "name": f"{found.job.label or found.job.application} {row.name}",
            "id": f"{found.job.pk}/{row.name}",
        }
    )


def _message(row: Result) -> dict[str, str]:
    """The message by which programs are told, and what it says beside the address."""
    if shown(row).way != "table":
        return {"message": "image.load.fits"}
    suffix = Path(row.file).suffix.lower()
    if suffix in _FORMATS:
        return {"message": "table.load.stil", "format": _FORMATS[suffix]}
    return {"message": "table.load." + ("fits" if suffix in (".fits", ".fit") else "votable")}
