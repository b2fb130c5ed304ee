"""Taking up what a dead driver left: its job is tried again, or settled as was wanted."""

from __future__ import annotations

import os
from collections.abc import Collection

from django.db.models import Q

from hven.jobs import settling
from hven.jobs.clock import boot_id, lease_clock
from hven.jobs.crash_points import crash_point
from hven.jobs.models import Attempt, Job, Outcome
from hven.jobs.models.attempt import Cause
from hven.jobs.outcomes import Failed
from hven.jobs.phases import Phase
from hven.jobs.processes import is_alive, start_of
from hven.jobs.settling import Account
from hven.jobs.transitions import Fence


def worker_name(node: str, number: int) -> str:
    """A name for a driver that no other has had: the machine, this process, a number."""
    process = os.getpid()
    return f"{node}/{boot_id()[:8]}/{process}.{start_of(process)}/{number}"


def recover(node: str, dead: Collection[Fence] = ()) -> int:
    """Settle every job whose driver is dead or silent; gives how many.

    A driver of this machine is dead when its process is, which is seen at once. One of another
    machine is taken for dead when its lease is over.

    Parameters
    ----------
    node
        This machine.
    dead
        What drivers had that the caller has seen end badly: they may not have signed yet.
    """
    over = lease_clock().is_over()
    silent = [(job, over) for job in Job.objects.filter(over, phase=Phase.EXECUTING)]
    running = Job.objects.filter(phase=Phase.EXECUTING, node=node)
    gone = [
        (job, Q())
        for job in running
        if Fence(job.pk, job.attempt, job.worker) in dead or not _driver_lives(job)
    ]
    count = 0
    for job, condition in silent + gone:
        count += _settle_lost(job, condition)
    return count


def _driver_lives(job: Job) -> bool:
    attempt = Attempt.objects.filter(job=job, number=job.attempt).first()
    if attempt is None or job.worker != attempt.worker:
        return True
    if attempt.process:
        if attempt.boot != boot_id():
            return False
        return is_alive(attempt.process, attempt.process_start)
    # Its driver has not signed yet: the dispatcher may be between the claim and the fork.
    return _dispatcher_lives(job.worker)


def _dispatcher_lives(worker: str) -> bool:
    try:
        _, boot, process, _ = worker.rsplit("/", 3)
        number, start = map(int, process.split("."))
    except ValueError:
        return True  # It was named by something else; its lease will tell.
    return boot == boot_id()[:8] and is_alive(number, start)


def _settle_lost(job: Job, condition: Q) -> bool:
    """Settle a job whose driver is dead; the condition is looked at again by the transaction."""
    fence = Fence(job.pk, job.attempt, job.worker)
    account = _account(job)
    crash_point("recover.before_commit")
    if job.stop:
        settled = settling.stop(fence, job.stop, job.stop_reason, account, (), where=condition)
    else:
        text = f"The process that drove attempt {job.attempt} on {job.node} was lost."
        found = Failed(Cause.INFRASTRUCTURE, "engine.lost", text)
        settled = settling.fail(fence, found, account, outcome=Outcome.LOST, where=condition)
    crash_point("recover.after_commit")
    return settled


def _account(job: Job) -> Account:
    """What is known of the attempt: what it last wrote, if it wrote anything."""
    found = Attempt.objects.filter(job=job, number=job.attempt).first()
    if found is None or not job.stages:
        return Account()
    return Account(job.steps_done, job.steps_reused)
