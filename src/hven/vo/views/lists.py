"""Lists of jobs, and new jobs in them."""

from __future__ import annotations

import urllib.parse

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseNotAllowed

from hven.jobs.access import listed
from hven.jobs.models import Job
from hven.jobs.phases import Phase
from hven.vo.asking import Asked, door, see_other, xml
from hven.vo.creating import create, offered
from hven.vo.documents import list_document
from hven.vo.phases import moment, phase, shown, single, whole
from hven.web.scopes import Scope

#: Jobs of a list that nobody said how long it may be.
_MOST = 1000
_COLUMNS = ("id", "phase", "label", "created", "owner__username")


@door("GET", "POST", needs=Scope.SUBMIT)
def jobs(asked: Asked) -> HttpResponse:
    """The jobs of who asks, newest first; POST makes a new one."""
    if asked.request.method != "POST":
        return _list(asked)
    if not asked.application:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    return see_other(asked.address(create(asked).pk))


def _list(asked: Asked) -> HttpResponse:
    if asked.application:
        offered(asked.application)
    found = _filtered(asked).order_by("-created", "-pk")
    text = single(asked.query, "LAST")
    if text is not None:
        most = whole("LAST", text, 1, "a whole number above 0")
        return xml(list_document(asked, found[:most].iterator()))
    page = list(found[: _MOST + 1])
    if len(page) > _MOST:
        # A list that is cut says so by its address (UWS 1.1, 2.2.2.1).
        query = [(name, text) for name, texts in asked.query.lists() for text in texts]
        words = urllib.parse.urlencode([*query, ("LAST", _MOST)])
        return see_other(f"{asked.address()}?{words}")
    return xml(list_document(asked, page))


def _filtered(asked: Asked) -> QuerySet[Job]:
    found = listed(asked.user).select_related("owner").only(*_COLUMNS)
    if asked.application:
        found = found.filter(application=asked.application)
    wanted = {phase("PHASE", text) for text in asked.query.getlist("phase")}
    if wanted:
        kept = [each.value for each in Phase if shown(each, asked.wants_held) in wanted]
        found = found.filter(phase__in=kept)
    else:
        found = found.exclude(phase=Phase.ARCHIVED)
    text = single(asked.query, "AFTER")
    return found if text is None else found.filter(created__gt=moment("AFTER", text))
