"""One job: how far it is, what was said, what came of it."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from hven.declare.registry import applications
from hven.jobs import history
from hven.jobs.models import Event, Job
from hven.jobs.phases import ACTIVE, WAITING
from hven.jobs.queue import position
from hven.portal import sharing
from hven.portal.models import Tag
from hven.portal.outcomes import advice_for
from hven.portal.results import Shown, results_of
from hven.portal.seeing import Seen, seen
from hven.web.archives import archive
from hven.web.log import log_lines

#: Messages that the page shows; the log has all.
_MESSAGES = 200
#: Texts of a parameter that are shown; the rest is counted.
_MOST_VALUES = 12
_SAID = ("say", "retry", "phase", "attempt", "request", "output")


@seen
@require_safe
def job(request: HttpRequest, found: Seen) -> HttpResponse:
    """One job."""
    content = _live(found) | {
        "parameters": _parameters(found.job),
        "application": applications().get(found.job.application),
    }
    if found.is_own:
        content |= {
            "links": [(link, sharing.token_of(link)) for link in sharing.links_of(found.job)],
            "tags": ", ".join(Tag.objects.filter(job=found.job).values_list("name", flat=True)),
        }
    return render(request, "portal/job.html", content)


@seen
@require_safe
def live(request: HttpRequest, found: Seen) -> HttpResponse:
    """What of the page changes while the job moves; 204 where nothing did."""
    if request.GET.get("events") == str(found.job.events):
        return HttpResponse(status=204)
    return render(request, "portal/parts/job_live.html", _live(found))


@seen
@require_safe
def log(_: HttpRequest, found: Seen) -> HttpResponseBase:
    """All that happened, as a text file; there in every phase."""
    name = content_disposition_header(True, f"{found.job.pk}.log.txt") or "attachment"
    headers = {"Content-Disposition": name, "X-Content-Type-Options": "nosniff"}
    lines = (line.encode(errors="replace") for line in log_lines(found.job))
    return StreamingHttpResponse(lines, "text/plain; charset=utf-8", headers=headers)


@seen
@require_safe
def download(_: HttpRequest, found: Seen) -> HttpResponseBase:
    """All results as one archive, with log and facts."""
    return archive([found.job])


def _live(found: Seen) -> dict[str, Any]:
    job = found.job
    results = results_of(job)
    return {
        "seen": found,
        "job": job,
        "address": found.address("job"),
        "live": found.address("live"),
        "is_moving": job.phase in ACTIVE and job.phase != "PENDING",
        "place": position(job) if job.phase in WAITING else None,
        "stages": [_stage(stage) for stage in job.stages],
        "messages_of_job": _messages(job),
        "attempts": job.attempts.order_by("number"),
        "results": results,
        "main": _main(results),
        "advice": advice_for(job),
        "expected": history.expected_end(job),
    }


def _main(results: list[Shown]) -> Shown | None:
    """What the page shows large: the main result if it can be seen, else the first that can."""
    seeable = [each for each in results if each.way in ("image", "picture", "table")]
    main = (each for each in seeable if each.result.role == "main")
    return next(main, next(iter(seeable), None))


def _stage(stage: dict[str, Any]) -> dict[str, Any]:
    total, done = stage.get("total", 0), stage.get("done", 0)
    return stage | {"percent": int(100 * done / total) if total else 0}


def _messages(job: Job) -> list[Event]:
    newest = job.event_rows.filter(kind__in=_SAID).order_by("-sequence")[:_MESSAGES]
    return list(newest)[::-1]


def _parameters(job: Job) -> list[tuple[str, str, list[str], int]]:
    """Name, unit, texts, and how many more texts there are of each parameter."""
    application = applications().get(job.application)
    fields = application.fields if application else ()
    units = {field.name: str(field.unit or "") for field in fields}
    found = []
    for name, value in job.parameters.items():
        if value is None or value == []:
            continue
        values = [_text(each) for each in (value if isinstance(value, list) else [value])]
        more = max(0, len(values) - _MOST_VALUES)
        found.append((name, units.get(name, ""), values[:_MOST_VALUES], more))
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
