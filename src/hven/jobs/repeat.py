"""Doing a job again from nothing, and comparing what it gives with what it gave."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from hven.errors import ConflictError
from hven.jobs import control
from hven.jobs.comparison import Verdict, compare_files
from hven.jobs.contents import result_path
from hven.jobs.models import Job, Result
from hven.jobs.patience import patient
from hven.jobs.phases import ACTIVE, Phase

#: Results that tell how and when something was done, and are another each time.
_ACCOUNTS = ("log", "provenance")
_LOOK_EVERY = 0.2


class Compared(NamedTuple):
    """One result, before and now."""

    name: str
    verdict: Verdict


def repeat(job: Job) -> Job:
    """A new job of the same owner with the same parameters, that reuses nothing.

    Raises
    ------
    ConflictError
        The job gave nothing that could be compared, or it is there no more.
    UserError
        It would not be taken now, as where an input is gone.
    """
    if job.phase != Phase.COMPLETED:
        raise ConflictError(f"phase: must be COMPLETED for a comparison, is {job.phase}")
    return control.rerun(None if job.owner_id is None else job.owner, job, fresh=True)


def wait_for(job: Job, tell: Callable[[Job], None]) -> Job:
    """The job when it has ended; `tell` is given it whenever something happened."""
    seen = -1
    while True:
        patient(job.refresh_from_db)
        if job.events != seen:
            seen = job.events
            tell(job)
        if job.phase not in ACTIVE:
            return job
        time.sleep(_LOOK_EVERY)


def compare(before: Job, now: Job) -> list[Compared]:
    """Each result of two jobs that have completed, by name.

    Results are the same when their bytes are, or when only the date in a FITS header differs. Logs
    and provenance records are left aside.
    """
    first, second = _results(before), _results(now)
    names = [*first, *(name for name in second if name not in first)]
    return [Compared(name, _compared(first.get(name), second.get(name))) for name in names]


def _results(job: Job) -> dict[str, Result]:
    found = Result.objects.filter(job=job, final=True).exclude(role__in=_ACCOUNTS)
    return {result.name: result for result in found.order_by("order", "pk")}


def _compared(before: Result | None, now: Result | None) -> Verdict:
    if before is None or now is None:
        return Verdict(False, "is new" if before is None else "is not given any more")
    if before.sha256 and before.sha256 == now.sha256:
        return Verdict(True, "the same bytes")
    try:
        return compare_files(result_path(before), result_path(now))
    except FileNotFoundError as error:
        return Verdict(False, f"cannot be compared: {error.filename} is gone")
