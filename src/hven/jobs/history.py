"""What earlier jobs tell about those to come."""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta

from hven.jobs.clock import now
from hven.jobs.models import Job
from hven.jobs.phases import Phase

#: Jobs that are looked at.
_SAMPLE = 25
#: A share that says little of what is left.
_LEAST_SHARE = 0.1


def expected_end(job: Job) -> datetime | None:
    """When a running job is likely to end; None where nothing tells.

    By its own pace as soon as a tenth of its known steps are done, else by the median time of the
    last jobs of its owner with the same application.
    """
    if job.phase != Phase.EXECUTING.value or job.started is None:
        return None
    moment = now()
    share = job.steps_done / job.steps_total if job.steps_total else 0.0
    gone = moment - job.started
    if share >= _LEAST_SHARE:
        return moment + gone * ((1 - share) / share)
    usual = usual_time(job)
    return None if usual is None else max(moment, job.started + usual)


def usual_time(job: Job) -> timedelta | None:
    """The median time of the last jobs of the same owner and application; None without any."""
    ended = Job.objects.filter(
        owner=job.owner_id, application=job.application, phase=Phase.COMPLETED.value
    )
    times = ended.order_by("-created").values_list("started", "ended")[:_SAMPLE]
    seconds = [(end - begin).total_seconds() for begin, end in times if begin and end]
    return timedelta(seconds=statistics.median(seconds)) if seconds else None
