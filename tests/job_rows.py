"""Rows that tests of jobs begin with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from hven.jobs.clock import now
from hven.jobs.models import Job, Result, Schedule, User
from hven.jobs.phases import TERMINAL, Phase


def make_job(owner: User | None = None, phase: Phase = Phase.QUEUED, **columns: Any) -> Job:
    """A job in any phase, as if it had got there."""
    moment = now()
    times: dict[str, Any] = {"queued": None if phase == Phase.PENDING else moment}
    if phase in TERMINAL:
        times |= {"started": moment, "ended": moment}
    given = {
        "application": "sums",
        "application_version": 1,
        "destruction": moment + timedelta(days=30),
        **times,
        **columns,
    }
    return Job.objects.create(owner=owner, phase=phase.value, **given)


def make_result(job: Job, folder: Path, name: str = "sum", content: bytes = b"42") -> Result:
    """A result of a job, with its file below the folder of all jobs."""
    file = f"{job.pk}/attempt-{job.attempt}/outputs/{name}"
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Result.objects.create(
        job=job, attempt=job.attempt, name=name, file=file, bytes=len(content), final=True
    )


def make_schedule(owner: User, **columns: Any) -> Schedule:
    """A schedule that is due tomorrow."""
    given = {"application": "echo", "next_time": now() + timedelta(days=1), **columns}
    return Schedule.objects.create(owner=owner, **given)
