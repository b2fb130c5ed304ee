"""The form that runs an application: shown, looked at while it is filled in, sent."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hven.declare import Application, Fault
from hven.errors import ConflictError, ParameterError, TransientError, UnavailableError, UserError
from hven.jobs.access import identifier, readable
from hven.jobs.configuration import configuration
from hven.jobs.fetching import allowed
from hven.jobs.limits import quota
from hven.jobs.models import Job, User
from hven.jobs.submission import submit
from hven.portal.asking import asker, own
from hven.portal.running import filling
from hven.portal.running.presets import PresetError, preset_of, presets_of, save
from hven.portal.running.receiving import receive, takes_files
from hven.portal.running.request import Request
from hven.portal.running.terms import MAILS, STARTS, lanes, read_terms, terms_of, usual_terms
from hven.portal.views.applications import found
from hven.web.addresses import absolute

_STATUS = {UnavailableError: 503, ConflictError: 409}


@own
@takes_files
@require_http_methods(["GET", "HEAD", "POST"])
def run(request: HttpRequest, name: str) -> HttpResponse:
    """The form, empty or filled by its address; sent, it makes a job."""
    made = found(name)
    user = asker(request)
    assert user is not None
    if request.method == "POST":
        return _sent(request, user, made)
    asked, more = _from_address(request, user, made)
    if asked.given:
        asked = asked.with_faults(_but_missing(asked))
    return _page(request, asked, **more)


@own
@require_safe
def again(request: HttpRequest, job: uuid.UUID) -> HttpResponse:
    """The form filled with what a job was asked for."""
    job_row = readable(asker(request), job)
    address = reverse("portal:run", args=[job_row.application])
    return redirect(f"{address}?{filling.OWN}again={job_row.pk}")


@own
@require_POST
def check(request: HttpRequest, name: str) -> HttpResponse:
    """What a script of the form asks while it is filled in: faults, readings, what it will take."""
    made = found(name)
    user = asker(request)
    assert user is not None
    asked = Request(user, made, filling.from_form(made, request.POST), read_terms(request.POST))
    asked = asked.with_faults(asked.checked[1])
    faults: dict[str, list[str]] = {row.name: list(row.faults) for row in asked.rows}
    answer = {
        "faults": faults,
        "terms": asked.term_faults,
        "readings": {row.name: row.reading for row in asked.rows},
        "inputs": {
            row.name: render_to_string("portal/run/chosen.html", {"row": row}, request)
            for row in asked.rows
            if row.field.kind == "file"
        },
        "estimate": render_to_string("portal/run/estimate.html", _forecast(asked), request),
        "commands": {line.key: line.text for line in asked.lines(_service(request))},
    }
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})


@own
@require_POST
def remove_preset(request: HttpRequest, name: str, preset: int) -> HttpResponse:
    """Remove a preset."""
    row = preset_of(asker(request), name, preset)
    row.delete()
    messages.success(request, _("The preset %(name)s is removed.") % {"name": row.name})
    return redirect("portal:run", name)


def _sent(request: HttpRequest, user: User, made: Application) -> HttpResponse:
    asked = _from_form(request, user, made)
    wish = request.POST.get(f"{filling.OWN}do", "run")
    if wish == "preset":
        return _save(request, user, asked)
    if wish != "run" or asked.faults:
        return _page(request, asked.with_faults(_all_faults(asked)), 422 if asked.faults else 200)
    try:
        job = _submitted(request, user, asked)
    except (UserError, TransientError) as error:
        told = getattr(error, "faults", ()) or (Fault("", str(error)),)
        own_faults = asked.checked[1] if isinstance(error, ParameterError) else ()
        faults = tuple(dict.fromkeys((*told, *own_faults)))
        return _page(request, asked.with_faults(faults), _STATUS.get(type(error), 422))
    messages.success(request, _("The job is made; its progress is shown here."))
    return redirect("portal:job", job.pk)


def _submitted(request: HttpRequest, user: User, asked: Request) -> Job:
    more: dict[str, Any] = {}
    repeated = request.POST.get(f"{filling.OWN}rerun_of", "")
    if repeated:
        more["rerun_of"] = identifier(repeated)
    key = request.POST.get(f"{filling.OWN}key", "") or None
    try:
        return submit(user, asked.submission(idempotency_key=key, **more), asked.terms.faults)
    except ConflictError:
        # Somebody went back to a form that was sent, and changed it: that is another job.
        return submit(user, asked.submission(**more), asked.terms.faults)


def _from_form(request: HttpRequest, user: User, made: Application) -> Request:
    """What was sent, its files kept as uploads."""
    given = filling.from_form(made, request.POST)
    faults: list[Fault] = []
    for field in made.fields:
        files = request.FILES.getlist(field.name) if field.kind == "file" else []
        kept = [f"upload:{each.pk}" for each in receive(user, field.name, files, faults)]
        if kept and field.many:
            given[field.name] = [*filling.lines(given.get(field.name, [])), *kept]
        elif kept:
            given[field.name] = kept[-1]
    return Request(user, made, given, read_terms(request.POST), tuple(faults))


def _from_address(
    request: HttpRequest, user: User, made: Application
) -> tuple[Request, dict[str, Any]]:
    """What the address gives over what a job or a preset does."""
    given: filling.Given = {}
    terms = usual_terms(user)
    more: dict[str, Any] = {}
    again_of = request.GET.get(f"{filling.OWN}again", "")
    chosen = request.GET.get(f"{filling.OWN}preset", "")
    if again_of:
        job = readable(user, again_of)
        given, terms = filling.from_job(made, job), terms_of(job)
        more["again"] = job
    elif chosen:
        more["preset"] = preset_of(user, made.name, chosen)
        given = filling.from_kept(more["preset"].parameters)
    given |= filling.from_form(made, request.GET)
    label = request.GET.get(f"{filling.OWN}label", "")
    if label:
        terms = replace(terms, texts={**terms.texts, "label": label})
    return Request(user, made, given, terms), more


def _save(request: HttpRequest, user: User, asked: Request) -> HttpResponse:
    try:
        kept = save(user, asked, request.POST.get(f"{filling.OWN}preset_name", ""))
    except PresetError as error:
        more = {"preset_fault": str(error)}
        return _page(request, asked.with_faults(_but_missing(asked)), 422, **more)
    messages.success(request, _("The preset %(name)s is saved.") % {"name": kept.name})
    address = reverse("portal:run", args=[asked.made.name])
    return redirect(f"{address}?{filling.OWN}preset={kept.pk}")


def _all_faults(asked: Request) -> tuple[Fault, ...]:
    return tuple(dict.fromkeys((*asked.faults, *asked.checked[1])))


def _but_missing(asked: Request) -> list[Fault]:
    """What is wrong with what was given; what is still missing is not told before it is sent."""
    names = {field.name for field in asked.made.fields}
    return [each for each in asked.checked[1] if each.name in asked.given or each.name not in names]


def _page(request: HttpRequest, asked: Request, status: int = 200, **more: Any) -> HttpResponse:
    user = asked.owner
    content = {
        "application": asked.made,
        "asked": asked,
        "groups": asked.groups,
        "terms": asked.terms.texts,
        "presets": presets_of(user, asked.made.name),
        "lanes": lanes(user),
        "starts": STARTS,
        "mails": MAILS,
        "key": uuid.uuid4(),
        "zone": timezone.get_current_timezone_name(),
        "fetched_from": allowed.hosts(),
        "retention_days": f"{configuration().retention_days:g}",
        "commands": asked.lines(_service(request)),
        "rerun_of": request.POST.get(f"{filling.OWN}rerun_of", ""),
        **_forecast(asked),
        **more,
    }
    response = render(request, "portal/run/form.html", content, status=status)
    if status == 503:
        response["Retry-After"] = "30"
    return response


def _forecast(asked: Request) -> dict[str, Any]:
    return {
        "estimate": asked.estimate,
        "input_bytes": asked.input_bytes,
        "quota": quota(asked.owner),
    }


def _service(request: HttpRequest) -> str:
    """By which the service is reached."""
    return absolute(request, "")
