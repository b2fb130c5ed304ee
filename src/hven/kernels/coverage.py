"""Running sums of value x overlap area and of overlap area for all pixels of an image."""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import math

import numpy as np

from hven.kernels.compiled import compiled, inlined
from hven.kernels.edge_runs import SCRATCH, add_lattice
from hven.kernels.edges import add_clipped_edge, add_edge


@inlined
def fill_flat(corners, size, w, h, x_low, y_low, xs, ys):
    """Vertices of a bilinear cell, (h + 2, w + 2) with what `edge_runs` wants, into xs and ys."""
    for j in range(h + 2):
        v = j / size
        x_a = corners[0, 0, 0] + (corners[1, 0, 0] - corners[0, 0, 0]) * v - x_low
        y_a = corners[0, 0, 1] + (corners[1, 0, 1] - corners[0, 0, 1]) * v - y_low
        x_step = (corners[0, 1, 0] + (corners[1, 1, 0] - corners[0, 1, 0]) * v - x_low - x_a) / size
        y_step = (corners[0, 1, 1] + (corners[1, 1, 1] - corners[0, 1, 1]) * v - y_low - y_a) / size
        at = j * (w + 2)
        for i in range(w + 2):
            xs[at + i] = x_a + x_step * i
            ys[at + i] = y_a + y_step * i


@inlined
def fill_curved(nodes, size, w, h, x_low, y_low, xs, ys):
    """Vertices of a quartic cell, as `fill_flat`."""
    step = 4.0 / size
    powers = np.empty((5, 5))
    for n, out, low in ((0, xs, x_low), (1, ys, y_low)):
        for k in range(5):
            powers[0, k], powers[1, k], powers[2, k], powers[3, k], powers[4, k] = quartic(
                nodes[0, k, n], nodes[1, k, n], nodes[2, k, n], nodes[3, k, n], nodes[4, k, n]
            )
        for k in range(5):
            p = powers[k]
            p[0], p[1], p[2], p[3], p[4] = quartic(p[0], p[1], p[2], p[3], p[4])
        powers[0, 0] -= low
        for j in range(h + 2):
            v = j * step
            p = powers[4]
            a, b, c, d, e = p[0], p[1], p[2], p[3], p[4]
            for k in range(3, -1, -1):
                p = powers[k]
                a = p[0] + v * a
                b = p[1] + v * b
                c = p[2] + v * c
                d = p[3] + v * d
                e = p[4] + v * e
            at = j * (w + 2)
            for i in range(w + 2):
                u = i * step
                out[at + i] = a + u * (b + u * (c + u * (d + u * e)))


@inlined
def quartic(a, b, c, d, e):
    """Coefficients of the quartic with values a to e at 0, 1, 2, 3 and 4."""
    return (
        a,
        (-25 * a + 48 * b - 36 * c + 16 * d - 3 * e) / 12,
        (35 * a - 104 * b + 114 * c - 56 * d + 11 * e) / 24,
        (-5 * a + 18 * b - 24 * c + 14 * d - 3 * e) / 12,
        (a - 4 * b + 6 * c - 4 * d + e) / 24,
    )


@inlined
def load_pixel(block, weight, row, column):
    """Value x weight and weight of a pixel; zeros where there is no data."""
    value = np.float64(block[row, column])
    strength = 1.0
    if weight.size:
        strength = np.float64(weight[row, column])
        if not (strength > 0.0 and strength < math.inf):
            strength = 0.0
    if not math.isfinite(value):
        strength = 0.0
    if strength == 0.0:
        return 0.0, 0.0
    return value * strength, strength


@inlined
def add_outline(w, h, xs, ys, straight, inside, stride, rows, columns, strength, sums):
    """Add the outline of a cell of w x h pixels, whose sides may be straight."""
    last = h * (w + 2)
    sides = (
        (0, w, w if straight else 1, 1, -strength),
        (last, w, w if straight else 1, 1, strength),
        (0, h, h if straight else 1, w + 2, strength),
        (w, h, h if straight else 1, w + 2, -strength),
    )
    for start, count, step, stride_in, s in sides:
        for k in range(0, count, step):
            a = start + k * stride_in
            b = a + step * stride_in
            if inside:
                add_edge(sums, stride, xs[a], ys[a], xs[b], ys[b], s)
            else:
                add_clipped_edge(sums, stride, rows, columns, xs[a], ys[a], xs[b], ys[b], s)


@inlined
def outline_area(w, h, xs, ys):
    """Signed area of the polygon of a cell's outer vertices."""
    last = h * (w + 2)
    total = 0.0
    for i in range(w):
        total += xs[i] * ys[i + 1] - xs[i + 1] * ys[i]
        total -= xs[last + i] * ys[last + i + 1] - xs[last + i + 1] * ys[last + i]
    for j in range(h):
        a = j * (w + 2)
        b = a + w + 2
        total -= xs[a] * ys[b] - xs[b] * ys[a]
        total += xs[a + w] * ys[b + w] - xs[b + w] * ys[a + w]
    return 0.5 * total


@compiled
def add_cells(
    block, weight, first, cells, places, per_pixel, x_low, y_low, rows, columns, sums, cover
):
    """Add the pixels of whole cells.

    Parameters
    ----------
    block, weight
        Rows of the image from row `first`, float32 or float64 (n, nx); weight (0, 0) for none.
    cells, places
        Cells (m, 3) of the pixel map with corners (m, 2, 2, 2) or nodes (m, 5, 5, 2).
    per_pixel
        Values are divided by the pixel's area.
    x_low, y_low, rows, columns
        The grid: its lower left corner in output coordinates, and its size.
    sums, cover
        float64 ((rows + 1) * (columns + 3)), changed in place: along a row the running sums are
        value x weight x area and weight x area.
    """
    stride = columns + 3
    largest = 0
    for c in range(len(cells)):
        largest = max(largest, cells[c, 2])
    xs = np.empty((largest + 2) ** 2)
    ys = np.empty((largest + 2) ** 2)
    values = np.empty((largest + 2) ** 2)
    weights = np.empty((largest + 2) ** 2)
    scratch = np.empty(SCRATCH)
    straight = places.shape[1] == 2
    for c in range(len(cells)):
        column = cells[c, 0]
        row = cells[c, 1] - first
        size = cells[c, 2]
        w = min(size, block.shape[1] - column)
        h = min(size, block.shape[0] - row)
        if straight:
            fill_flat(places[c], size, w, h, x_low, y_low, xs, ys)
        else:
            fill_curved(places[c], size, w, h, x_low, y_low, xs, ys)
        x_a, y_a, x_b, y_b = bounds(xs, ys, w, h, straight)
        if x_b <= 0.0 or y_b <= 0.0 or x_a >= columns or y_a >= rows:
            continue
        inside = x_a >= 0.0 and y_a >= 0.0 and x_b < columns and y_b < rows
        sign = 1.0 if outline_area(w, h, xs, ys) >= 0.0 else -1.0
        if weight.size:
            good, one = load_weighted(block, weight, row, column, w, h, sign, values, weights)
        else:
            good, one = load(block, row, column, w, h, sign, values, weights), sign
        if good == 0:
            continue
        if per_pixel:
            divide_by_area(w, h, xs, ys, values)
        add_lattice(values, w, h, xs, ys, inside, stride, rows, columns, sums, scratch)
        if good == w * h and one != 0.0:
            add_outline(w, h, xs, ys, straight, inside, stride, rows, columns, one, cover)
        else:
            add_lattice(weights, w, h, xs, ys, inside, stride, rows, columns, cover, scratch)


@inlined
def bounds(xs, ys, w, h, straight):
    """The box x_min, y_min, x_max, y_max of a cell's vertices."""
    x_a = y_a = math.inf
    x_b = y_b = -math.inf
    # A bilinear cell lies in the hull of its corners.
    for j in range(0, h + 1, h if straight else 1):
        for i in range(0, w + 1, w if straight else 1):
            x, y = xs[j * (w + 2) + i], ys[j * (w + 2) + i]
            x_a, x_b = min(x_a, x), max(x_b, x)
            y_a, y_b = min(y_a, y), max(y_b, y)
    return x_a, y_a, x_b, y_b


@inlined
def load(block, row, column, w, h, sign, values, weights):
    """Fill the lattice of values x sign; gives the number of pixels with data.

    The lattice of weights (sign where there is data) is filled only if some have none.
    """
    clear_frame(values, w, h)
    good = 0
    for j in range(h):
        k = (j + 1) * (w + 2) + 1
        for i in range(w):
            value = np.float64(block[row + j, column + i])
            there = abs(value) < math.inf
            good += 1 if there else 0
            values[k + i] = sign * value if there else 0.0
    if 0 < good < w * h:
        clear_frame(weights, w, h)
        for j in range(h):
            k = (j + 1) * (w + 2) + 1
            for i in range(w):
                there = abs(block[row + j, column + i]) < math.inf
                weights[k + i] = sign if there else 0.0
    return good


@inlined
def load_weighted(block, weight, row, column, w, h, sign, values, weights):
    """Fill the lattices of values x weight x sign and weight x sign.

    Gives the number of pixels with data, and weight x sign if it is the same everywhere, else 0.
    """
    clear_frame(values, w, h)
    clear_frame(weights, w, h)
    good = 0
    low, high = math.inf, 0.0
    for j in range(h):
        k = (j + 1) * (w + 2) + 1
        for i in range(w):
            value = np.float64(block[row + j, column + i])
            one = np.float64(weight[row + j, column + i])
            there = abs(value) < math.inf and 0.0 < one < math.inf
            good += 1 if there else 0
            strength = sign * one if there else 0.0
            values[k + i] = value * strength if there else 0.0
            weights[k + i] = strength
            low, high = min(low, abs(strength)), max(high, abs(strength))
    return good, sign * low if low == high else 0.0


@inlined
def clear_frame(lattice, w, h):
    """Zeros around a flat lattice (h + 2, w + 2)."""
    last = (h + 1) * (w + 2)
    for i in range(w + 2):
        lattice[i] = 0.0
        lattice[last + i] = 0.0
    for j in range(h + 2):
        lattice[j * (w + 2)] = 0.0
        lattice[j * (w + 2) + w + 1] = 0.0


@inlined
def divide_by_area(w, h, xs, ys, values):
    """Turn amounts per pixel into amounts per output pixel."""
    for j in range(h):
        for i in range(w):
            a = j * (w + 2) + i
            b = a + w + 2
            area = 0.5 * (
                (xs[b + 1] - xs[a]) * (ys[b] - ys[a + 1])
                - (xs[b] - xs[a + 1]) * (ys[b + 1] - ys[a])
            )
            k = (j + 1) * (w + 2) + i + 1
            values[k] = values[k] / abs(area) if area != 0.0 else 0.0


@compiled
def add_fragments(
    block,
    weight,
    first,
    pixel,
    corners,
    share,
    per_pixel,
    x_low,
    y_low,
    rows,
    columns,
    sums,
    cover,
):
    """Add quadrilateral parts of pixels; parameters as in `add_cells` and `Fragments`."""
    stride = columns + 3
    for c in range(len(pixel)):
        row = pixel[c, 1] - first
        if row < 0 or row >= block.shape[0]:
            continue
        value, strength = load_pixel(block, weight, row, pixel[c, 0])
        q = corners[c]
        area = 0.5 * (
            (q[2, 0] - q[0, 0]) * (q[3, 1] - q[1, 1]) - (q[3, 0] - q[1, 0]) * (q[2, 1] - q[0, 1])
        )
        if area == 0.0 or strength == 0.0:
            continue
        if per_pixel:
            value *= share[c] / abs(area)
        sign = -1.0 if area > 0.0 else 1.0
        for a in range(4):
            b = (a + 1) % 4
            x_a, y_a = q[a, 0] - x_low, q[a, 1] - y_low
            x_b, y_b = q[b, 0] - x_low, q[b, 1] - y_low
            add_clipped_edge(sums, stride, rows, columns, x_a, y_a, x_b, y_b, sign * value)
            add_clipped_edge(cover, stride, rows, columns, x_a, y_a, x_b, y_b, sign * strength)


@compiled
def add_points(
    block, weight, first, pixel, point, share, per_pixel, x_low, y_low, rows, columns, sums, cover
):
    """Add parts of pixels that are so small that each lies in one output pixel."""
    stride = columns + 3
    for c in range(len(pixel)):
        row = pixel[c, 1] - first
        x = point[c, 0] - x_low
        y = point[c, 1] - y_low
        if row < 0 or row >= block.shape[0] or not (0.0 <= x < columns and 0.0 <= y < rows):
            continue
        value, strength = load_pixel(block, weight, row, pixel[c, 0])
        at = int(y) * stride + int(x)
        amount = value * (share[c] if per_pixel else point[c, 2])
        sums[at] += amount
        sums[at + 1] -= amount
        cover[at] += strength * point[c, 2]
        cover[at + 1] -= strength * point[c, 2]


@compiled
def finish(sums, cover, image, area, least):
    """Mean values and areas (ny, nx) from the changes along each row.

    image is NaN and area 0 where the area is below `least`.
    """
    rows, columns = image.shape
    for j in range(rows):
        at = j * (columns + 3)
        total = 0.0
        covered = 0.0
        for i in range(columns):
            total += sums[at + i]
            covered += cover[at + i]
            if covered > least:
                image[j, i] = total / covered
                area[j, i] = covered
            else:
                image[j, i] = math.nan
                area[j, i] = 0.0
