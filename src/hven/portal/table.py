"""The rows of the table of jobs, and what tells that they have changed."""

from __future__ import annotations

import functools
import hashlib
import uuid
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from django.core.paginator import Page
from django.urls import get_script_prefix, reverse

from hven.jobs.models import Job, Result
from hven.jobs.phases import ACTIVE, Phase
from hven.jobs.queue import Place, positions
from hven.portal.models import Tag

#: What is looked at to find the page of a table and whether it has changed; jobs are wide, and a
#: sort or a long way to the last page carries along all that is asked for.
FACTS = ("pk", "events", "phase", "steps_done")
#: What a row shows of a job, and what its place in the queue is told from.
_COLUMNS = (
    *("owner", "application", "label", "phase", "created", "started", "ended"),
    *("steps_total", "steps_done", "error_message"),
    *("lane", "attempt", "queued", "not_before", "waits_for"),
)
_RESULT_COLUMNS = ("job", "name", "role", "bytes", "help", "sha256")
_WAITING = {phase.value for phase in ACTIVE}
#: A key that no job has, for addresses with a place for one.
_ANY = uuid.UUID(int=0)
_MOVING = {Phase.QUEUED.value, Phase.EXECUTING.value}


class Row(NamedTuple):
    """A job in the table."""

    key: uuid.UUID
    phase: str
    #: None where the browser has the row already: it is only named, to say where it stands.
    job: Job | None
    place: Place | None
    results: list[Result]
    tags: list[str]

    @property
    def address(self) -> str:
        """The address of the job's page."""
        return _address("portal:job", self.key)

    @property
    def log(self) -> str:
        """The address of its log."""
        return _address("portal:log", self.key)

    @property
    def moves(self) -> bool:
        """Whether it changes without anything happening: time goes by, others get their turn."""
        return self.phase in _MOVING

    @property
    def files(self) -> int:
        """How many results there are beside log and provenance."""
        return sum(each.role not in ("log", "provenance") for each in self.results)

    @property
    def main(self) -> Result | None:
        """The main result."""
        return self._of_role("main")

    @property
    def preview(self) -> Result | None:
        """A picture of it."""
        return self._of_role("preview")

    def _of_role(self, role: str) -> Result | None:
        return next((each for each in self.results if each.role == role), None)


def rows_of(page: Page[Any], only: Collection[uuid.UUID] | None = None) -> list[Row]:
    """The rows of a page of FACTS; as many queries whatever it holds.

    Parameters
    ----------
    page
        Of the table.
    only
        Jobs whose rows are wanted; the others are only named. None is all.
    """
    keys = [key for key, *_ in page if only is None or key in only]
    jobs = Job.objects.only(*_COLUMNS).in_bulk(keys)
    waiting = [job for job in jobs.values() if job.phase in _WAITING]
    places = positions(waiting) if waiting else {}
    chosen = Result.objects.filter(job__in=keys).only(*_RESULT_COLUMNS).order_by("order", "pk")
    results = _by_job(chosen)
    tags = _by_job(Tag.objects.filter(job__in=keys))
    return [
        Row(
            key,
            phase,
            jobs.get(key),
            places.get(key),
            results.get(key, []),
            [tag.name for tag in tags.get(key, [])],
        )
        for key, _events, phase, _steps in page
    ]


def state_of(page: Page[Any]) -> str:
    """What changes as soon as something that the page shows does."""
    facts = [tuple(map(str, row)) for row in page]
    return hashlib.sha256(repr((facts, page.paginator.count)).encode()).hexdigest()[:16]


def _address(page: str, key: uuid.UUID) -> str:
    before, after = _around(page, get_script_prefix())
    return f"{before}{key}{after}"


@functools.cache
def _around(page: str, prefix: str) -> tuple[str, str]:
    """What stands around the key; to look up each address takes as long as the rest of a row."""
    del prefix  # `reverse` has it from where Django keeps it for the request.
    before, _, after = reverse(page, args=[_ANY]).partition(str(_ANY))
    return before, after


def _by_job(found: Iterable[Any]) -> dict[uuid.UUID, list[Any]]:
    sorted_out: dict[uuid.UUID, list[Any]] = {}
    for row in found:
        sorted_out.setdefault(row.job_id, []).append(row)
    return sorted_out
