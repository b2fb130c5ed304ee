"""How the service is, as anybody may know."""

from __future__ import annotations

import platform
from datetime import datetime, timedelta
from typing import Any

import django
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hven.errors import UnavailableError
from hven.jobs import applications, limits
from hven.jobs.clock import now
from hven.jobs.models import Job, Part
from hven.jobs.phases import Phase

#: Seconds after which a part that was not heard of is not counted.
_SILENT = timedelta(seconds=60)


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Parts, queue, health."""
    parts = _heard_of().order_by("kind", "node")
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
        "oldest": _oldest(),
        "applications": applications_with_state(),
        "django_version": django.get_version(),
        "python_version": platform.python_version(),
    }
    return render(request, "portal/status.html", content)


def _oldest() -> datetime | None:
    """Since when the job waits that has waited longest, of those whose time has come."""
    waiting = Job.objects.filter(phase=Phase.QUEUED.value, deleted=None)
    due = waiting.filter(Q(not_before=None) | Q(not_before__lte=now()))
    return due.order_by("queued").values_list("queued", flat=True).first()


def applications_with_state() -> list[dict[str, Any]]:
    """Each application, whether it is switched off, and why."""
    off = applications.switched_off()
    return [
        {"made": made, "off": made.name in off, "reason": off.get(made.name, "")}
        for made in applications.installed()
    ]


def someone_dispatches() -> bool:
    """Whether anything takes jobs from the queue; not while it gets ready."""
    return _heard_of().filter(kind="dispatcher").exists()


def _heard_of() -> QuerySet[Part]:
    return Part.objects.filter(seen__gte=now() - _SILENT)


def _health() -> dict[str, Any]:
    reason = limits.drained()
    if reason is not None:
        return {"state": "drained", "reason": reason}
    try:
        limits.require_space()
    except UnavailableError as error:
        return {"state": "full", "reason": str(error)}
    return {"state": "ok", "reason": ""}
