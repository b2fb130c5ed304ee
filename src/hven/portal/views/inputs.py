"""What the form asks while inputs are chosen: a list to choose from, a look at what was chosen."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from hven.declare import Application
from hven.declare.url import is_url
from hven.errors import UnavailableError
from hven.jobs import references
from hven.jobs.fetching.address import shown
from hven.portal.asking import asker, own
from hven.portal.examination.looking import MOST_FILES, look_at
from hven.portal.examination.sky import plot
from hven.portal.running.choosing import SOURCES, choices
from hven.portal.views.applications import found


@own
@require_safe
def inputs(request: HttpRequest, name: str) -> HttpResponse:
    """A page of a list to choose from, as a part of the form."""
    made: Application = found(name)
    user = asker(request)
    assert user is not None
    source = request.GET.get("source", SOURCES[0])
    fields = {field.name: field for field in made.fields if field.kind == "file"}
    field = fields.get(request.GET.get("field", ""))
    if source not in SOURCES or field is None:
        raise Http404("inputs: there is no such list")
    page = choices(user, source, request.GET.get("q", ""), request.GET.get("page"))
    content = {"page": page, "source": source, "field": field, "search": request.GET.get("q", "")}
    return render(request, "portal/inputs/list.html", content)


@own
@require_http_methods(["GET", "HEAD", "POST"])
def look(request: HttpRequest) -> HttpResponse:
    """What is in chosen inputs: pictures, headers, heads of tables, places on the sky."""
    user = asker(request)
    asked = request.POST if request.method == "POST" else request.GET
    texts = [text for text in asked.getlist("of") if text][:MOST_FILES]
    looked = references.look_up(user, texts)
    every = [source for each in looked for source in each.sources][:MOST_FILES]
    sources = [source for source in every if not is_url(source.reference)]
    try:
        seen = look_at([(source.path, source.name) for source in sources])
    except UnavailableError as error:
        return render(request, "portal/inputs/look.html", {"busy": str(error)}, status=503)
    faults = [(shown(each.reference), each.fault) for each in looked if each.fault]
    content = {
        "seen": seen,
        "faults": faults,
        "later": [source.reference for source in every if is_url(source.reference)],
        "sky": plot(seen),
        "part": request.headers.get("X-Part") == "yes",
    }
    return render(request, "portal/inputs/look.html", content)
