"""What jobs can work on: one's uploads, and datasets that are offered."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from hven.declare import Application, Fault
from hven.errors import ConflictError
from hven.jobs import applications, datasets, limits, uploads
from hven.jobs.access import offered
from hven.jobs.models import Upload, User
from hven.portal.asking import asker, own
from hven.portal.paging import page_of
from hven.portal.running.receiving import receive, takes_files

#: Files of a dataset that are listed.
_MOST_FILES = 20_000


@own
@require_safe
def data(request: HttpRequest) -> HttpResponse:
    """The uploads of who asks, and the datasets."""
    user = _user(request)
    search = request.GET.get("q", "").strip().replace("\0", "")
    found = Upload.objects.filter(owner=user).select_related("fetch").order_by("-created", "-pk")
    for word in search.split():
        found = found.filter(Q(name__icontains=word) | Q(fetch__url__icontains=word))
    content = {
        "page": page_of(request, found),
        "search": search,
        "datasets": offered(user).order_by("title"),
        "quota": limits.quota(user),
        "uses": taking_files(),
    }
    return render(request, "portal/data.html", content)


@own
@require_safe
def dataset(request: HttpRequest, name: str) -> HttpResponse:
    """A dataset and its files."""
    found = datasets.dataset_for(asker(request), name)
    search = request.GET.get("q", "").strip()
    words = search.lower().split()
    every = datasets.files(found, _MOST_FILES)
    hits = [file for file in every if all(word in file.name.lower() for word in words)]
    content = {
        "dataset": found,
        "page": page_of(request, hits, 50),
        "search": search,
        "count": len(every),
        "bytes": sum(file.bytes for file in every),
        "uses": taking_files(),
    }
    return render(request, "portal/dataset.html", content)


@own
@takes_files
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Take files by a plain form."""
    faults: list[Fault] = []
    kept = receive(_user(request), "files", request.FILES.getlist("files"), faults)
    for fault in faults:
        messages.error(request, fault.text)
    if kept:
        told = ngettext("%(n)d file has come.", "%(n)d files have come.", len(kept))
        messages.success(request, told % {"n": len(kept)})
    elif not faults:
        messages.error(request, _("Choose a file first."))
    return redirect("portal:data")


@own
@require_POST
def remove(request: HttpRequest, upload: uuid.UUID) -> HttpResponse:
    """Remove an upload that no job needs."""
    found = uploads.upload_for(asker(request), upload)
    try:
        uploads.remove(found)
    except ConflictError:
        told = _("%(name)s stays: a job that has not ended uses it.")
        messages.error(request, told % {"name": found.name})
    else:
        messages.success(request, _("%(name)s is removed.") % {"name": found.name})
    return redirect("portal:data")


def taking_files() -> list[tuple[Application, str]]:
    """The applications that take files, each with the parameter that does."""
    found = []
    for made in applications.offered():
        names = [field.name for field in made.fields if field.kind == "file"]
        needed = [field.name for field in made.fields if field.kind == "file" and field.required]
        if names:
            found.append((made, (needed or names)[0]))
    return sorted(found, key=lambda pair: pair[0].title)


def _user(request: HttpRequest) -> User:
    user = asker(request)
    assert user is not None
    return user
