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
    """Which cells there are; three axes of the positions, those with most cells first."""

    #: Which column of the positions; any for a third axis that they have not.
    axes: tuple[int, int, int]
    #: Where the first cell begins.
    origin: tuple[float, float, float]
    #: Cells a unit of length, 0 for an axis that there is not.
    density: tuple[float, float, float]
    #: How many cells particles may be in.
    counts: tuple[int, int, int]
    #: The width of a cell in linking lengths.
    width: tuple[float, float, float]
    #: Whether the first cell is the neighbour of the last.
    around: tuple[bool, bool, bool]

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
    for axis, (low, high) in enumerate(extents):
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
    if len(axes) == 2:
        axes.append((1, 0, 0.0, 0.0, 0.0, False))
    counts, order, origin, densities, widths, arounds = zip(*axes, strict=True)
    lattice = Lattice(order, origin, densities, counts, widths, arounds)
    return lattice if (lattice.cells * 8 - 1).bit_length() <= _BITS else None


@inlined_to_the_bit
def place(at, origin, density, count):
    """The cell along an axis, from 1 on, and the place within it from 0 to 1."""
    at = (np.float64(at) - origin) * density
    cell = min(int(at), count - 1)
    return cell + 1, at - cell


@inlined_to_the_bit
def cell_of(first, second, third, counts):
    """The number of a cell."""
    return (first * (counts[1] + 2) + second) * (counts[2] + 2) + third
