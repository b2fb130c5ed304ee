"""What inputs can be chosen from: one's uploads, results of one's jobs, datasets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet

from hven.jobs import datasets
from hven.jobs.access import offered
from hven.jobs.models import Result, Upload, User
from hven.jobs.phases import ACTIVE

SOURCES = ("uploads", "results", "datasets")
_PAGE = 20
#: Files of a dataset that are looked through.
_MOST_FILES = 5000
_ACCOUNTS = ("log", "provenance")


@dataclass(frozen=True)
class Choice:
    """Something that can be taken as an input."""

    reference: str
    name: str
    #: What it belongs to: the job, the dataset.
    of: str
    bytes: int | None
    when: datetime | None
    #: How many files it stands for.
    count: int = 1


def choices(owner: User, source: str, search: str, page: Any) -> Page[Choice]:
    """A page of what can be chosen.

    Parameters
    ----------
    owner
        Who chooses.
    source
        One of SOURCES.
    search
        A part of the name, or of what it belongs to; empty finds all.
    page
        Which page.
    """
    search = search.strip().replace("\0", "")
    if source == "datasets":
        return Paginator(_of_datasets(owner, search), _PAGE).get_page(page)
    if source == "uploads":
        return _made(Paginator(_uploads(owner, search), _PAGE).get_page(page), _of_upload)
    return _made(Paginator(results_of(owner, search), _PAGE).get_page(page), _of_result)


def _made(found: Page[Any], make: Callable[[Any], Choice]) -> Page[Choice]:
    """The same page, of choices."""
    found.object_list = [make(row) for row in found.object_list]
    return found


def results_of(owner: User, search: str) -> QuerySet[Result]:
    """The results of somebody's jobs that have ended and are kept, newest first."""
    found = Result.objects.filter(job__owner=owner, job__deleted=None, job__archived=None)
    found = found.exclude(job__phase__in=[phase.value for phase in ACTIVE])
    found = found.exclude(role__in=_ACCOUNTS).select_related("job")
    for word in search.split():
        found = found.filter(
            Q(name__icontains=word)
            | Q(file__icontains=word)
            | Q(job__label__icontains=word)
            | Q(job__application__icontains=word)
        )
    return found.order_by("-job__created", "order", "pk")


def _uploads(owner: User, search: str) -> QuerySet[Upload]:
    found = Upload.objects.filter(owner=owner).exclude(completed=None)
    for word in search.split():
        found = found.filter(name__icontains=word)
    return found.order_by("-created", "-pk")


def _of_upload(row: Upload) -> Choice:
    return Choice(f"upload:{row.pk}", row.name, "", row.received, row.created)


def _of_result(row: Result) -> Choice:
    name = row.file.rpartition("/")[2]
    of = row.job.label or row.job.application
    return Choice(f"job:{row.job_id}/{row.name}", name, of, row.bytes, row.job.created)


def _of_datasets(owner: User, search: str) -> list[Choice]:
    """Whole datasets first, then their files."""
    words = search.lower().split()
    wholes: list[Choice] = []
    files: list[Choice] = []
    for dataset in offered(owner).order_by("title"):
        title = f"{dataset.title} {dataset.name}".lower()
        found = datasets.files(dataset, _MOST_FILES)
        hits = [
            file
            for file in found
            if all(word in title or word in file.name.lower() for word in words)
        ]
        if found and len(hits) == len(found):
            reference = f"dataset:{dataset.name}/**"
            size = sum(file.bytes for file in found)
            wholes.append(Choice(reference, dataset.title, dataset.name, size, None, len(found)))
        files += [
            Choice(
                f"dataset:{dataset.name}/{file.name}",
                file.name,
                dataset.title,
                file.bytes,
                file.modified,
            )
            for file in hits
        ]
    return wholes + files
