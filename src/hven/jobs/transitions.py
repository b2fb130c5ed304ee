"""How a job moves: one conditional UPDATE and an event, in one transaction.

Nothing reads a job, decides, and writes it back: of any number of processes that try the same move
at the same time the database lets one through, and the others learn that they came too late.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, Q

from hven.jobs.announcing import announce
from hven.jobs.clock import now
from hven.jobs.models import Event, Job, Notification
from hven.jobs.phases import EDGES, TERMINAL, Move, Phase


class Fence(NamedTuple):
    """What a driver must still hold for its word to count: the attempt, and being its worker."""

    job: uuid.UUID
    attempt: int
    worker: str

    @property
    def holds(self) -> Q:
        """The condition that the job is still this driver's."""
        return Q(pk=self.job, attempt=self.attempt, worker=self.worker, phase=Phase.EXECUTING.value)


class News(NamedTuple):
    """An event that is to be written."""

    kind: str
    text: str = ""
    data: Mapping[str, Any] = {}
    time: datetime | None = None


def move(
    job: uuid.UUID,
    made: Move,
    text: str = "",
    *,
    where: Q | None = None,
    data: Mapping[str, Any] | None = None,
    more: Sequence[News] = (),
    **changes: Any,
) -> bool:
    """Move a job on, if it may make that move now.

    Parameters
    ----------
    job
        Which one.
    made
        The move.
    text
        For people: why.
    where
        What must hold besides, as a fence or the job's state.
    data
        For programs, beside the new phase.
    more
        Events that are written with it, before the one of the move.
    changes
        Columns that change with it.

    Returns
    -------
    bool
        Whether this call made the move; False when the job is elsewhere.
    """
    edge = EDGES[made]
    condition = Q(pk=job, phase__in=[phase.value for phase in edge.sources])
    changes = {"phase": edge.target.value, **_times(made), **changes}
    news = News("phase", text, {"phase": edge.target.value, "move": made.value, **(data or {})})
    return change(condition & (where or Q()), job, [*more, news], **changes)


def change(where: Q, job: uuid.UUID, news: Sequence[News] = (), **changes: Any) -> bool:
    """Change columns of a job and write events, if `where` holds; tells whether it did.

    The condition is looked at by the UPDATE itself. The UPDATE also takes the events' numbers, so
    the numbers of a job follow each other in the order in which transactions end.
    """
    with transaction.atomic():
        changes["events"] = F("events") + len(news)
        if not Job.objects.filter(where, pk=job).update(**changes):
            return False
        last = 0
        if news:
            last, attempt = Job.objects.values_list("events", "attempt").get(pk=job)
            write(job, attempt, last - len(news), news)
            announce(job)
        if changes.get("phase") in TERMINAL:
            _want_mails(job, last)
    return True


def write(job: uuid.UUID, attempt: int, after: int, news: Sequence[News]) -> None:
    """Add events whose numbers were taken: those after `after`."""
    moment = now()
    Event.objects.bulk_create(
        Event(
            job_id=job,
            sequence=after + number,
            attempt=attempt,
            time=new.time or moment,
            kind=new.kind,
            text=new.text,
            data=dict(new.data),
        )
        for number, new in enumerate(news, start=1)
    )


def _want_mails(job: uuid.UUID, event: int) -> None:
    """Note the mails about the end of a job in the transaction that ends it: none is forgotten."""
    phase, addresses, wanted = Job.objects.values_list("phase", "mail_to", "mail_on").get(pk=job)
    if wanted == "end" or (wanted == "failure" and phase == Phase.ERROR):
        Notification.objects.bulk_create(
            Notification(job_id=job, event=event, address=address.strip())
            for address in addresses.split(",")
            if address.strip()
        )


def _times(made: Move) -> dict[str, Any]:
    """The columns of time that a move sets by itself.

    A job that is tried again keeps its place in the queue.
    """
    target = EDGES[made].target
    if made in (Move.RUN, Move.RELEASE):
        return {"queued": now(), "waits_for": ""}
    if target in TERMINAL:
        return {"ended": now(), "stop": "", "stop_reason": "", "waits_for": ""}
    if target == Phase.ARCHIVED:
        return {"archived": now()}
    return {}
