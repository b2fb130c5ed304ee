"""Particles for tests of groups, and groups found in another way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]


def clustered(count: int, seed: int = 5, *, side: float = 1.0) -> Floats:
    """Clumps in a uniform background, some of them across the faces of the box."""
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0, side, (max(count // 60, 1), 3))
    centers[::3] = np.round(centers[::3] / side) * side
    chosen = rng.integers(len(centers), size=count)
    points = centers[chosen] + rng.normal(0, 0.012 * side, (count, 3))
    points[: count // 3] = rng.uniform(0, side, (count // 3, 3))
    return np.asarray(np.mod(points, side))


def components(positions: Floats, length: float, box: Any = None) -> NDArray[np.int32]:
    """Labels by scipy's k-d tree and connected components."""
    tree = cKDTree(positions, boxsize=box)
    pairs = tree.query_pairs(length, output_type="ndarray")
    ones = np.ones(len(pairs), np.bool_)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(positions),) * 2)
    labels: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return labels


def same_groups(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two labellings put the same particles together."""
    pairs = np.unique(np.stack([one, other]), axis=1).shape[1]
    return pairs == len(np.unique(one)) == len(np.unique(other))
