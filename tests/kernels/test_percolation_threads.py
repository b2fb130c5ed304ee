"""How particles are shared out among threads."""

from __future__ import annotations

from hven.kernels.percolation.threads import shares, worth


def test_few_particles_are_not_shared_out() -> None:
    assert [worth(8, n) for n in (0, 10_000, 100_000, 10**6)] == [1, 1, 5, 8]


def test_shares_hold_everything_once() -> None:
    assert shares(10, 3) == [0, 3, 6, 10]
    assert shares(1, 3) == [0, 0, 0, 1]
