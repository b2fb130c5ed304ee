"""The phases of a job and the moves between them; pure, nothing here knows a database.

The phases are those of IVOA UWS 1.1 (2016-10-24, section 2.1.3).

    PENDING ──run──> QUEUED ──claim──> EXECUTING ──complete──> COMPLETED ─┐
       │              │  ^  <──requeue──  │  │  └───fail─────> ERROR ─────┼─archive─> ARCHIVED
       └─────hold──> HELD ──release──┘    │  └──────abort────> ABORTED ───┘
                      ^──────set_aside────┘
    PENDING, QUEUED and HELD can also abort and fail.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Phase(StrEnum):
    """Where a job is in its life."""

    #: Made, and may still be changed; not asked to run.
    PENDING = "PENDING"
    #: Waits for its turn, a time, or space.
    QUEUED = "QUEUED"
    #: Set aside by its owner; shown as QUEUED to clients of the UWS standard.
    HELD = "HELD"
    #: A driver has a lease on it.
    EXECUTING = "EXECUTING"
    #: All results are published.
    COMPLETED = "COMPLETED"
    #: It failed; the error says why.
    ERROR = "ERROR"
    #: Stopped by its owner, an administrator or its limit of time.
    ABORTED = "ABORTED"
    #: Its destruction date has passed: only the metadata are left.
    ARCHIVED = "ARCHIVED"


class Move(StrEnum):
    """What makes a job change its phase."""

    #: The client wants it run.
    RUN = "run"
    #: The client sets it aside before it began.
    HOLD = "hold"
    #: The client wants a held one run.
    RELEASE = "release"
    #: A dispatcher took it: a new attempt begins.
    CLAIM = "claim"
    #: The attempt ended without a result, and another may succeed; or it has to make room.
    REQUEUE = "requeue"
    #: The client set it aside while it ran.
    SET_ASIDE = "set_aside"
    #: The results are published.
    COMPLETE = "complete"
    #: It cannot succeed.
    FAIL = "fail"
    #: It was asked to stop, or exceeded its time.
    ABORT = "abort"
    #: Its destruction date has passed.
    ARCHIVE = "archive"


class Edge(NamedTuple):
    """Which phases a move leaves, and to which it leads."""

    sources: frozenset[Phase]
    target: Phase


#: Phases that only a destruction date ends.
TERMINAL = frozenset({Phase.COMPLETED, Phase.ERROR, Phase.ABORTED})
#: Phases in which nothing runs and that a client can end at once.
WAITING = frozenset({Phase.PENDING, Phase.QUEUED, Phase.HELD})
#: Phases that have not ended.
ACTIVE = WAITING | {Phase.EXECUTING}

EDGES: dict[Move, Edge] = {
    Move.RUN: Edge(frozenset({Phase.PENDING}), Phase.QUEUED),
    Move.HOLD: Edge(frozenset({Phase.PENDING, Phase.QUEUED}), Phase.HELD),
    Move.RELEASE: Edge(frozenset({Phase.HELD}), Phase.QUEUED),
    Move.CLAIM: Edge(frozenset({Phase.QUEUED}), Phase.EXECUTING),
    Move.REQUEUE: Edge(frozenset({Phase.EXECUTING}), Phase.QUEUED),
    Move.SET_ASIDE: Edge(frozenset({Phase.EXECUTING}), Phase.HELD),
    Move.COMPLETE: Edge(frozenset({Phase.EXECUTING}), Phase.COMPLETED),
    Move.FAIL: Edge(ACTIVE, Phase.ERROR),
    Move.ABORT: Edge(ACTIVE, Phase.ABORTED),
    Move.ARCHIVE: Edge(TERMINAL, Phase.ARCHIVED),
}


def after(phase: Phase, move: Move) -> Phase | None:
    """The phase that `move` leads to from `phase`; None when it is not allowed."""
    edge = EDGES[move]
    return edge.target if phase in edge.sources else None
