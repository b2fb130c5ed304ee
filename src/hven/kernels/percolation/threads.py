"""How particles are shared out among threads."""

from __future__ import annotations

#: A thread that has fewer particles costs more time than it saves.
_LEAST_SHARE = 20_000


def worth(threads: int, particles: int) -> int:
    """How many of these threads are worth while where each takes time in proportion."""
    return max(1, min(threads, particles // _LEAST_SHARE))


def shares(n: int, threads: int) -> list[int]:
    """Where the share of each thread begins, and where the last one ends."""
    return [n * t // threads for t in range(threads + 1)]
