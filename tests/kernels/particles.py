"""Sets of particles, and their groups by slow or other people's ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]


def in_order(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Any numbers of groups as numbers in the order of the lowest particle."""
    _, first, found = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[found])


def by_pairs(n: int, pairs: NDArray[Any]) -> NDArray[np.int64]:
    """Groups of n particles of which these pairs (m, 2) are linked."""
    graph = coo_matrix((np.ones(len(pairs)), np.reshape(pairs, (-1, 2)).T), shape=(n, n))
    return in_order(connected_components(graph, directed=False)[1])


def by_scipy(
    positions: NDArray[Any], linking_length: float, box: Sequence[float] | None = None
) -> NDArray[np.int64]:
    """Groups by scipy's k-d tree."""
    tree = cKDTree(np.asarray(positions, np.float64), boxsize=box)
    return by_pairs(len(positions), tree.query_pairs(linking_length, output_type="ndarray"))


def by_comparing(
    positions: NDArray[Any], linking_length: float, box: Sequence[float] | None = None
) -> NDArray[np.int64]:
    """Groups by the definition."""
    points = np.asarray(positions, np.float64)
    apart = np.abs(points[:, None] - points)
    if box is not None:
        sides = np.where(np.asarray(box) > 0, box, np.inf)
        apart = np.minimum(apart, np.abs(sides - apart))
    squares = np.sort(apart * apart, axis=-1)
    total = squares[..., 0]
    for axis in range(1, squares.shape[-1]):
        total = total + squares[..., axis]
    return by_pairs(len(points), np.argwhere(total <= linking_length * linking_length))


def uniform(seed: int, n: int, dimensions: int = 3) -> Floats:
    """Particles anywhere in the unit box."""
    return np.random.default_rng(seed).random((n, dimensions))


def clustered(seed: int, n: int, dimensions: int = 3) -> Floats:
    """Particles in the unit box, half of them in clumps with steep profiles, some across faces."""
    rng = np.random.default_rng(seed)
    clumps = max(1, n // 200)
    home = rng.random((clumps, dimensions))[rng.integers(0, clumps, n // 2)]
    reach = 0.02 * rng.random((n // 2, 1)) ** 3
    clump = (home + reach * rng.standard_normal((n // 2, dimensions))) % 1.0
    return rng.permutation(np.concatenate([clump, rng.random((n - n // 2, dimensions))]))
