"""The applications that are offered, each as its declaration tells."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hven.declare import Application, Field
from hven.errors import HvenError
from hven.jobs import applications as registry
from hven.portal.asking import own


@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """All applications by family."""
    return render(request, "portal/applications.html")


@require_safe
def application(request: HttpRequest, name: str) -> HttpResponse:
    """What an application does, takes and gives."""
    made = found(name)
    content = {"application": made, "groups": groups(made)}
    return render(request, "portal/application.html", content)


@own
@require_safe
def run(request: HttpRequest, name: str) -> HttpResponse:
    """The form that runs an application."""
    return render(request, "portal/run.html", {"application": found(name)})


def found(name: str) -> Application:
    """The application of that name; 404 when it is not offered."""
    try:
        registry.require_on(name)
        return registry.application(name)
    except HvenError as error:
        raise Http404(str(error)) from error


def groups(made: Application) -> dict[str, list[Field]]:
    """The parameters by their headings, in order."""
    grouped: dict[str, list[Field]] = {}
    for field in made.fields:
        grouped.setdefault(field.group or "", []).append(field)
    return grouped
