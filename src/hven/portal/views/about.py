"""Pages that only tell something."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """What the platform is and does with one's data."""
    return render(request, "portal/about.html")


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """How to get from an account to a result."""
    return render(request, "portal/help.html")
