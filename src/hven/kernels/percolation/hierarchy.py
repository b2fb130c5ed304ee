"""Friends of friends at several linking lengths: groups within groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hven.kernels.percolation.groups import Method, as_points, friends_of_friends


def hierarchy(
    positions: ArrayLike,
    linking_lengths: Sequence[float],
    *,
    box: Sequence[float] | None = None,
    method: Method = "grid",
    threads: int = 1,
) -> NDArray[Any]:
    """Group numbers (k, n) of particles at each of k linking lengths, in the order given.

    Each row is what `friends_of_friends` gives, whose parameters are those here. A group at one
    length lies within one group at every greater length.

    Notes
    -----
    Cheaper than separate runs: lengths are gone through from the greatest on, and particles that
    have no friends at one length are left out at lesser ones.
    """
    points = as_points(positions)
    n = len(points)
    lengths = np.asarray(linking_lengths, np.float64)
    labels = np.empty((len(lengths), n), np.int32 if n < 2**31 else np.int64)
    # Particles that may have friends yet, ascending, so that groups keep their order.
    rest = np.arange(n)
    for k in np.argsort(-lengths, kind="stable"):
        found = friends_of_friends(
            points[rest], float(lengths[k]), box=box, method=method, threads=threads
        )
        labels[k] = _among_all(found, rest, n)
        sizes = np.bincount(found)
        rest = rest[sizes[found] > 1]
    return labels


def _among_all(found: NDArray[Any], rest: NDArray[np.int64], n: int) -> NDArray[Any]:
    """Numbers of groups of some particles as numbers among all, where the others are alone."""
    first = np.ones(n, np.bool_)
    # The lowest member of each group: where its number comes up for the first time.
    seen = np.maximum.accumulate(found) if len(found) else found
    first[rest] = np.diff(seen, prepend=-1) > 0
    number = np.cumsum(first) - 1
    labels = number.copy()
    labels[rest] = number[rest[np.flatnonzero(first[rest])]][found]
    return labels
