"""Projection of an image by the exact overlap areas of its pixels with the output's.

A pixel is the quadrilateral of its four vertices in the output plane. An output pixel's value
is the mean of the input values weighted by the planar areas of overlap (and by the weights, if
any), as in the drizzle algorithm with full pixels; Fruchter & Hook 2002,
doi:10.1086/338393.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from hven.errors import Fault, ParameterError, ResourceError
from hven.kernels.coverage import add_cells, add_fragments, add_points, finish
from hven.kernels.pixel_map import LARGEST_CELL, PixelMap

Window = tuple[int, int, int, int]

#: Rows of an image of another byte order or type that are converted at a time: whole cells.
_BAND_ROWS = LARGEST_CELL
#: Where output pixels may be when no window is given.
_EVERYWHERE = (-(2**31), -(2**31), 2**31, 2**31)
#: Coverage below this part of an output pixel is rounding of the running sums, not coverage.
_LEAST_AREA = 1e-7


class Projected(NamedTuple):
    """An image on a part of the output grid."""

    #: Mean values (ny, nx), float32 or float64; NaN where no pixel reaches.
    image: NDArray[Any]
    #: Sum of overlap areas times weights (ny, nx), in output pixels, of the image's dtype.
    area: NDArray[Any]
    #: Column of the output grid that the first column is.
    x0: int
    #: Row of the output grid that the first row is.
    y0: int


def project(
    image: ArrayLike,
    pixel_map: PixelMap,
    *,
    weight: ArrayLike | None = None,
    per_pixel: bool = False,
    window: Window | None = None,
    dtype: DTypeLike = np.float32,
) -> Projected:
    """The image on the output grid, flux conserved to the accuracy of the map.

    Parameters
    ----------
    image
        (ny, nx) of any real type and byte order; NaN and infinity are no data.
    pixel_map
        Where the image's pixels lie on the output grid.
    weight
        (ny, nx); pixels of weight zero, below zero or NaN are no data.
    per_pixel
        The values are amounts per input pixel (counts, Jy/pixel), not surface brightness: the
        result is the amount per output pixel, so that the sum of image x area is the sum over
        the image's pixels (without weights).
    window
        (x_min, y_min, x_max, y_max), half open: the part of the output grid that is wanted.
    dtype
        Of the result: float32 or float64.

    Notes
    -----
    The result holds no more than the window and no more than the image reaches; it has shape
    (0, 0) where they do not meet. Sums are kept in float64. Memory: 16 bytes an output pixel
    besides the result.
    """
    values, weights = _checked(image, weight, pixel_map, dtype)
    x_min, y_min, x_max, y_max = _box(pixel_map, window)
    rows, columns = max(y_max - y_min, 0), max(x_max - x_min, 0)
    if not rows or not columns:
        empty = np.empty((0, 0), dtype)
        return Projected(empty, empty, x_min, y_min)
    stride = columns + 3
    # One array for both, because large ones get large memory pages; and one row more, because
    # rounding may carry a vertex of a cell's inside onto the grid's last border.
    sums, cover = np.zeros((2, (rows + 1) * stride))
    grid = (x_min - 0.5, y_min - 0.5, rows, columns)
    for first, block, block_weight in _bands(values, weights):
        _add(block, block_weight, first, pixel_map, per_pixel, grid, sums, cover)
    result, area = np.empty((2, rows, columns), dtype)
    finish(sums, cover, result, area, _LEAST_AREA)
    return Projected(result, area, x_min, y_min)


def _checked(
    image: ArrayLike, weight: ArrayLike | None, pixel_map: PixelMap, dtype: DTypeLike
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    values = np.asarray(image)
    weights = None if weight is None else np.asarray(weight)
    faults = []
    if values.shape != pixel_map.shape:
        faults.append(
            Fault("image", f"must have the map's shape {pixel_map.shape}, got {values.shape}")
        )
    if weights is not None and weights.shape != pixel_map.shape:
        faults.append(
            Fault("weight", f"must have the map's shape {pixel_map.shape}, got {weights.shape}")
        )
    if values.dtype.kind not in "biuf":
        faults.append(Fault("image", f"must be of real numbers, got {values.dtype}"))
    if np.dtype(dtype) not in (np.float32, np.float64):
        faults.append(Fault("dtype", f"must be float32 or float64, got {np.dtype(dtype)}"))
    if faults:
        raise ParameterError(faults)
    return values, weights


def _box(pixel_map: PixelMap, window: Window | None) -> Window:
    """The output pixels that the map reaches inside the window."""
    extent = pixel_map.extent()
    if window is None:
        window = _EVERYWHERE
        if np.isfinite(extent).all() and max(map(abs, extent)) > window[2]:
            reach = ", ".join(f"{limit:.3g}" for limit in extent)
            raise ResourceError(
                f"window: must be given, because the image reaches over the pixels {reach}"
            )
    x_min, y_min = (max(e + 0.5, w) for e, w in zip(extent[:2], window[:2], strict=True))
    x_max, y_max = (min(e + 0.5, w) for e, w in zip(extent[2:], window[2:], strict=True))
    if x_min >= x_max or y_min >= y_max:
        return (0, 0, 0, 0)
    return (math.floor(x_min), math.floor(y_min), math.ceil(x_max), math.ceil(y_max))


def _bands(
    values: NDArray[Any], weights: NDArray[Any] | None
) -> Iterator[tuple[int, NDArray[Any], NDArray[Any]]]:
    """First row, values and weights of bands of the image, in a type that the kernels take."""
    kind = np.float32 if values.dtype.itemsize <= 4 and values.dtype.kind == "f" else np.float64
    if values.dtype.kind in "iub" and values.dtype.itemsize <= 2:
        kind = np.float32
    ready = values.dtype == kind and values.dtype.isnative and values.flags.c_contiguous
    ready = ready and (weights is None or (weights.dtype == kind and weights.flags.c_contiguous))
    step = len(values) if ready else _BAND_ROWS
    for first in range(0, len(values), step):
        band = slice(first, first + step)
        block = np.ascontiguousarray(values[band], kind)
        if weights is None:
            yield first, block, np.empty((0, 0), kind)
        else:
            yield first, block, np.ascontiguousarray(weights[band], kind)


def _add(
    block: NDArray[Any],
    weight: NDArray[Any],
    first: int,
    pixel_map: PixelMap,
    per_pixel: bool,
    grid: tuple[float, float, int, int],
    sums: NDArray[np.float64],
    cover: NDArray[np.float64],
) -> None:
    """Add a band of the image, whose first row is `first`, to the running sums."""
    band = (block, weight, first)
    target = (per_pixel, *grid, sums, cover)
    for cells, places in ((pixel_map.flat, pixel_map.corners), (pixel_map.curved, pixel_map.nodes)):
        a, b = np.searchsorted(cells[:, 1], (first, first + len(block)))
        if b > a:
            add_cells(*band, cells[a:b], places[a:b], *target)
    parts = pixel_map.fragments
    if len(parts.pixel):
        add_fragments(*band, parts.pixel, parts.corners, parts.share, *target)
    if len(parts.point_pixel):
        add_points(*band, parts.point_pixel, parts.point, parts.point_share, *target)
