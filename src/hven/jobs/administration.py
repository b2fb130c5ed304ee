"""What only an administrator does: draining the service, having jobs make room."""

from __future__ import annotations

from django.db.models import Q

from hven.errors import ConflictError
from hven.jobs import control
from hven.jobs.clock import now
from hven.jobs.models import Job, Stop, Switch
from hven.jobs.phases import Phase
from hven.jobs.queue import DRAIN
from hven.jobs.transitions import News, change
from hven.jobs.wakeup import nudge

_LONGEST_REASON = 200


def drain(reason: str = "") -> int:
    """Take and begin no more jobs; gives how many still run. Those go on to their end."""
    values = {"reason": reason[:_LONGEST_REASON], "since": now()}
    Switch.objects.update_or_create(name=DRAIN, defaults=values)
    return Job.objects.filter(phase=Phase.EXECUTING).count()


def resume() -> bool:
    """Take and begin jobs again; tells whether the service was drained."""
    count, _ = Switch.objects.filter(name=DRAIN).delete()
    nudge()
    return bool(count)


def requeue(job: Job, reason: str = "") -> None:
    """Have a running job make room: it is queued again, and keeps its finished steps.

    One that is held is released.

    Raises
    ------
    ConflictError
        It does not run and is not held, or is asked to stop already.
    """
    if Job.objects.filter(pk=job.pk, phase=Phase.HELD).exists():
        control.release(job)
        return
    text = reason or "asked to make room by an administrator"
    asked = change(
        Q(phase=Phase.EXECUTING.value, stop=""),
        job.pk,
        [News("request", text, {"stop": Stop.REQUEUE.value})],
        stop=Stop.REQUEUE,
        stop_reason=text[:_LONGEST_REASON],
    )
    if not asked:
        phase, stop = Job.objects.values_list("phase", "stop").get(pk=job.pk)
        told = f" and asked to stop ({stop})" if stop else ""
        raise ConflictError(
            f"phase: must be EXECUTING or HELD, is {phase}{told}; "
            f"hven rerun {job.pk} does a job that has ended again"
        )
    nudge()
