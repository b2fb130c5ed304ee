"""What jobs can work on: one's uploads, and datasets that are offered."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hven.jobs.access import offered
from hven.jobs.models import Upload
from hven.portal.asking import asker, own
from hven.portal.paging import page_of


@own
@require_safe
def data(request: HttpRequest) -> HttpResponse:
    """The uploads of who asks, and the datasets."""
    user = asker(request)
    uploads = Upload.objects.filter(owner=user).order_by("-created", "-pk")
    content = {"page": page_of(request, uploads), "datasets": offered(user).order_by("name")}
    return render(request, "portal/data.html", content)
