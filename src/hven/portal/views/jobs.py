"""The table of one's jobs: chosen, sorted, in pages, many at once."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from hven.errors import ConflictError, MissingError
from hven.jobs import access, control
from hven.jobs.models import Job
from hven.portal import choosing
from hven.portal.asking import asker, own
from hven.portal.models import Tag
from hven.portal.paging import page_of
from hven.portal.table import FACTS, rows_of, state_of
from hven.portal.tags import tags_of
from hven.web.archives import MOST_JOBS, archive

#: Rows that a page asks for anew by name.
_MOST_CHANGED = 200


@own
@require_http_methods(["GET", "HEAD", "POST"])
def jobs(request: HttpRequest) -> HttpResponseBase:
    """The jobs of who asks, newest first; or what is done with those that were ticked."""
    if request.method == "POST":
        return _together(request)
    numbers = _applications(request)
    content = _table(request, count=sum(numbers.values())) | {
        "states": choosing.STATES,
        "applications": list(numbers),
        "tags": tags_of(asker(request)),
    }
    return render(request, "portal/jobs.html", content)


@own
@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """The rows alone, for a page that keeps itself up to date; 204 where nothing has changed.

    A page that knows which jobs changed names them: it is sent their rows, and of the others where
    they stand.
    """
    changed = _named(request.GET.get("changed", ""))
    content = _table(request, changed)
    if changed is None and request.GET.get("state_of") == content["state_of"]:
        return HttpResponse(status=204)
    return render(request, "portal/parts/job_rows.html", content)


def _table(
    request: HttpRequest, only: set[uuid.UUID] | None = None, count: int | None = None
) -> dict[str, Any]:
    """What the template of the rows shows; `count` is how many jobs there are of who asks."""
    choice = choosing.choice_of(request.GET)
    mine = choosing.choose(access.listed(asker(request)), choice)
    page = page_of(request, mine.values_list(*FACTS), count=None if choice.is_narrow else count)
    return {
        "page": page,
        "rows": rows_of(page, only),
        "choice": choice,
        "state_of": state_of(page),
    }


def _named(text: str) -> set[uuid.UUID] | None:
    """The jobs of a list in an address; None where there is no list."""
    names = [name for name in text.split(",") if name]
    return {access.identifier(name) for name in names[:_MOST_CHANGED]} if names else None


def _applications(request: HttpRequest) -> dict[str, int]:
    """How many jobs of each application there are."""
    mine = access.listed(asker(request)).order_by("application")
    return dict(mine.values_list("application").annotate(number=Count("pk")))


def _together(request: HttpRequest) -> HttpResponseBase:
    """Do one thing with many jobs."""
    wanted = {access.identifier(text) for text in request.POST.getlist("job")[:MOST_JOBS]}
    found = list(access.listed(asker(request)).filter(pk__in=wanted).order_by("-created"))
    action = request.POST.get("do", "")
    if not found:
        messages.info(request, _("Tick the jobs first."))
    elif action == "archive":
        return archive(found)
    elif action in _MANY:
        _tell(request, action, *_each(action, found))
    elif action == "tag":
        names = " ".join(request.POST.get("tag", "").split())[:40]
        if names:
            Tag.objects.bulk_create(
                [Tag(job=job, name=names) for job in found], ignore_conflicts=True
            )
    return redirect(_back(request))


_MANY = {
    "cancel": control.abort,
    "remove": control.delete,
    "hold": control.hold,
    "release": control.release,
}


def _each(action: str, found: list[Job]) -> tuple[int, int]:
    """How many jobs something was done with, and how many were not in a state for it."""
    done = refused = 0
    for job in found:
        try:
            _MANY[action](job)
            done += 1
        except (ConflictError, MissingError):
            refused += 1
    return done, refused


def _tell(request: HttpRequest, action: str, done: int, refused: int) -> None:
    words = {
        "cancel": ngettext("%d job is cancelled.", "%d jobs are cancelled.", done),
        "remove": ngettext("%d job is removed.", "%d jobs are removed.", done),
        "hold": ngettext("%d job is held.", "%d jobs are held.", done),
        "release": ngettext("%d job goes on.", "%d jobs go on.", done),
    }
    if done:
        messages.success(request, words[action] % done)
    if refused:
        text = ngettext(
            "%d job was in a state in which this cannot be done.",
            "%d jobs were in a state in which this cannot be done.",
            refused,
        )
        messages.warning(request, text % refused)


def _back(request: HttpRequest) -> str:
    """The table as it was chosen; nothing but it."""
    wanted = request.POST.get("next", "")
    return wanted if wanted.startswith("/jobs/?") else "portal:jobs"
