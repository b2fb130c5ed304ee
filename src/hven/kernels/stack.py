"""All values that several images have at each pixel, and what their order says."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.kernels.compiled import compiled, compiled_to_the_bit, inlined
from hven.kernels.pieces import Part

Floats = NDArray[np.float64]

#: Makes the median absolute deviation of n Gaussian numbers their standard deviation, n = 0 ... 9
#: (Croux & Rousseeuw 1992, doi:10.1007/978-3-662-26811-7_58); beyond, 1.4826 n / (n - 0.8).
_SIGMA_OF_MAD = 1.4826 * np.array([1, 1, 1.196, 1.495, 1.363, 1.206, 1.200, 1.140, 1.129, 1.107])


class Stack(NamedTuple):
    """All values of each pixel of a window."""

    #: (ny, nx, depth) values; the first `filled` of each pixel are there.
    values: NDArray[Any]
    #: (ny, nx, depth) their areas, negative where they cover the pixel too little for a median.
    areas: NDArray[Any]
    #: (ny, nx) how many values there are.
    filled: NDArray[np.int16]


@compiled_to_the_bit
def put(stack: Stack, part: Part) -> None:
    """Put the rows of one piece on the stack."""
    for row in range(part.image.shape[0]):
        level = part.plane[1] * (part.row + row) + part.plane[2]
        y = part.y + row
        for column in range(part.begin, part.end):
            value, weight = part.image[row, column], part.area[row, column]
            if weight > 0.0 and abs(value) < np.inf:
                x = part.x + column
                k = stack.filled[y, x]
                stack.values[y, x, k] = value + (part.plane[0] * column + level)
                stack.areas[y, x, k] = weight if weight > part.least_area else -weight
                stack.filled[y, x] = k + 1


@compiled
def medians(stack: Stack, image: Floats, area: Floats) -> None:
    """Median of the well covered values of each pixel; the stack is overwritten."""
    # One long row instead of a slice for each pixel, which would cost more than its median.
    values, areas, depth = stack.values.ravel(), stack.areas.ravel(), stack.values.shape[2]
    nx = stack.filled.shape[1]
    for y in range(stack.filled.shape[0]):
        for x in range(nx):
            start = (y * nx + x) * depth
            stop = _usable(values, areas, start, start + stack.filled[y, x])
            image[y, x], area[y, x] = _mean(values, areas, start, stop)
            if stop - start > 1 and areas[start] > 0.0:
                _sort(values, areas, start, stop)
                image[y, x] = _median(values, start, stop)


@compiled
def clipped_means(
    stack: Stack, sigma: float, noise: float, iterations: int, image: Floats, area: Floats
) -> None:
    """Clipped mean of the well covered values; the stack is overwritten."""
    values, areas, depth = stack.values.ravel(), stack.areas.ravel(), stack.values.shape[2]
    nx = stack.filled.shape[1]
    for y in range(stack.filled.shape[0]):
        for x in range(nx):
            start = (y * nx + x) * depth
            stop = _usable(values, areas, start, start + stack.filled[y, x])
            if stop - start > 2 and areas[start] > 0.0:
                _sort(values, areas, start, stop)
                start, stop = _clip(values, start, stop, sigma, noise, iterations)
            image[y, x], area[y, x] = _mean(values, areas, start, stop)


@inlined
def _usable(values: NDArray[Any], areas: NDArray[Any], start: int, stop: int) -> int:
    """Bring the well covered values to the front; where they end, or `stop` if there is none."""
    end = start
    for k in range(start, stop):
        if areas[k] > 0.0:
            values[end], values[k] = values[k], values[end]
            areas[end], areas[k] = areas[k], areas[end]
            end += 1
    return end if end > start else stop


@inlined
def _mean(values: NDArray[Any], areas: NDArray[Any], start: int, stop: int) -> tuple[float, float]:
    """Mean weighted by the areas' absolute values, and their sum; NaN and 0 without values."""
    total = area = 0.0
    for k in range(start, stop):
        weight = np.float64(abs(areas[k]))
        total += weight * values[k]
        area += weight
    return (total / area if stop > start else np.nan), area


@inlined
def _sort(values: NDArray[Any], areas: NDArray[Any], start: int, stop: int) -> None:
    """Sort the values, their areas with them: by insertion, stacks being shallow."""
    for i in range(start + 1, stop):
        value, area = values[i], areas[i]
        k = i
        while k > start and values[k - 1] > value:
            values[k], areas[k] = values[k - 1], areas[k - 1]
            k -= 1
        values[k], areas[k] = value, area


@inlined
def _median(values: NDArray[Any], start: int, stop: int) -> float:
    """The middle of sorted values, or the mean of the middle two."""
    middle = (start + stop) // 2
    if (stop - start) % 2:
        return np.float64(values[middle])
    return 0.5 * (np.float64(values[middle - 1]) + np.float64(values[middle]))


@inlined
def _clip(
    values: NDArray[Any], start: int, stop: int, sigma: float, noise: float, iterations: int
) -> tuple[int, int]:
    """Where the sorted values begin and end that are near enough to their median."""
    for _ in range(iterations):
        n = stop - start
        if n < 3:
            break
        median = _median(values, start, stop)
        factor = _SIGMA_OF_MAD[n] if n < 10 else 1.4826 * n / (n - 0.8)
        limit = sigma * max(factor * _median_deviation(values, start, stop, median), noise)
        while median - values[start] > limit:
            start += 1
        while values[stop - 1] - median > limit:
            stop -= 1
        if stop - start == n:
            break
    return start, stop


@inlined
def _median_deviation(values: NDArray[Any], start: int, stop: int, median: float) -> float:
    """Median absolute deviation of sorted values: their nearest half, taken from the middle."""
    n = stop - start
    # `low` and `high` are the nearest values not yet taken, on either side.
    high = start + n // 2
    low = high - 1
    deviation = previous = 0.0
    for _ in range(n // 2 + 1):
        previous = deviation
        if high >= stop or (low >= start and median - values[low] <= values[high] - median):
            deviation = median - values[low]
            low -= 1
        else:
            deviation = values[high] - median
            high += 1
    return deviation if n % 2 else 0.5 * (previous + deviation)
