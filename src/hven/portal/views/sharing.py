"""Jobs that their owners share by a link."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """The job that a link is for."""
    del request
    raise Http404(f"link: there is none of the name '{token}', or its time is over")
