"""Friends of friends by comparing every pair: the slow truth, O(N^2)."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hven.kernels.compiled import compiled_to_the_bit
from hven.kernels.percolation.distance import difference, sum_of_squares
from hven.kernels.percolation.union_find import number, unite

#: Pairs between looks at whether any of them is linked.
_BLOCK = 128


def brute_labels(
    positions: NDArray[Any],
    linking_length: float,
    box: NDArray[np.float64],
    index: DTypeLike,
    threads: int = 1,
) -> NDArray[Any]:
    """Group numbers (n,) of positions (n, 2) or (n, 3), in the order of the lowest particle.

    Parameters are those of `tree_labels`. Each thread compares its share of the pairs and keeps
    sets of its own, which are put together at the end.
    """
    n, dimensions = positions.shape
    points = np.zeros((3, n))
    points[:dimensions] = positions.T
    limit = linking_length * linking_length
    order: NDArray[Any] = np.arange(n, dtype=index)
    parents = [order.copy() for _ in range(threads)]

    def work(share: int) -> None:
        _link(points, parents[share], box, limit, share, threads)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    for other in parents[1:]:
        _merge(parents[0], other)
    labels = np.empty_like(order)
    number(parents[0], order, labels)
    return labels


@compiled_to_the_bit
def _link(points, parent, box, limit, share, shares):
    """Link every `shares`-th particle to the ones after it."""
    n = parent.size
    x, y, z = points
    for i in range(share, n, shares):
        for begin in range(i + 1, n, _BLOCK):
            end = min(begin + _BLOCK, n)
            linked = 0
            for j in range(begin, end):
                linked += (
                    sum_of_squares(
                        difference(x[i], x[j], box[0]),
                        difference(y[i], y[j], box[1]),
                        difference(z[i], z[j], box[2]),
                    )
                    <= limit
                )
            if linked == 0:
                continue
            for j in range(begin, end):
                square = sum_of_squares(
                    difference(x[i], x[j], box[0]),
                    difference(y[i], y[j], box[1]),
                    difference(z[i], z[j], box[2]),
                )
                if square <= limit:
                    unite(parent, i, j)


@compiled_to_the_bit
def _merge(parent, other):
    for slot in range(parent.size):
        unite(parent, slot, other[slot])
