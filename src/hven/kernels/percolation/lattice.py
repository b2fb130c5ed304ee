"""A lattice of cells a linking length wide, on which particles are sorted.

A cell has eight parts of half its width. Particles of one part are all within a linking length,
and linked particles are in one cell or in neighbours. Cells are numbered along the last axis
first, with an empty cell at both ends of each axis, so that the numbers of the three neighbours
along the last axis follow one another and those beyond an end belong to no particle.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.kernels.compiled import inlined_to_the_bit

#: Cells are a little wider than a linking length, since a particle's cell is found with rounding.
_MARGIN = 1 + 2.0**-16
#: With fewer cells around a periodic axis, the widened parts are wider than a linking length.
_FEWEST = 7
#: With more along an axis, a place within a cell is not known to the last bit of a float32.
_MOST = 2**24
#: Numbers of cells and of their parts fit into an int64.
_BITS = 63


class Lattice(NamedTuple):
    """Which cells there are; axes are those of the positions, those with most cells first."""

    #: (3,) the axis of the positions; the last may be one that they have not.
    axes: NDArray[np.int64]
    #: (3,) where the first cell begins.
    origin: NDArray[np.float64]
    #: (3,) cells a unit of length.
    density: NDArray[np.float64]
    #: (3,) cells with particles in them, at most.
    counts: NDArray[np.int64]
    #: (3,) the width of a cell in linking lengths.
    width: NDArray[np.float32]
    #: (3,) whether the first cell is the neighbour of the last.
    around: NDArray[np.bool_]

    @property
    def cells(self) -> int:
        """How many numbers of cells there are."""
        return math.prod(int(count) + 2 for count in self.counts)


def lay_out(
    extents: Sequence[tuple[float, float]], box: NDArray[np.float64], linking_length: float
) -> Lattice | None:
    """The lattice for particles within these extents; none if there is no useful one.

    There is none if a periodic axis is shorter than 7 linking lengths, or if cells are too many
    to be numbered: 2^24 along an axis, 2^60 in all.
    """
    axes = []
    for axis in range(3):
        low, high = extents[axis] if axis < len(extents) else (0.0, 0.0)
        around = math.isfinite(box[axis])
        length = float(box[axis]) if around else high - low
        cells = length / (linking_length * _MARGIN)
        if not cells < _MOST or (around and cells < _FEWEST):
            return None
        count = int(cells) + (0 if around else 1)
        density = count / length if around else 1 / (linking_length * _MARGIN)
        width = 1 / (density * linking_length)
        axes.append((count, axis, 0.0 if around else low, density, width, around))
    axes.sort(key=lambda entry: -entry[0])
    counts, order, origin, density_, width_, around_ = zip(*axes, strict=True)
    lattice = Lattice(
        np.array(order),
        np.array(origin),
        np.array(density_),
        np.array(counts),
        np.array(width_, np.float32),
        np.array(around_),
    )
    return lattice if (lattice.cells * 8 - 1).bit_length() <= _BITS else None


@inlined_to_the_bit
def place(points, i, k, axes, origin, density, count):
    """The cell along axis k of the lattice, from 1 on, and the place within it from 0 to 1."""
    if axes[k] >= points.shape[1]:
        return 1, 0.0
    at = (points[i, axes[k]] - origin[k]) * density[k]
    cell = int(at)
    if cell >= count[k]:
        cell = count[k] - 1
    return cell + 1, at - cell


@inlined_to_the_bit
def cell_of(points, i, axes, origin, density, count):
    """The number of a particle's cell."""
    first, _ = place(points, i, 0, axes, origin, density, count)
    second, _ = place(points, i, 1, axes, origin, density, count)
    third, _ = place(points, i, 2, axes, origin, density, count)
    return (first * (count[1] + 2) + second) * (count[2] + 2) + third
