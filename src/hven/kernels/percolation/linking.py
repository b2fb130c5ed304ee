"""Neighbouring cells of a lattice linked, each pair of cells once."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from hven.kernels.compiled import compiled_to_the_bit, inlined_to_the_bit
from hven.kernels.percolation.crowds import crowds_meet, exact_square
from hven.kernels.percolation.union_find import find, unite

#: Squared distances in squared linking lengths, from places in float32, are off by less.
_SURELY_NEAR, _SURELY_FAR = np.float32(1 - 4e-6), np.float32(1 + 4e-6)
#: More pairs of particles than these are a crowd.
_CROWD = 1024


@compiled_to_the_bit
def link_cells(cells, points, box, limit, count, width, around, first, last, own, within):
    """Link the particles of some cells with each other and with those of the cells that follow.

    Parameters
    ----------
    cells
        The fields of `Cells`; records and parent are changed.
    points, box, limit
        Positions in their own order, the box, and the square of the linking length.
    count, width, around
        Fields of `Lattice`.
    first, last
        Which cells, half-open.
    own
        A range of cells, half-open.
    within
        Whether the cells that follow count if they are in this range, or else if they are not.
    """
    records, places, particles, numbers, starts, parent = cells
    searched = own if within else (0, numbers.size)
    rows = np.zeros(4, np.int64)
    reached = np.full(4, searched[0])
    # Neighbours found: which cell, and how many cells away along each axis.
    found = np.empty((16, 4), np.int64)
    row = -1
    for a in range(first, last):
        number = numbers[a]
        if number // (count[2] + 2) != row:
            row = number // (count[2] + 2)
            _find_rows(row, count, around, rows)
        hits = 0
        if within:
            hits = _note(found, hits, a, 0, 0, 0)
        hits = _look_ahead(numbers, a, number, rows, reached, searched, found, hits)
        if around[2]:
            place = number - row * (count[2] + 2)
            if place == 1 or place == count[2]:
                hits = _look_around(numbers, number, rows, count[2], place, searched, found, hits)
        for k in range(hits):
            b = found[k, 0]
            if not within and own[0] <= b < own[1]:
                continue
            if starts[a + 1] - starts[a] == 1 and a == b:
                continue
            _link_pair(
                records,
                places,
                particles,
                parent,
                starts[a],
                starts[a + 1],
                starts[b],
                starts[b + 1],
                found[k, 1],
                found[k, 2],
                found[k, 3],
                width,
                points,
                box,
                limit,
            )


@inlined_to_the_bit
def _find_rows(row, count, around, rows):
    """How much higher the numbers are in the four rows of cells that follow a row."""
    layer = count[2] + 2
    slab = (count[1] + 2) * layer
    first = row // (count[1] + 2)
    second = row - first * (count[1] + 2)
    up = layer
    down = -layer
    ahead = slab
    if around[1] and second == count[1]:
        up = (1 - count[1]) * layer
    if around[1] and second == 1:
        down = (count[1] - 1) * layer
    if around[0] and first == count[0]:
        ahead = (1 - count[0]) * slab
    rows[0] = up
    rows[1] = ahead + down
    rows[2] = ahead
    rows[3] = ahead + up


@inlined_to_the_bit
def _note(found, hits, cell, x, y, z):
    found[hits, 0] = cell
    found[hits, 1] = x
    found[hits, 2] = y
    found[hits, 3] = z
    return hits + 1


@inlined_to_the_bit
def _look_ahead(numbers, a, number, rows, reached, searched, found, hits):
    """Note the cell that follows and those of the four rows that follow, no more than one off."""
    low, high = searched
    if a + 1 < high and numbers[a + 1] == number + 1:
        hits = _note(found, hits, a + 1, 0, 0, 1)
    for k in range(4):
        wanted = number + rows[k] - 1
        at = reached[k]
        if at > low and numbers[at - 1] >= wanted:
            # The row before was across a face.
            at = low + np.searchsorted(numbers[low:at], wanted)
        else:
            while at < high and numbers[at] < wanted:
                at += 1
        reached[k] = at
        while at < high and numbers[at] <= wanted + 2:
            x = 0 if k == 0 else 1
            y = 1 if k == 0 else k - 2
            hits = _note(found, hits, at, x, y, numbers[at] - wanted - 1)
            at += 1
    return hits


@inlined_to_the_bit
def _look_around(numbers, number, rows, count, place, searched, found, hits):
    """Note the neighbours of a cell across the end of its own and of the four following rows."""
    low, high = searched
    step = 1 if place == count else -1
    for k in range(-1 if step == 1 else 0, 4):
        wanted = number - step * (count - 1)
        if k >= 0:
            wanted += rows[k]
        at = low + np.searchsorted(numbers[low:high], wanted)
        if at < high and numbers[at] == wanted:
            x = 0 if k <= 0 else 1
            y = 0 if k < 0 else (1 if k == 0 else k - 2)
            hits = _note(found, hits, at, x, y, step)
    return hits


@inlined_to_the_bit
def _link_pair(
    records, places, particles, parent, a, a_end, b, b_end, x, y, z, width, points, box, limit
):
    """Link the parts of a cell with those of another one so many cells away."""
    x_off, y_off, z_off = x * width[0], y * width[1], z * width[2]
    x_off, y_off, z_off = np.float32(x_off), np.float32(y_off), np.float32(z_off)
    ahead = 4 * (x == 1) + 2 * (y == 1) + (z == 1)
    behind = 2 * (y == -1) + (z == -1)
    i = a
    while i < a_end:
        i_part = records[i, 0] & 7
        i_end = records[i, 0] >> 3
        j = i_end if a == b else b
        while j < b_end:
            j_part = records[j, 0] & 7
            j_end = records[j, 0] >> 3
            # Three parts away, along an axis, is too far.
            if not ((ahead & j_part & ~i_part) | (behind & ~j_part & i_part)):
                pairs = (i_end - i) * (j_end - j)
                if pairs == 1 or find(parent, i) != find(parent, j):
                    if pairs <= _CROWD:
                        meet = _any_near(
                            places,
                            particles,
                            i,
                            i_end,
                            j,
                            j_end,
                            x_off,
                            y_off,
                            z_off,
                            points,
                            box,
                            limit,
                        )
                    else:
                        meet = crowds_meet(
                            records, particles, i, i_end, j, j_end, points, box, limit
                        )
                    if meet:
                        unite(parent, i, j)
            j = j_end
        i = i_end


@inlined_to_the_bit
def _any_near(places, particles, a, a_end, b, b_end, x_off, y_off, z_off, points, box, limit):
    """Whether any of some particles is linked to any of others."""
    for i in range(a, a_end):
        x_from = places[i, 2] - x_off
        y_from = places[i, 3] - y_off
        z_from = places[i, 4] - z_off
        for j in range(b, b_end):
            x = places[j, 2] - x_from
            y = places[j, 3] - y_from
            z = places[j, 4] - z_from
            square = x * x + y * y + z * z
            if square > _SURELY_FAR:
                continue
            if (
                square < _SURELY_NEAR
                or exact_square(points, particles[i, 5], particles[j, 5], box) <= limit
            ):
                return True
    return False
