"""The smallest rectangle, turned as need be, that holds the pixels of an image."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hven.kernels.compiled import compiled, inlined


@compiled
def outline(difference: NDArray[np.float64]) -> NDArray[np.int64]:
    """(ny, 3): first and last finite column of each row, and how many are finite."""
    ny, nx = difference.shape
    rows = np.zeros((ny, 3), np.int64)
    for y in range(ny):
        line = difference[y]
        count = 0.0
        for x in range(nx):
            count += 1.0 if abs(line[x]) < math.inf else 0.0
        first, last = 0, nx - 1
        while first < nx and not math.isfinite(line[first]):
            first += 1
        while last >= 0 and not math.isfinite(line[last]):
            last -= 1
        rows[y, 0], rows[y, 1], rows[y, 2] = first, last, count
    return rows


@compiled
def smallest_box(rows: NDArray[np.int64]) -> tuple[float, float, float, float, float]:
    """The smallest rectangle around the ends of the rows: one of its sides lies on the hull's."""
    hull = _hull(rows)
    best = (0.0, 0.0, 0.0, 0.0, 0.0)
    best_area = math.inf
    for i in range(hull.shape[0]):
        following = (i + 1) % hull.shape[0]
        angle = math.atan2(hull[following, 1] - hull[i, 1], hull[following, 0] - hull[i, 0])
        # A rectangle is the same after a quarter turn: take the angle within 45 degrees of x.
        angle -= math.pi / 2.0 * math.floor(angle / (math.pi / 2.0) + 0.5)
        cosine, sine = math.cos(angle), math.sin(angle)
        along, across = (
            hull[:, 0] * cosine + hull[:, 1] * sine,
            hull[:, 1] * cosine - hull[:, 0] * sine,
        )
        width, height = along.max() - along.min(), across.max() - across.min()
        if width * height < best_area:
            best_area = width * height
            s, t = 0.5 * (along.max() + along.min()), 0.5 * (across.max() + across.min())
            best = (
                s * cosine - t * sine, s * sine + t * cosine, width, height, math.degrees(angle),
            )  # fmt: skip
    return best


@inlined
def _hull(rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Corners (n, 2) of the convex hull of the rows' ends, counter-clockwise (Andrew's chain)."""
    ends = np.empty((2 * rows.shape[0], 2))
    n = 0
    for y in range(rows.shape[0]):
        if rows[y, 2] > 0:
            ends[n, 0], ends[n + 1, 0] = rows[y, 0], rows[y, 1]
            ends[n, 1] = ends[n + 1, 1] = y
            n += 2
    hull = np.empty((2 * n + 1, 2))
    size = 0
    for sweep in range(2):
        floor = size + 1 if sweep == 0 else size
        for k in range(n):
            x, y = ends[k if sweep == 0 else n - 1 - k]
            while size > floor and (hull[size - 1, 0] - hull[size - 2, 0]) * (
                y - hull[size - 2, 1]
            ) <= (hull[size - 1, 1] - hull[size - 2, 1]) * (x - hull[size - 2, 0]):
                size -= 1
            hull[size, 0], hull[size, 1] = x, y
            size += 1
    return hull[: max(size - 1, 1)]
