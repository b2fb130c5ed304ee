"""How the service is, as anybody may know."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hven.errors import UnavailableError
from hven.jobs import limits
from hven.jobs.clock import now
from hven.jobs.models import Job, Part
from hven.jobs.phases import Phase

#: Seconds after which a part that was not heard of is not counted.
_SILENT = timedelta(seconds=60)


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Parts, queue, health."""
    parts = Part.objects.filter(seen__gte=now() - _SILENT).order_by("kind", "node")
    waiting = dict(
        Job.objects.filter(phase__in=[Phase.QUEUED.value, Phase.EXECUTING.value], deleted=None)
        .order_by()
        .values_list("phase")
        .annotate(count=Count("pk"))
    )
    content = {
        "health": _health(),
        "parts": parts,
        "queued": waiting.get(Phase.QUEUED.value, 0),
        "running": waiting.get(Phase.EXECUTING.value, 0),
        "django_version": django.get_version(),
    }
    return render(request, "portal/status.html", content)


def _health() -> dict[str, Any]:
    reason = limits.drained()
    if reason is not None:
        return {"state": "drained", "reason": reason}
    try:
        limits.require_space()
    except UnavailableError as error:
        return {"state": "full", "reason": str(error)}
    return {"state": "ok", "reason": ""}
