"""Jobs that are submitted by themselves, at a time or again and again."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from hven.errors import Fault, ForbiddenError, ParameterError, UserError
from hven.jobs import terms
from hven.jobs.clock import now
from hven.jobs.models import Job, Schedule, User
from hven.jobs.submission import Submission, checked_parameters, submit

_log = logging.getLogger("hven.jobs.schedules")


#: Seconds from one job of a schedule to the next, at least.
SHORTEST_SECONDS = 60


def make(owner: User, draft: Schedule, faults: Iterable[Fault] = ()) -> Schedule:
    """Keep a schedule, when its jobs could be submitted now.

    Parameters
    ----------
    owner
        Whose it is to be.
    draft
        What is asked for, not kept yet.
    faults
        What the caller has found wrong already.

    Raises
    ------
    ParameterError
        With all that is wrong.
    """
    wrong = list(faults)
    _, draft.parameters, _ = checked_parameters(owner, draft.application, draft.parameters, wrong)
    draft.label = terms.label(draft.label, wrong)
    draft.lane = terms.lane(owner, draft.lane, wrong)
    draft.next_time = terms.whole(draft.next_time)
    if draft.every_seconds and draft.every_seconds < SHORTEST_SECONDS:
        text = f"must be 0 or at least {SHORTEST_SECONDS} s, got {draft.every_seconds}"
        wrong.append(Fault("every_seconds", text))
    if draft.until is not None:
        draft.until = terms.whole(draft.until)
        if draft.until < draft.next_time:
            told = f"must not be before first, got {draft.until.isoformat()}"
            wrong.append(Fault("until", told))
    if wrong:
        raise ParameterError(wrong)
    draft.owner = owner
    draft.save(force_insert=True)
    return draft


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
