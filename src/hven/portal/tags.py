"""Tags of jobs: as they are typed, and as they are kept."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Count

from hven.errors import Fault, ParameterError
from hven.jobs.models import Job, User
from hven.portal.models import Tag

MOST = 12
_LONGEST = 40


def set_tags(job: Job, text: str) -> None:
    """Give a job the tags of a text, separated by commas, in the place of those it has.

    Raises
    ------
    ParameterError
        There are too many, or one is too long.
    """
    names = list(dict.fromkeys(" ".join(part.split()) for part in text.split(",")))
    names = [name for name in names if name]
    faults = []
    if len(names) > MOST:
        faults.append(Fault("tags", f"must be at most {MOST}, got {len(names)}"))
    for name in names:
        if len(name) > _LONGEST or not name.isprintable():
            told = f"must be at most {_LONGEST} characters each, got '{name[:_LONGEST]}...'"
            faults.append(Fault("tags", told))
    if faults:
        raise ParameterError(faults)
    with transaction.atomic():
        Tag.objects.filter(job=job).delete()
        Tag.objects.bulk_create(Tag(job=job, name=name) for name in names)


def tags_of(owner: User | None) -> list[str]:
    """All tags of somebody's jobs, the most used first."""
    found = Tag.objects.filter(job__owner=owner, job__deleted=None)
    counted = found.values_list("name").annotate(count=Count("pk")).order_by("-count", "name")
    return [name for name, _ in counted[:100]]
