"""The applications that are offered, each as its declaration tells."""

from __future__ import annotations

import tempfile
import urllib.parse
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from hven.declare import Application
from hven.errors import HvenError, TransientError, UserError
from hven.jobs import applications as registry
from hven.jobs import uploads
from hven.jobs.models import Job, Upload, User
from hven.jobs.phases import Phase
from hven.portal.asking import asker, own
from hven.portal.context import families
from hven.portal.running.commands import commands
from hven.portal.running.filling import Given, lines
from hven.portal.running.rows import grouped, rows
from hven.web.addresses import absolute

#: Labels the jobs that the example makes, so that its results are found again.
EXAMPLE_LABEL = "Example"


@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """All applications by family, or those that say what is searched."""
    search = request.GET.get("q", "").strip()
    words = search.lower().split()
    found = {
        family: [made for made in members if _says(made, words)]
        for family, members in families().items()
    }
    content = {"found": {key: members for key, members in found.items() if members}}
    return render(request, "portal/applications.html", content | {"search": search})


@require_safe
def application(request: HttpRequest, name: str) -> HttpResponse:
    """What an application does, takes and gives, and how it is called."""
    made = found(name)
    example = made.example
    given: Given = dict(example.values) if example is not None else _samples(made)
    content: dict[str, Any] = {
        "application": made,
        "groups": grouped(rows(made, {})),
        "commands": commands(made, given, {}, {}, absolute(request, "")),
        "example": example,
        "example_rows": [row for row in rows(made, given) if row.texts],
    }
    user = asker(request)
    if example is not None and user is not None:
        content["example_result"] = _example_result(user, made)
    return render(request, "portal/application.html", content)


@own
@require_POST
def example(request: HttpRequest, name: str) -> HttpResponse:
    """Give somebody the files of an example, and the form filled with it."""
    made = found(name)
    user = asker(request)
    assert user is not None
    if made.example is None:
        raise Http404(f"example: {name} has none")
    try:
        given = _given_example(user, made)
    except (UserError, TransientError) as error:
        messages.error(request, str(error))
        return redirect("portal:application", name)
    given["job.label"] = EXAMPLE_LABEL
    address = reverse("portal:run", args=[made.name])
    return redirect(f"{address}?{urllib.parse.urlencode(given, doseq=True)}")


@require_safe
def example_picture(_: HttpRequest, name: str) -> HttpResponse:
    """What comes out of an example."""
    made = found(name)
    if made.example is None or made.example.picture is None:
        raise Http404(f"example: {name} has no picture")
    return HttpResponse(made.example.picture.read_bytes(), content_type="image/webp")


def found(name: str) -> Application:
    """The application of that name; 404 when it is not offered."""
    try:
        registry.require_on(name)
        return registry.application(name)
    except HvenError as error:
        raise Http404(str(error)) from error


def _says(made: Application, words: list[str]) -> bool:
    text = " ".join([made.name, made.title, made.family, made.help]).lower()
    return all(word in text for word in words)


def _samples(made: Application) -> Given:
    """The examples of the parameters that have to be given."""
    return {
        field.name: field.param.example
        for field in made.fields
        if field.required and field.param.example is not None
    }


def _given_example(user: User, made: Application) -> dict[str, str | list[str]]:
    """The example's parameters, its files as uploads; those that one has already are used."""
    assert made.example is not None
    given: dict[str, str | list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        made.example.make(Path(folder))
        for name, value in made.example.values.items():
            if made.field(name).kind == "file":
                given[name] = [_uploaded(user, Path(folder) / each) for each in lines(value)]
            else:
                given[name] = value if isinstance(value, str) else list(value)
    return given


def _uploaded(user: User, path: Path) -> str:
    size = path.stat().st_size
    kept = Upload.objects.filter(owner=user, name=path.name, size=size).exclude(completed=None)
    row = kept.first()
    if row is None:
        with path.open("rb") as file:
            row = uploads.take_whole(user, path.name, size, "", file.read)
    return f"upload:{row.pk}"


def _example_result(user: User, made: Application) -> Job | None:
    ran = Job.objects.filter(owner=user, application=made.name, label=EXAMPLE_LABEL, deleted=None)
    return ran.filter(phase=Phase.COMPLETED.value).order_by("-created").first()
