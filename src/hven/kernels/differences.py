"""The difference of two images where they overlap, and how far it may be off by rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.kernels.compiled import compiled
from hven.kernels.pieces import Piece, Window, typical_area
from hven.kernels.run_lengths import Plane

#: Of a full pixel; below, the noise of what covers the pixel is blown up.
_LEAST_COVERAGE = 0.05


def common_window(first: Piece, second: Piece) -> Window | None:
    """Half-open limits (x_min, y_min, x_max, y_max) of what both pieces' arrays reach."""
    boxes = [(x0, y0, x0 + i.shape[1], y0 + i.shape[0]) for i, _, x0, y0 in (first, second)]
    x_min, y_min = (max(boxes[0][axis], boxes[1][axis]) for axis in (0, 1))
    x_max, y_max = (min(boxes[0][axis], boxes[1][axis]) for axis in (2, 3))
    return (x_min, y_min, x_max, y_max) if x_min < x_max and y_min < y_max else None


def _cut(plane: Plane, x0: int, y0: int, window: Window) -> NDArray[Any]:
    x_min, y_min, x_max, y_max = window
    cut = plane[y_min - y0 : y_max - y0, x_min - x0 : x_max - x0]
    return np.asarray(cut, cut.dtype.newbyteorder("="))


def subtracted(
    first: Piece,
    second: Piece,
    window: Window,
    min_area: float,
    full_areas: tuple[float, float] | None,
) -> NDArray[np.float64]:
    """First minus second in the window, NaN where either has too little area."""
    full = full_areas or (typical_area(first[1]), typical_area(second[1]))
    one, two = (_cut(image, x0, y0, window) for image, _, x0, y0 in (first, second))
    areas = [_cut(area, x0, y0, window) for _, area, x0, y0 in (first, second)]
    least = [
        max(min_area * min(whole, typical_area(area)), _LEAST_COVERAGE * whole)
        for area, whole in zip(areas, full, strict=True)
    ]
    difference = np.empty(one.shape)
    _subtract(one, two, *areas, *least, difference)
    return difference


@compiled
def _subtract(
    one: NDArray[Any],
    two: NDArray[Any],
    area_one: NDArray[Any],
    area_two: NDArray[Any],
    least_one: float,
    least_two: float,
    difference: NDArray[np.float64],
) -> None:
    """Fill the difference, NaN where an area is not above the least."""
    for y in range(difference.shape[0]):
        a, b, area_a, area_b, result = one[y], two[y], area_one[y], area_two[y], difference[y]
        for x in range(result.size):
            covered = (area_a[x] > least_one) & (area_b[x] > least_two)
            result[x] = np.float64(a[x]) - np.float64(b[x]) if covered else np.nan


def rounding_of(first: Piece, second: Piece, window: Window, x_step: int, y_step: int) -> float:
    """How far equal pixels may differ because the images are stored with finite precision."""
    total = float(np.finfo(np.float64).tiny)
    for image, _, x0, y0 in (first, second):
        precision = np.finfo(image.dtype).eps if image.dtype.kind == "f" else 0.0
        values = _cut(image, x0, y0, window)
        largest = _largest(values[::y_step, ::x_step]) or _largest(values)
        total += 4.0 * float(max(precision, np.finfo(np.float64).eps)) * largest
    return total


def _largest(values: NDArray[Any]) -> float:
    """The largest finite absolute value, 0 where there is none."""
    absolute = np.abs(values[np.isfinite(values)])
    return float(absolute.max()) if absolute.size else 0.0
