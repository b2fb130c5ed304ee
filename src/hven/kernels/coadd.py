"""Several projected images put together into one, window by window.

Every function takes the pieces that may reach a window of the output grid, each with a plane to
add, and gives the coadded image of the window. Pieces may be memory-mapped: only the rows that the
window needs are read. The result depends on the order of the pieces in its last bits only, and is
the same each time. It does not depend on how the mosaic is divided into windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hven.kernels.compiled import compiled, compiled_to_the_bit
from hven.kernels.pieces import Part, Piece, Window, depth, parts
from hven.kernels.stack import Stack, clipped_means, medians, put

Floats = NDArray[np.float64]

#: Rows that are added up at a time where no stack is made.
_BAND_ROWS = 64


class Coadded(NamedTuple):
    """A window of a mosaic."""

    #: (ny, nx) values, NaN where there is no piece.
    image: NDArray[Any]
    #: (ny, nx) float64, sum of the areas of the pixels that went into each value, 0 where none did.
    area: Floats


def coadd_mean(
    pieces: Sequence[Piece],
    window: Window,
    *,
    planes: Floats | None = None,
    centers: Floats | None = None,
    dtype: DTypeLike = np.float32,
) -> Coadded:
    """The mean of the pieces, weighted by area.

    Parameters
    ----------
    pieces
        Projected images on one output grid; pixels whose area is 0 or whose value is not finite
        are left out.
    window
        x_min, y_min, x_max, y_max in pixels of the output grid, half-open.
    planes, centers
        (n, 3) and (n, 2): `a (x - x_center) + b (y - y_center) + c` is added to each piece; the
        fields of the same names of `Corrections`. Nothing is added without.
    dtype
        Of the image; `>f4` for writing into a FITS file.

    Notes
    -----
    No stack is made: 8 bytes a pixel of the window, besides the result and the pieces' rows. Sums
    are float64.
    """
    x_min, y_min, x_max, y_max = window
    area = np.zeros((y_max - y_min, x_max - x_min))
    image = np.empty(area.shape, dtype)
    # A band at a time, so that the processor's cache holds the sums.
    for low in range(0, len(area), _BAND_ROWS):
        areas = area[low : low + _BAND_ROWS]
        total = np.zeros(areas.shape)
        band = (x_min, y_min + low, x_max, y_min + low + len(areas))
        for part in parts(pieces, band, planes, centers):
            _add(total, areas, part)
        image[low : low + _BAND_ROWS] = _means(total, areas)
    return Coadded(image, area)


def coadd_median(
    pieces: Sequence[Piece],
    window: Window,
    *,
    planes: Floats | None = None,
    centers: Floats | None = None,
    min_area: float = 0.5,
    full_areas: Sequence[float] | None = None,
    dtype: DTypeLike = np.float32,
) -> Coadded:
    """The median of the pieces that cover a pixel well.

    Parameters
    ----------
    pieces, window, planes, centers, dtype
        As in `coadd_mean`.
    min_area
        A pixel is covered well by a piece whose area exceeds this fraction of its full area.
    full_areas
        (n,) the area of a fully covered pixel of each piece, by default `typical_area` of it.

    Notes
    -----
    As in Montage, all pixels covered by at least half weigh the same: weights would bring in again,
    through the one piece of great weight, the outliers that a median is asked for to remove. Unlike
    Montage, two values give their mean and not the lower of them, which would bias the sky; and
    where no piece covers a pixel well, the result is the mean weighted by area, so that there is
    no gap where two images meet edge to edge. `stack_bytes` says what memory this takes.
    """
    stack = _stack(pieces, window, planes, centers, min_area, full_areas)
    image, area = np.empty(stack.filled.shape), np.empty(stack.filled.shape)
    medians(stack, image, area)
    return Coadded(image.astype(dtype, copy=False), area)


def coadd_clip(
    pieces: Sequence[Piece],
    window: Window,
    *,
    planes: Floats | None = None,
    centers: Floats | None = None,
    sigma: float = 3.0,
    noise: float = 0.0,
    iterations: int = 5,
    min_area: float = 0.5,
    full_areas: Sequence[float] | None = None,
    dtype: DTypeLike = np.float32,
) -> Coadded:
    """The mean of the pieces, weighted by area, without what is far from their median.

    Parameters
    ----------
    pieces, window, planes, centers, min_area, full_areas, dtype
        As in `coadd_median`.
    sigma
        Values farther than this many standard deviations from the median are left out.
    noise
        Standard deviation of a pixel of one piece, as far as it is known: the estimate from the
        few values of one pixel is not taken to be smaller than this.
    iterations
        How often the median and the standard deviation are found again.

    Notes
    -----
    The standard deviation is found from the median absolute deviation of the values that cover the
    pixel well, corrected for their small number. Fewer than three values are never clipped, and
    three or four give so poor an estimate that without `noise` every tenth good value is lost.
    """
    stack = _stack(pieces, window, planes, centers, min_area, full_areas)
    image, area = np.empty(stack.filled.shape), np.empty(stack.filled.shape)
    clipped_means(stack, sigma, noise, iterations, image, area)
    return Coadded(image.astype(dtype, copy=False), area)


def coadd_count(
    pieces: Sequence[Piece], window: Window, *, dtype: DTypeLike = np.float32
) -> Coadded:
    """How many pieces have a value at each pixel, 0 where none has.

    Parameters
    ----------
    pieces, window, dtype
        As in `coadd_mean`.

    Notes
    -----
    Negative values count too; Montage's `mAdd -a count` leaves them out.
    """
    x_min, y_min, x_max, y_max = window
    count = np.zeros((y_max - y_min, x_max - x_min), np.int32)
    area = np.zeros(count.shape)
    for part in parts(pieces, window):
        _tally(count, area, part)
    return Coadded(count.astype(dtype, copy=False), area)


def mean_bytes(window: Window) -> int:
    """Memory that `coadd_mean` and `coadd_count` need for a window, besides the pieces' rows."""
    x_min, y_min, x_max, y_max = window
    return 24 * (x_max - x_min) * (y_max - y_min)


def stack_bytes(pieces: Sequence[Piece], window: Window) -> int:
    """Memory that `coadd_median` and `coadd_clip` need for a window, besides the pieces' rows.

    Notes
    -----
    Every pixel has room for as many values as pieces' arrays lie on one another anywhere in the
    window, so smaller windows need less than their share.
    """
    x_min, y_min, x_max, y_max = window
    pixel = 22 + 2 * _kind(pieces).itemsize * depth(pieces, window)
    return pixel * (x_max - x_min) * (y_max - y_min)


def _stack(
    pieces: Sequence[Piece],
    window: Window,
    planes: Floats | None,
    centers: Floats | None,
    min_area: float,
    full_areas: Sequence[float] | None,
) -> Stack:
    x_min, y_min, x_max, y_max = window
    shape = (y_max - y_min, x_max - x_min)
    deep = (*shape, depth(pieces, window))
    kind = _kind(pieces)
    stack = Stack(np.empty(deep, kind), np.empty(deep, kind), np.zeros(shape, np.int16))
    for part in parts(pieces, window, planes, centers, min_area, full_areas):
        put(stack, part)
    return stack


def _kind(pieces: Sequence[Piece]) -> np.dtype[Any]:
    """What a stack is kept in: float32 if all pieces are."""
    double = any(plane.dtype.itemsize > 4 for piece in pieces for plane in piece[:2])
    return np.dtype(np.float64 if double else np.float32)


@compiled_to_the_bit
def _add(total: Floats, area: Floats, part: Part) -> None:
    """Add area times value, and area, of one piece's rows."""
    start, columns = part.x + part.begin, part.end - part.begin
    for row in range(part.image.shape[0]):
        y = part.y + row
        level = part.plane[1] * (part.row + row) + part.plane[2]
        values = part.image[row, part.begin : part.end]
        weights = part.area[row, part.begin : part.end]
        sums, areas = total[y, start : start + columns], area[y, start : start + columns]
        for column in range(columns):
            value = np.float64(values[column])
            # Selected, not branched over, so that the loop is vectorised.
            good = (weights[column] > 0.0) & (abs(value) < np.inf)
            weight = np.float64(weights[column]) if good else 0.0
            value += part.plane[0] * (part.begin + column) + level
            sums[column] += weight * value if good else 0.0
            areas[column] += weight


@compiled
def _means(total: Floats, area: Floats) -> Floats:
    """Sums to means, in place, NaN where the area is 0."""
    for y in range(total.shape[0]):
        sums, areas = total[y], area[y]
        for x in range(sums.size):
            sums[x] = sums[x] / areas[x] if areas[x] > 0.0 else np.nan
    return total


@compiled
def _tally(count: NDArray[np.int32], area: Floats, part: Part) -> None:
    """Count the values of one piece's rows and add their area."""
    for row in range(part.image.shape[0]):
        y = part.y + row
        for column in range(part.begin, part.end):
            weight = part.area[row, column]
            if weight > 0.0 and abs(part.image[row, column]) < np.inf:
                x = part.x + column
                count[y, x] += 1
                area[y, x] += weight
