"""What is sent when: room for threads and memory."""

from __future__ import annotations

from itertools import combinations

import sample_steps as steps

from hven.engine import Local, Run, Store


def at_once(spans: list[steps.Span]) -> int:
    """How many pairs of these ran at the same time."""
    return sum(a.begun < b.ended and b.begun < a.ended for a, b in combinations(spans, 2))


def test_calls_of_one_thread_run_side_by_side(store: Store) -> None:
    with Run(Local(2), store) as run:
        spans = run.gather(run.map(steps.take_one, range(4), seconds=0.1))
    assert at_once(spans) >= 1


def test_a_call_of_two_threads_takes_the_place_of_two(store: Store) -> None:
    with Run(Local(2), store) as run:
        wide = run.map(steps.take_two, range(3), seconds=0.1)
        narrow = run.map(steps.take_one, range(3), seconds=0.1)
        spans = [span for span, _ in run.gather(wide)]
        for span in spans:
            assert at_once([span, *run.gather(narrow)]) == at_once(run.gather(narrow))
    assert at_once(spans) == 0


def test_libraries_are_held_to_the_threads_of_the_step(store: Store) -> None:
    with Run(Local(2), store) as run:
        assert run.call(steps.take_two, 0, 0.0).load()[1] == "2"
        assert run.call(steps.thread_limits).load() == ("1", "1")


def test_calls_that_need_all_memory_run_one_after_the_other(store: Store) -> None:
    with Run(Local(2), store) as run:
        spans = run.gather(run.map(steps.take_all_memory, range(4), seconds=0.05))
    assert at_once(spans) == 0


def test_more_threads_than_workers_is_no_deadlock(store: Store) -> None:
    with Run(Local(1), store) as run:
        assert len(run.gather(run.map(steps.take_two, range(3), seconds=0.0))) == 3
