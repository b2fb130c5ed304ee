"""The member of each group that has most friends: where a group is densest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

#: Particles whose friends are counted at a time.
_BLOCK = 1 << 18


def most_friends(
    numbers: NDArray[Any],
    positions: NDArray[Any],
    linking_length: float,
    box: Sequence[float] | None,
) -> NDArray[np.int64]:
    """Which particle of each group has most others within the linking length.

    Parameters
    ----------
    numbers
        (n,) groups from 0 on; particles with a negative one are in none.
    positions
        (n, 2) or (n, 3).
    linking_length
        Particles at most so far apart are friends.
    box
        Sides of the periodic box, 0 where it is open.

    Returns
    -------
    (g,) the particle; of equals that with the lowest position.
    """
    members = np.flatnonzero(numbers >= 0)
    points = np.asarray(positions[members], dtype=np.float64)
    sides = None
    if box is not None:
        sides = np.asarray(box, dtype=np.float64)
        periodic = sides > 0
        # The tree wants positions below the side; the side is the same place as 0.
        points[:, periodic] = np.where(
            points[:, periodic] >= sides[periodic], 0.0, points[:, periodic]
        )
    tree = cKDTree(points, boxsize=sides)
    friends = np.empty(len(members), np.int64)
    for start in range(0, len(members), _BLOCK):
        block = slice(start, start + _BLOCK)
        friends[block] = tree.query_ball_point(points[block], linking_length, return_length=True)
    groups = numbers[members]
    lowest = positions[members].T[::-1]
    order = np.lexsort([*lowest, -friends, groups])
    first = np.flatnonzero(np.diff(groups[order], prepend=-1))
    return members[order[first]]
