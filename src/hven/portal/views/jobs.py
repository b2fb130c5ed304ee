"""Jobs: the table of one's own, a job, a result of it."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hven.jobs import access
from hven.portal.asking import asker, own
from hven.portal.paging import page_of


@own
@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """The jobs of who asks, newest first."""
    found = access.listed(asker(request)).order_by("-created", "-pk")
    return render(request, "portal/jobs.html", {"page": page_of(request, found)})


@own
@require_safe
def job(request: HttpRequest, job: uuid.UUID) -> HttpResponse:
    """One job."""
    found = access.readable(asker(request), job)
    content = {"job": found, "results": found.results.order_by("order", "pk")}
    return render(request, "portal/job.html", content)


@own
@require_safe
def result(request: HttpRequest, job: uuid.UUID, name: str) -> HttpResponse:
    """One result of a job."""
    found = access.readable(asker(request), job)
    row = found.results.filter(name=name).first()
    if row is None:
        raise Http404(f"result: job {job} has none of the name '{name}'")
    return render(request, "portal/result.html", {"job": found, "result": row})
