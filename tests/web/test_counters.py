"""Counters that processes share: exact, forgetful, and of use whatever lies in the file."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hven.web.counters import Counters


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counters(tmp_path: Path, clock: Clock) -> Counters:
    return Counters(tmp_path / "run" / "rates", "secret", clock)


def test_so_many_at_once_are_let_through_and_then_one_at_a_time(
    counters: Counters, clock: Clock
) -> None:
    waits = [counters.take("alice", 5, 60.0) for _ in range(7)]
    assert waits == [0.0] * 5 + [12.0] * 2
    clock.now += 12.0
    assert [counters.take("alice", 5, 60.0) for _ in range(2)] == [0.0, 12.0]
    clock.now += 600.0
    assert [bool(counters.take("alice", 5, 60.0)) for _ in range(6)] == [False] * 5 + [True]


def test_names_do_not_count_for_each_other(counters: Counters) -> None:
    for number in range(1000):
        assert counters.take(f"user {number}", 1, 60.0) == 0.0
    refused = sum(counters.take(f"user {number}", 1, 60.0) > 0 for number in range(1000))
    assert refused == 1000


def test_what_has_happened_is_counted_above_the_limit_but_is_forgotten_in_time(
    counters: Counters, clock: Clock
) -> None:
    for _ in range(100):
        counters.add("alice", 3, 30.0)
    assert counters.wait("alice", 3, 30.0) == 10.0
    assert counters.wait("bob", 3, 30.0) == 0.0
    clock.now += 10.0
    assert counters.wait("alice", 3, 30.0) == 0.0


def test_a_file_from_before_a_restart_of_the_machine_counts_for_nothing(tmp_path: Path) -> None:
    before = Counters(tmp_path / "rates", "secret", lambda: 10_000_000.0)
    assert [before.take("alice", 1, 60.0) > 0 for _ in range(2)] == [False, True]
    after = Counters(tmp_path / "rates", "secret", lambda: 5.0)
    assert [after.take("alice", 1, 60.0) > 0 for _ in range(2)] == [False, True]


def test_a_folder_that_cannot_be_written_leaves_counters_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    alone = Counters(tmp_path / "file" / "rates", "secret")
    assert [alone.take("alice", 1, 60.0) > 0 for _ in range(2)] == [False, True]


def test_when_the_table_is_full_the_quietest_is_forgotten(counters: Counters) -> None:
    for number in range(70_000):
        counters.take(f"address {number}", 100, 60.0)
    assert counters.take("alice", 1, 60.0) == 0.0
    assert counters.take("alice", 1, 60.0) > 0.0


def test_threads_and_processes_count_together(tmp_path: Path) -> None:
    path = tmp_path / "rates"
    script = (
        "import sys; from pathlib import Path; from hven.web.counters import Counters; "
        "c = Counters(Path(sys.argv[1]), 'secret'); "
        "print(sum(c.take('alice', 500, 3000.0) == 0.0 for _ in range(400)))"
    )
    command = [sys.executable, "-c", script, str(path)]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    here = Counters(path, "secret")
    with ThreadPoolExecutor(4) as threads:
        taken = sum(threads.map(lambda _: here.take("alice", 500, 3000.0) == 0.0, range(400)))
    taken += sum(int(other.communicate()[0]) for other in others)
    # One is let through again every six seconds.
    assert 500 <= taken <= 510
