"""Whether a job is tried again after an attempt without a result; pure."""

from __future__ import annotations

from typing import NamedTuple

from hven.jobs.models.attempt import Cause

#: What machines did to the job, this one or another, not the job to itself.
_RETRIED = frozenset({Cause.INFRASTRUCTURE, Cause.MEMORY, Cause.WALL_TIME, Cause.SOURCE})


class Decision(NamedTuple):
    """What is done after an attempt."""

    again: bool
    #: Seconds before the next attempt.
    pause: float = 0.0
    #: Attempts in a row that finished no step.
    fruitless: int = 0
    #: What the next attempt may take.
    memory_bytes: int | None = None


class Situation(NamedTuple):
    """What the decision is made on."""

    cause: str
    #: How many steps the attempt finished.
    made: int
    #: Attempts in a row before this one that finished no step.
    fruitless: int
    #: What the attempt could take, and what the machine has.
    memory_bytes: int
    machine_bytes: int
    #: The settings `retries` and `retry_seconds`.
    retries: int
    retry_seconds: float


def decide(found: Situation) -> Decision:
    """Try again what may succeed, later each time, and with twice the memory if it wanted that.

    An attempt that finished steps starts the count anew, since they need not be done again: a long
    job on a bad night gets through, and one that kills its worker each time does not go on for
    ever.
    """
    fruitless = found.fruitless + 1 if found.made == 0 else 1
    if found.cause not in _RETRIED or fruitless > found.retries:
        return Decision(False)
    memory = None
    if found.cause == Cause.MEMORY:
        if found.memory_bytes >= found.machine_bytes:
            return Decision(False)
        memory = min(2 * found.memory_bytes, found.machine_bytes)
    pause = found.retry_seconds * 2 ** (fruitless - 1)
    return Decision(True, pause, fruitless, memory)
