"""Handing a result to a desktop program, which has no session of its own."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from hven.jobs import access
from hven.jobs.clock import now
from hven.portal import sharing
from hven.portal.asking import asker, own
from hven.portal.results import shown
from hven.portal.seeing import Seen
from hven.web.addresses import absolute

#: For how long the program may fetch the file.
_TIME = timedelta(hours=12)
_MESSAGES = {"image": "image.load.fits", "table": "table.load.votable"}
_TABLES = {".fits": "table.load.fits", ".fit": "table.load.fits"}


@own
@require_POST
def hand_over(request: HttpRequest, job: uuid.UUID, name: str) -> HttpResponse:
    """An address of a result that is valid for some hours, and the message that carries it."""
    found = Seen(access.readable(asker(request), job))
    row = found.result(name)
    user = asker(request)
    assert user is not None  # `own` sees to it.
    way = shown(row).way
    suffix = "." + row.file.rpartition(".")[2].lower()
    message = _TABLES.get(suffix) if way == "table" else None
    link = sharing.share(user, found.job, now() + _TIME, "SAMP")
    path = reverse("portal:shared-file", args=[sharing.token_of(link), row.name])
    return JsonResponse(
        {
            "message": message or _MESSAGES.get(way, "image.load.fits"),
            "url": absolute(request, path.rstrip("/")) + "/",
            "name": f"{found.job.label or found.job.application} {row.name}",
            "id": f"{found.job.pk}/{row.name}",
        }
    )
