"""Signed coverage of the edges of many pixels at a time.

Each vertex of a cell has two edges: one along the row of vertices and one up to the next row.
Where an image is nearly upright on the output grid and its pixels are about as large, nearly all
vertices are *regular*: the first edge ends in the next column of the grid and the second in the
next row. What they add is found without a branch, so that the compiler works on several vertices
at once; and that of a run of vertices goes to neighbouring elements of `sums`. What is added is
the same as by `edges`, and so is the meaning of `sums` and of a strength.

Vertices and pixels lie in flat arrays with rows of `row` elements: the pixels as a lattice
(h + 2, w + 2) with a frame of zeros, the vertices with one more column and row than there are,
whose edges have no strength. So vertex k is the lower left one of pixel k + row + 1.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import numpy as np

from hven.kernels.compiled import inlined
from hven.kernels.edges import add_clipped_edge, add_edge

#: Vertices that are weighed together at most; one row of the largest cell at least.
_MOST = 528
#: Elements of the scratch. Its rows, one for each figure of a vertex, lie in one array, so that
#: the compiler knows that they do not overlap.
SCRATCH = 6 * _MOST


@inlined
def add_lattice(lattice, w, h, xs, ys, inside, stride, rows, columns, sums, scratch):
    """Add all edges of a cell's pixels whose two sides differ.

    lattice: flat (h + 2, w + 2), the pixels' strengths inside a frame of zeros.
    """
    row = w + 2
    if not inside:
        for j in range(h + 1):
            for k in range(j * row, j * row + w + 1):
                add_clipped_vertex(lattice, xs, ys, k, row, stride, rows, columns, sums)
        return
    step = rows_at_once(row)
    for low in range(0, h + 1, step):
        high = min(low + step, h + 1)
        weigh_vertices(xs, ys, lattice, low * row, (high - low) * row, row, stride, scratch)
        for j in range(high - low):
            first, last = j * row, j * row + w + 1
            while first < last:
                n = run_length(scratch, first, last - first)
                if n > 0:
                    add_run(sums, stride, scratch, first, n)
                    first += n
                else:
                    add_vertex(lattice, xs, ys, low * row + first, row, stride, sums)
                    first += 1


@inlined
def add_vertex(lattice, xs, ys, k, row, stride, sums):
    """Add the two edges of vertex k, inside the grid."""
    s = lattice[k + 1] - lattice[k + row + 1]
    if s != 0.0:
        add_edge(sums, stride, xs[k], ys[k], xs[k + 1], ys[k + 1], s)
    s = lattice[k + row + 1] - lattice[k + row]
    if s != 0.0:
        add_edge(sums, stride, xs[k], ys[k], xs[k + row], ys[k + row], s)


@inlined
def add_clipped_vertex(lattice, xs, ys, k, row, stride, rows, columns, sums):
    """Add the two edges of vertex k, of which any part may lie outside the grid."""
    s = lattice[k + 1] - lattice[k + row + 1]
    if s != 0.0:
        add_clipped_edge(sums, stride, rows, columns, xs[k], ys[k], xs[k + 1], ys[k + 1], s)
    s = lattice[k + row + 1] - lattice[k + row]
    if s != 0.0:
        add_clipped_edge(sums, stride, rows, columns, xs[k], ys[k], xs[k + row], ys[k + row], s)


@inlined
def rows_at_once(row):
    """How many rows of vertices are weighed together."""
    return max(_MOST // row, 1)


@inlined
def weigh_vertices(xs, ys, lattice, first, count, row, stride, scratch):
    """What the edges of vertices from `first` on add, into the rows of the scratch.

    Row 0 has the element of `sums` of each vertex's cell, -1 if it is not regular; rows 1 to 3
    what is added there and in the next two columns, rows 4 and 5 the same in the row above.
    """
    # Cut out, because indices that might be negative keep the compiler from making vectors.
    last, width = first + count, np.float64(stride)
    x_here, y_here = xs[first : last + 1], ys[first : last + 1]
    x_above, y_above = xs[first + row : last + row], ys[first + row : last + row]
    below, above = lattice[first + 1 : last + 1], lattice[first + row : last + row + 1]
    for k in range(count):
        x, y = x_here[k], y_here[k]
        column, line = np.floor(x), np.floor(y)
        place = line * width + column
        # Within the cell: of the vertex, of the end of the edge along the row, of that up.
        x_in, y_in = x - column, y - line
        x_right, y_right = x_here[k + 1] - column, y_here[k + 1] - line
        x_up, y_up = x_above[k] - column, y_above[k] - line
        regular = (
            (x_right >= 1.0)
            & (x_right < 2.0)
            & (y_right >= 0.0)
            & (y_right < 1.0)
            & (x_up >= 0.0)
            & (x_up < 1.0)
            & (y_up >= 1.0)
            & (y_up < 2.0)
        )
        scratch[k] = place if regular else -1.0
        height = (y_right - y_in) * (below[k] - above[k + 1])
        slope = 0.5 * height / (x_right - x_in)
        before = slope * (1.0 - x_in) * (1.0 - x_in)
        after = slope * (x_right - 1.0) * (x_right - 1.0)
        strength = above[k + 1] - above[k]
        x_top = x_in + (x_up - x_in) / (y_up - y_in) * (1.0 - y_in)
        lower = (1.0 - y_in) * strength
        upper = (y_up - 1.0) * strength
        lower_part = lower * (0.5 * (x_in + x_top))
        upper_part = upper * (0.5 * (x_top + x_up))
        scratch[_MOST + k] = before + (lower - lower_part)
        scratch[2 * _MOST + k] = height - before - after + lower_part
        scratch[3 * _MOST + k] = after
        scratch[4 * _MOST + k] = upper - upper_part
        scratch[5 * _MOST + k] = upper_part


@inlined
def run_length(scratch, first, most):
    """How many of the weighed vertices from `first` on are regular."""
    places = scratch[first : first + most]
    for n in range(most):
        if places[n] < 0.0:
            return n
    return most


@inlined
def add_run(sums, stride, scratch, first, n):
    """Add what n regular vertices from `first` on were weighed to, which lie side by side."""
    at = np.int64(scratch[first])
    one = scratch[_MOST + first : _MOST + first + n]
    two = scratch[2 * _MOST + first : 2 * _MOST + first + n]
    three = scratch[3 * _MOST + first : 3 * _MOST + first + n]
    out = sums[at : at + n + 2]
    out[0] += one[0]
    if n == 1:
        out[1] += two[0]
    else:
        out[1] += one[1] + two[0]
        for k in range(n - 2):
            out[k + 2] += one[k + 2] + two[k + 1] + three[k]
        out[n] += two[n - 1] + three[n - 2]
    out[n + 1] += three[n - 1]
    one = scratch[4 * _MOST + first : 4 * _MOST + first + n]
    two = scratch[5 * _MOST + first : 5 * _MOST + first + n]
    out = sums[at + stride : at + stride + n + 1]
    out[0] += one[0]
    out[n] += two[n - 1]
    for k in range(n - 1):
        out[k + 1] += one[k + 1] + two[k]
