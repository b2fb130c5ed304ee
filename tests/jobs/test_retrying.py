"""Whether a job is tried again."""

from __future__ import annotations

import pytest

from hven.jobs.models import Cause
from hven.jobs.retrying import Situation, decide

GIB = 2**30


def situation(**changes: object) -> Situation:
    plain = Situation(Cause.INFRASTRUCTURE, 0, 0, 4 * GIB, 16 * GIB, 3, 2.0)
    return plain._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("cause", [Cause.INFRASTRUCTURE, Cause.MEMORY, Cause.WALL_TIME])
def test_what_the_machine_did_is_tried_again(cause: Cause) -> None:
    assert decide(situation(cause=cause)).again


@pytest.mark.parametrize("cause", [Cause.INPUT, Cause.CODE, Cause.DISK])
def test_what_would_happen_again_is_not(cause: Cause) -> None:
    assert not decide(situation(cause=cause)).again


def test_each_pause_is_twice_the_one_before_and_there_are_three() -> None:
    decisions = [decide(situation(fruitless=number)) for number in range(4)]
    assert [found.again for found in decisions] == [True, True, True, False]
    assert [found.pause for found in decisions[:3]] == [2.0, 4.0, 8.0]


def test_an_attempt_that_finished_steps_starts_the_count_anew() -> None:
    found = decide(situation(fruitless=3, made=1))
    assert (found.again, found.fruitless, found.pause) == (True, 1, 2.0)


def test_memory_is_doubled_up_to_the_machines() -> None:
    twice = decide(situation(cause=Cause.MEMORY))
    assert twice.memory_bytes == 8 * GIB
    most = decide(situation(cause=Cause.MEMORY, memory_bytes=10 * GIB))
    assert most.memory_bytes == 16 * GIB


def test_a_job_that_had_all_the_memory_is_not_tried_again() -> None:
    assert not decide(situation(cause=Cause.MEMORY, memory_bytes=16 * GIB)).again


def test_other_causes_leave_the_memory_as_it_is() -> None:
    assert decide(situation()).memory_bytes is None
