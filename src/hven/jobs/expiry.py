"""Ending what is over: jobs whose destruction date has passed, deleted jobs, old uploads.

The database goes first and the files follow. Whoever is killed in between leaves files that no row
speaks of, which `leftovers` finds; a row never promises files that are gone.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from hven.jobs.clock_watch import ClockWatch, deciding_time
from hven.jobs.configuration import configuration
from hven.jobs.crash_points import crash_point
from hven.jobs.fetching import uses
from hven.jobs.leftovers import remove_job_folder, remove_upload_file
from hven.jobs.models import Job, ProductUse, Result, Schedule, Stop, Upload
from hven.jobs.phases import ACTIVE, WAITING, Move, Phase
from hven.jobs.transitions import News, change, move
from hven.jobs.wakeup import nudge

#: Jobs that are looked at at a time, and seconds after which a sweep makes way for other work.
_BATCH, _LONGEST = 100, 5.0
#: Wishes to stop after which the job ends anyhow.
_ENDING = (Stop.ABORT, Stop.DURATION, Stop.DELETE, Stop.DESTROY)
_OVER = "its destruction date has passed"
_UPLOAD = re.compile(r"upload:([0-9a-fA-F-]{32,36})")


class Swept(NamedTuple):
    """What a sweep did."""

    #: Jobs that were asked to stop.
    stopped: int = 0
    #: Jobs whose files were removed.
    archived: int = 0
    uploads: int = 0


def sweep() -> Swept:
    """End what is over now; nothing while the clock cannot be trusted.

    Notes
    -----
    It may be killed at any moment and run in several processes at a time.
    """
    moment = deciding_time()
    if not ClockWatch(configuration().run_folder / "clock.json").trusts(moment):
        return Swept()
    stopped = archived = 0
    for job in _over(moment):
        if job.phase == Phase.EXECUTING:
            stopped += _ask_to_stop(job, moment)
        else:
            archived += _end(job, moment)
    return Swept(stopped, archived, _sweep_uploads(moment))


def _over(moment: datetime) -> Iterator[Job]:
    """Jobs that are over, for as long as a sweep may take."""
    deadline = time.monotonic() + _LONGEST
    seen: set[uuid.UUID] = set()
    while time.monotonic() < deadline:
        stopping = Q(phase=Phase.EXECUTING.value, stop__in=_ENDING)
        due = Job.objects.filter(destruction__lte=moment).exclude(phase=Phase.ARCHIVED)
        deleted = Job.objects.filter(deleted__isnull=False).exclude(phase=Phase.ARCHIVED)
        jobs = [
            *due.exclude(stopping).order_by("destruction")[:_BATCH],
            *deleted.exclude(phase=Phase.EXECUTING)[:_BATCH],
        ]
        new = {job.pk: job for job in jobs if job.pk not in seen}
        if not new:
            return
        seen.update(new)
        yield from new.values()


def _is_over(moment: datetime) -> Q:
    return Q(destruction__lte=moment) | Q(deleted__isnull=False)


def _ask_to_stop(job: Job, moment: datetime) -> bool:
    condition = Q(phase=Phase.EXECUTING.value, destruction__lte=moment) & ~Q(stop__in=_ENDING)
    asked = change(
        condition,
        job.pk,
        [News("request", f"asked to stop: {_OVER}", {"stop": Stop.DESTROY.value})],
        stop=Stop.DESTROY,
        stop_reason=_OVER,
    )
    if asked:
        nudge()
    return asked


def _end(job: Job, moment: datetime) -> bool:
    """Archive a job that does not run, ended first where it still waits."""
    if job.phase in WAITING and not move(
        job.pk, Move.ABORT, _text(job), where=_is_over(moment) & Q(phase=job.phase)
    ):
        return False
    return archive(job, _is_over(moment))


def archive(job: Job, where: Q | None = None) -> bool:
    """Leave only the metadata of a job that has ended; tells whether this call did.

    Parameters
    ----------
    job
        The job.
    where
        What must hold besides, looked at by the transaction.
    """
    with transaction.atomic():
        if not move(job.pk, Move.ARCHIVE, _text(job), where=where, result_bytes=0):
            return False
        Result.objects.filter(job=job).delete()
        ProductUse.objects.filter(job=job).delete()
    crash_point("expire.before_files")
    remove_job_folder(job.pk)
    crash_point("expire.after_files")
    return True


def _text(job: Job) -> str:
    return "deleted by its owner" if job.deleted else _OVER


def _sweep_uploads(moment: datetime) -> int:
    expired = list(Upload.objects.filter(expires__lte=moment).order_by("expires")[:_BATCH])
    used = uploads_in_use() if expired else set()
    removed = 0
    for upload in expired:
        # A client may have asked for more time since.
        if upload.pk not in used:
            count, _ = Upload.objects.filter(pk=upload.pk, expires__lte=moment).delete()
            if count:
                remove_upload_file(upload.pk)
            removed += bool(count)
    return removed


def uploads_in_use() -> set[uuid.UUID]:
    """The uploads that jobs which have not ended, or schedules, take as inputs."""
    text = Cast("parameters", TextField())
    active = Job.objects.filter(phase__in=[phase.value for phase in ACTIVE])
    sources = (active, Schedule.objects.filter(enabled=True))
    named: set[uuid.UUID] = set()
    urls: set[str] = set()
    for source in sources:
        for parameters in source.annotate(text=text).values_list("text", flat=True).iterator():
            found = _UPLOAD.findall(parameters)
            named.update(uuid.UUID(each) for each in found if len(each.replace("-", "")) == 32)
            urls.update(uses.urls_in(parameters))
    return named | uses.fetched_from(urls)
