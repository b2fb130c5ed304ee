"""One's account at a glance."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hven.jobs import limits
from hven.jobs.configuration import configuration
from hven.jobs.models import User
from hven.portal.asking import asker, own


@own
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """What one has, and the ways to change it."""
    user = asker(request)
    assert isinstance(user, User)
    settings = configuration()
    content = {
        "active_jobs": limits.active_jobs(user),
        "active_jobs_limit": settings.user_jobs,
        "bytes": limits.upload_bytes(user) + limits.result_bytes(user),
        "bytes_limit": settings.user_bytes,
    }
    return render(request, "portal/account.html", content)
