"""Jobs that are submitted by themselves, at a time or again and again."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from hven.errors import ForbiddenError, UserError
from hven.jobs.clock import now
from hven.jobs.models import Job, Schedule
from hven.jobs.submission import Submission, submit

_log = logging.getLogger("hven.jobs.schedules")


def submit_due() -> list[Job]:
    """Submit what is due, each once however many ask; gives the new jobs.

    Times that passed while nobody looked are made up for by one job. While the service takes no
    jobs the times stay due.

    Raises
    ------
    UnavailableError
        The service takes no jobs now.
    """
    moment = now()
    due = Schedule.objects.filter(enabled=True, next_time__lte=moment)
    jobs: list[Job] = []
    for schedule in due.select_related("owner").order_by("next_time"):
        job = _submit(schedule, moment)
        if job is not None:
            jobs.append(job)
    return jobs


def _submit(schedule: Schedule, moment: datetime) -> Job | None:
    """The job of a schedule; None when it was refused or somebody else came first."""
    following = next_time(schedule, moment)
    with transaction.atomic():
        mine = Schedule.objects.filter(
            Q(pk=schedule.pk), enabled=True, next_time=schedule.next_time
        )
        if not mine.update(next_time=following or schedule.next_time, enabled=bool(following)):
            return None
        job, fault = None, ""
        try:
            # Its own savepoint: the next time stands even where the submission is undone.
            with transaction.atomic():
                if not schedule.owner.is_active:
                    raise ForbiddenError("account: must be enabled")
                job = submit(schedule.owner, _wish(schedule))
        except UserError as error:
            fault = str(error)
            _log.warning("schedule refused: %s", error, extra={"schedule": str(schedule.pk)})
        changes = {"fault": fault} if job is None else {"fault": "", "last_job": job}
        Schedule.objects.filter(pk=schedule.pk).update(**changes)
    return job


def next_time(schedule: Schedule, moment: datetime) -> datetime | None:
    """When a schedule is due again after `moment`; None for never."""
    if not schedule.every_seconds:
        return None
    every = timedelta(seconds=schedule.every_seconds)
    missed = max(0, (moment - schedule.next_time) // every)
    following = schedule.next_time + (missed + 1) * every
    return None if schedule.until is not None and following > schedule.until else following


def _wish(schedule: Schedule) -> Submission:
    return Submission(
        application=schedule.application,
        parameters=schedule.parameters,
        label=schedule.label,
        lane=schedule.lane,
    )
