"""Signed coverage of straight edges on a grid of unit cells.

The area of overlap of a polygon with a cell is, by Green's theorem, a sum over the polygon's
edges. As font rasterisers do, every edge adds to the cells that it crosses the *change* along x
of the area to its right, so that a running sum along each row gives the areas. An edge shared
by two pixels is added once, with the difference of their values.

All functions add to `sums`, float64 (rows * stride), in place. Coordinates are in cells: cell k
covers k to k + 1. A row has at least two more elements than cells, which take what lies right
of the last cell. `strength` counts positive for a cell right of an upward edge.
"""

from __future__ import annotations

import math

from hven.kernels.compiled import inlined


@inlined
def add_piece(sums, base, x_a, x_b, height):  # type: ignore[no-untyped-def]
    """Add the part of an edge within one row, which starts at `sums[base]`.

    `height` is its signed extent along y times the strength; x_a and x_b are its ends.
    """
    left = min(x_a, x_b)
    right = max(x_a, x_b)
    first = int(left)
    last = int(right)
    at = base + first
    if first == last:
        part = height * (0.5 * (left + right) - first)
        sums[at] += height - part
        sums[at + 1] += part
    elif last == first + 1:
        slope = 0.5 * height / (right - left)
        before = slope * (last - left) * (last - left)
        after = slope * (right - last) * (right - last)
        sums[at] += before
        sums[at + 1] += height - before - after
        sums[at + 2] += after
    else:
        slope = height / (right - left)
        before = 0.5 * slope * (first + 1 - left) * (first + 1 - left)
        after = 0.5 * slope * (right - last) * (right - last)
        sums[at] += before
        sums[at + 1] += slope * (first + 1.5 - left) - before
        for k in range(at + 2, base + last):
            sums[k] += slope
        sums[base + last] += height - after - slope * (last - 0.5 - left)
        sums[base + last + 1] += after


@inlined
def add_edge(sums, stride, x_a, y_a, x_b, y_b, strength):  # type: ignore[no-untyped-def]
    """Add an edge that lies inside the grid."""
    if y_b < y_a:
        x_a, y_a, x_b, y_b = x_b, y_b, x_a, y_a
        strength = -strength
    row = int(y_a)
    last = int(y_b)
    if row == last:
        add_piece(sums, row * stride, x_a, x_b, (y_b - y_a) * strength)
    elif last == row + 1:
        x = x_a + (x_b - x_a) / (y_b - y_a) * (last - y_a)
        lower = (last - y_a) * strength
        upper = (y_b - last) * strength
        column = int(x_a)
        if column == int(x_b):
            at = row * stride + column
            part = lower * (0.5 * (x_a + x) - column)
            sums[at] += lower - part
            sums[at + 1] += part
            at += stride
            part = upper * (0.5 * (x + x_b) - column)
            sums[at] += upper - part
            sums[at + 1] += part
        else:
            add_piece(sums, row * stride, x_a, x, lower)
            add_piece(sums, last * stride, x, x_b, upper)
    else:
        add_steps(sums, stride, x_a, y_a, x_b, y_b, strength)


@inlined
def add_steps(sums, stride, x_a, y_a, x_b, y_b, strength):  # type: ignore[no-untyped-def]
    """Add an edge that lies inside the grid and may cross any number of rows."""
    if y_b < y_a:
        x_a, y_a, x_b, y_b = x_b, y_b, x_a, y_a
        strength = -strength
    slope = (x_b - x_a) / (y_b - y_a)
    last = int(y_b)
    x = x_a
    y = y_a
    low = min(x_a, x_b)
    high = max(x_a, x_b)
    for row in range(int(y_a), last):
        # Rounding must not carry x out of the edge, which may end at the grid's border.
        x_next = min(max(x_a + slope * (row + 1 - y_a), low), high)
        add_piece(sums, row * stride, x, x_next, (row + 1 - y) * strength)
        x = x_next
        y = row + 1.0
    if y_b > y:
        add_piece(sums, last * stride, x, x_b, (y_b - y) * strength)


@inlined
def add_clipped_edge(sums, stride, rows, columns, x_a, y_a, x_b, y_b, strength):  # type: ignore[no-untyped-def]
    """Add an edge of which any part may lie outside the grid; nothing if it is not finite."""
    if y_b < y_a:
        x_a, y_a, x_b, y_b = x_b, y_b, x_a, y_a
        strength = -strength
    if not (math.isfinite(x_a + x_b) and math.isfinite(y_a + y_b)):
        return
    if y_b <= 0.0 or y_a >= rows or y_a == y_b:
        return
    slope = (x_b - x_a) / (y_b - y_a)
    if y_a < 0.0:
        x_a -= slope * y_a
        y_a = 0.0
    if y_b > rows:
        x_b += slope * (rows - y_b)
        y_b = float(rows)
    if x_a <= 0.0 and x_b <= 0.0:
        add_upright(sums, stride, y_a, y_b, strength)
        return
    if x_a >= columns and x_b >= columns:
        return
    # Left of the grid an edge counts as if it stood on the left border; right of it, nothing.
    if x_a < 0.0 or x_b < 0.0:
        y = min(max(y_a - x_a / slope, y_a), y_b)
        if x_a < 0.0:
            add_upright(sums, stride, y_a, y, strength)
            x_a, y_a = 0.0, y
        else:
            add_upright(sums, stride, y, y_b, strength)
            x_b, y_b = 0.0, y
    if x_a > columns or x_b > columns:
        y = min(max(y_a + (columns - x_a) / slope, y_a), y_b)
        if x_a > columns:
            x_a, y_a = float(columns), y
        else:
            x_b, y_b = float(columns), y
    if y_b > y_a:
        add_steps(sums, stride, x_a, y_a, x_b, y_b, strength)


@inlined
def add_upright(sums, stride, y_a, y_b, strength):  # type: ignore[no-untyped-def]
    """Add an upward edge on the left border of the grid."""
    last = int(y_b)
    for row in range(int(y_a), last + 1):
        height = min(y_b, row + 1.0) - max(y_a, float(row))
        if height > 0.0:
            sums[row * stride] += height * strength
