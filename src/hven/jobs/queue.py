"""Whose turn it is: lanes first, then a fair share for each user, then age.

All jobs of a lane go before any of the next one. Within a lane the user goes first who has the
fewest jobs running there, then the one who was served longest ago, then the one whose job waits
longest; of a user's own jobs the oldest goes first. So a user with 9,000 jobs does not keep
another with one from being served next.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Count, F, Min, Q, QuerySet, Value, Window
from django.db.models.functions import Coalesce, RowNumber

from hven.jobs.clock import lease_clock, now
from hven.jobs.crash_points import crash_point
from hven.jobs.models import Attempt, Job, Lane, Switch
from hven.jobs.phases import Move, Phase
from hven.jobs.transitions import move

#: The name of the switch that keeps jobs from being begun.
DRAIN = "drain"
#: How often the order is looked at again when others took everything that was next.
_LOOKS = 5


class Place(NamedTuple):
    """Where a job is in the queue."""

    #: 1 begins next; 0 when the job is not in the queue, or not in turn yet.
    number: int
    #: What it waits for, for people; empty when it does not wait.
    reason: str


class Line(NamedTuple):
    """The jobs of one user that wait in one lane."""

    owner: int | None
    #: How many jobs of the user run in that lane.
    running: int
    #: How many could be begun now.
    waiting: int
    #: Since when the oldest of them waits.
    oldest: datetime


def claim_next(
    node: str,
    worker: str,
    *,
    lease_seconds: float,
    served: Mapping[int | None, float] | None = None,
    lanes: Sequence[Lane] = tuple(Lane),
) -> Job | None:
    """Take the job whose turn it is, and begin an attempt of it.

    Parameters
    ----------
    node
        The machine on which it is to run.
    worker
        Who drives it; a name that no other claim has.
    lease_seconds
        How long the driver may be silent.
    served
        When users, by id, last had a job begun here, on a clock that only goes on.
    lanes
        From which lanes.

    Returns
    -------
    Job | None
        None when nothing may be begun now.
    """
    # First what is so nearly always: dispatchers look several times a second.
    if not waiting_now().filter(lane__in=lanes).exists():
        return None
    if Switch.objects.filter(name=DRAIN).exists():
        return None
    for lane in sorted(lanes):
        for _ in range(_LOOKS):
            in_order = lines(lane, served or {})
            for line in in_order:
                job = _claim_of(lane, line.owner, node, worker, lease_seconds)
                if job is not None:
                    return job
            if not in_order:
                break
    return None


def lines(lane: Lane | int, served: Mapping[int | None, float]) -> list[Line]:
    """The users who have jobs that can be begun now, the one whose turn it is first."""
    return _all_lines(Q(lane=lane), served).get(int(lane), [])


def position(job: Job) -> Place:
    """Where a job is in the queue."""
    return positions([job])[job.pk]


def positions(jobs: Collection[Job]) -> dict[uuid.UUID, Place]:
    """Where jobs are in the queue, by id; as many queries for all as for one.

    Notes
    -----
    The order is that in which jobs would begin if none came and none ended meanwhile.
    """
    found = {job.pk: Place(0, _absence(job)) for job in jobs}
    ranks = _ranks([job.pk for job in jobs if job.phase == Phase.QUEUED])
    if not any(job.phase == Phase.QUEUED for job in jobs):
        return found
    drained = Switch.objects.filter(name=DRAIN).first()
    queue = _all_lines(Q(lane__lte=max(job.lane for job in jobs)), {})
    for job in jobs:
        if job.pk in ranks:
            found[job.pk] = _place(job, ranks[job.pk], queue)
        if drained and job.phase == Phase.QUEUED:
            told = f": {drained.reason}" if drained.reason else ""
            found[job.pk] = Place(found[job.pk].number, f"the service is drained{told}")
    return found


def waiting_now() -> QuerySet[Job]:
    """The jobs that could be begun now."""
    return Job.objects.filter(_ready())


def _all_lines(lanes: Q, served: Mapping[int | None, float]) -> dict[int, list[Line]]:
    """The lines of several lanes, by lane; two queries for all."""
    executing = Job.objects.filter(lanes, phase=Phase.EXECUTING).order_by()
    counted = executing.values_list("lane", "owner").annotate(number=Count("pk"))
    running = {(lane, owner): number for lane, owner, number in counted}
    found: dict[int, list[Line]] = {}
    waiting = waiting_now().filter(lanes).order_by().values_list("lane", "owner")
    for lane, owner, number, oldest in waiting.annotate(number=Count("pk"), oldest=Min("queued")):
        line = Line(owner, running.get((lane, owner), 0), number, oldest)
        found.setdefault(lane, []).append(line)
    for line_up in found.values():
        line_up.sort(
            key=lambda line: (
                line.running,
                served.get(line.owner, float("-inf")),
                line.oldest,
                line.owner or 0,
            )
        )
    return found


def _ready() -> Q:
    due = Q(not_before=None) | Q(not_before__lte=now())
    return Q(phase=Phase.QUEUED.value, deleted=None) & due


def _claim_of(
    lane: Lane | int, owner: int | None, node: str, worker: str, lease_seconds: float
) -> Job | None:
    """Claim the oldest job of a user; None when others have taken all there were.

    SQLite lets one transaction write at a time, so what is found within it stays to be had. With
    PostgreSQL the found row is locked, and others look past it.
    """
    with transaction.atomic():
        waiting = waiting_now().filter(lane=lane, owner=owner).order_by("queued", "pk")
        if connection.vendor == "postgresql":
            waiting = waiting.select_for_update(skip_locked=True, of=("self",))
        found = waiting.values_list("pk", flat=True).first()
        if found is None or not _begin(found, node, worker, lease_seconds):
            return None
        job = Job.objects.get(pk=found)
        Attempt.objects.create(job=job, number=job.attempt, worker=worker, node=node)
        crash_point("claim.before_commit")
    crash_point("claim.after_commit")
    return job


def _begin(job: uuid.UUID, node: str, worker: str, lease_seconds: float) -> bool:
    clock = lease_clock()
    return move(
        job,
        Move.CLAIM,
        f"begun on {node}",
        where=_ready(),
        attempt=F("attempt") + 1,
        worker=worker,
        node=node,
        lease_until=clock.after(lease_seconds),
        lease_clock=clock.name,
        started=Coalesce(F("started"), Value(now())),
        not_before=None,
        waits_for="",
    )


def _absence(job: Job) -> str:
    """Why a job is not in turn."""
    if job.phase == Phase.PENDING:
        return "waits to be run by you"
    if job.phase == Phase.HELD:
        return "held by you"
    if job.phase != Phase.QUEUED:
        return ""
    if job.not_before is None or job.not_before <= now():
        return job.waits_for
    until = f"{job.not_before.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if job.waits_for:
        return f"{job.waits_for} (until {until})"
    if job.attempt:
        return f"waits for another attempt until {until}"
    return f"waits until {until}, as was asked for"


def _ranks(jobs: list[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many jobs of the same user in the same lane go first, and one."""
    if not jobs:
        return {}
    rank = Window(RowNumber(), partition_by=[F("lane"), F("owner")], order_by=["queued", "pk"])
    # Joined with a condition on the rank, the choice is made after all jobs have been counted.
    chosen = Q(pk__in=jobs) | Q(rank__lt=0)
    return dict(waiting_now().annotate(rank=rank).filter(chosen).values_list("pk", "rank"))


def _place(job: Job, rank: int, queue: dict[int, list[Line]]) -> Place:
    here = queue.get(job.lane, [])
    mine = next((line for line in here if line.owner == job.owner_id), None)
    if mine is None:
        # It began between the two queries.
        return Place(0, "")
    others = sum(line.waiting for lane in range(job.lane) for line in queue.get(lane, []))
    # How many of the owner's jobs run by the time this one is in turn.
    level = mine.running + rank - 1
    for line in here:
        if line.owner != job.owner_id:
            others += min(max(level - line.running, 0), line.waiting)
            tied = 0 <= level - line.running < line.waiting
            others += tied and line.oldest < mine.oldest
    return Place(others + rank, _turn(job, rank - 1, others))


def _turn(job: Job, own: int, others: int) -> str:
    counts: list[str] = []
    if own:
        counts.append("1 of your jobs" if own == 1 else f"{own} of your jobs")
    if others and own:
        counts.append("1 other" if others == 1 else f"{others} others")
    elif others:
        counts.append("1 job" if others == 1 else f"{others} jobs")
    told = f"{' and '.join(counts)} before it" if counts else "begins next"
    return f"{told}; {job.waits_for}" if job.waits_for else told
