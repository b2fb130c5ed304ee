"""One job: how far it is, what was said, what came of it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from hven.declare.registry import applications
from hven.jobs import history
from hven.jobs.access import identifier
from hven.jobs.models import Event, Job, Upload
from hven.jobs.phases import ACTIVE, WAITING
from hven.jobs.queue import position
from hven.portal import sharing
from hven.portal.models import Tag
from hven.portal.outcomes import advice_for
from hven.portal.results import Shown, results_of
from hven.portal.seeing import Seen, seen
from hven.portal.views.status import someone_dispatches
from hven.web.archives import archive
from hven.web.log import log_lines

#: Messages that the page shows; the log has all.
_MESSAGES = 200
#: Texts of a parameter that are shown; the rest is counted.
_MOST_VALUES = 12
_UPLOAD = "upload:"
_SAID = ("say", "retry", "phase", "attempt", "request", "output")


class Given(NamedTuple):
    """A parameter of a job."""

    name: str
    unit: str
    #: The first ones, where there are many.
    values: list[str]
    #: How many more there are.
    more: int
    #: Whether it is what it would be, had nobody said anything.
    is_default: bool


@seen
@require_safe
def job(request: HttpRequest, found: Seen) -> HttpResponse:
    """One job."""
    given = _given(found.job)
    content = _live(found) | {
        "given": [each for each in given if not each.is_default],
        "defaults": [each for each in given if each.is_default],
        "application": applications().get(found.job.application),
        "names": _names(given) if found.is_own else {},
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
    place = position(job) if job.phase in WAITING else None
    return {
        "seen": found,
        "job": job,
        "address": found.address("job"),
        "live": found.address("live"),
        "is_moving": job.phase in ACTIVE and job.phase != "PENDING",
        "place": place,
        "nobody_runs": job.phase == "QUEUED" and not someone_dispatches(),
        "stages": [_stage(stage) for stage in job.stages],
        "messages_of_job": _messages(job),
        "attempts": job.attempts.order_by("number"),
        "results": results,
        "main": _main(results),
        "advice": advice_for(job),
        "expected": history.expected_end(job, place.number if place else 0),
    }


def _main(results: list[Shown]) -> Shown | None:
    """What the page shows large: the main result if it can be seen, else the first that can."""
    seeable = [each for each in results if each.way in ("image", "picture", "table")]
    main = (each for each in seeable if each.result.role == "main")
    return next(main, next(iter(seeable), None))


def _stage(stage: dict[str, Any]) -> dict[str, Any]:
    total, done = stage.get("total", 0), stage.get("done", 0)
    text = stage.get("text", "").removesuffix(".")
    return stage | {"text": text, "percent": int(100 * done / total) if total else 0}


def _messages(job: Job) -> list[Event]:
    newest = job.event_rows.filter(kind__in=_SAID).order_by("-sequence")[:_MESSAGES]
    return list(newest)[::-1]


def _given(job: Job) -> list[Given]:
    """The parameters of a job that have a value."""
    application = applications().get(job.application)
    fields = {field.name: field for field in application.fields} if application else {}
    found = []
    for name, value in job.parameters.items():
        if value is None or value == []:
            continue
        field = fields.get(name)
        usual = field is not None and not field.required and field.to_json(field.default) == value
        values = [_text(each) for each in (value if isinstance(value, list) else [value])]
        unit = str(field.unit or "") if field is not None else ""
        more = max(0, len(values) - _MOST_VALUES)
        found.append(Given(name, unit, values[:_MOST_VALUES], more, usual))
    return found


def _names(given: list[Given]) -> dict[str, str]:
    """The names of uploads, by the references to them."""
    values = (value for each in given for value in each.values)
    wanted = {value[len(_UPLOAD) :]: value for value in values if value.startswith(_UPLOAD)}
    keys = [identifier(text) for text in wanted]
    found = Upload.objects.filter(pk__in=keys).values_list("pk", "name")
    return {f"{_UPLOAD}{key}": name for key, name in found}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
