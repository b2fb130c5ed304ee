"""The text that earlier Friends-of-Friends codes write: the group and coordinates of each particle.

Its first line has the numbers of particles and groups, each other line index, group, position and
velocity of a particle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 1 << 16
_LINE = "%4d %4d" + " % 10.6e" * 6 + "\n"


def write_counted_groups(
    path: Path,
    groups: int,
    numbers: NDArray[Any],
    positions: NDArray[Any],
    velocities: NDArray[Any] | None,
) -> None:
    """Write the groups of all particles.

    Parameters
    ----------
    path
        The file.
    groups
        How many there are.
    numbers
        (n,) the group of each particle, from 0 on; a particle in none has -1. Written from 1 on.
    positions, velocities
        (n, 3) or (n, 2); what there is not is written as 0.
    """
    with path.open("w", encoding="ascii") as file:
        file.write(f"{len(numbers)} {groups} \n")
        for start in range(0, len(numbers), _ROWS):
            rows = slice(start, min(start + _ROWS, len(numbers)))
            values = np.zeros((rows.stop - rows.start, 6))
            values[:, : positions.shape[1]] = positions[rows]
            if velocities is not None:
                values[:, 3 : 3 + velocities.shape[1]] = velocities[rows]
            group = (numbers[rows] + 1).tolist()
            file.writelines(
                _LINE % (start + place + 1, number, *row)
                for place, (number, row) in enumerate(zip(group, values.tolist(), strict=True))
            )
