"""Neighbouring cells of a lattice linked, each pair of cells once."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from hven.kernels.compiled import compiled_to_the_bit, inlined_to_the_bit
from hven.kernels.percolation.crowds import crowds_meet, exact_square
from hven.kernels.percolation.marks import full_mask, may_be_near
from hven.kernels.percolation.union_find import find, unite

#: Squared distances in squared linking lengths, from places in float32, are off by less.
_SURELY_NEAR, _SURELY_FAR = np.float32(1 - 4e-6), np.float32(1 + 4e-6)
#: More pairs of particles than these are a crowd.
_CROWD = 1024
_SOME = 16
#: Pairs of so few particles are looked at without regard to the parts of cells.
_FEW = 16


@compiled_to_the_bit
def link_within(cells, space, first, last):
    """Link the particles of each of some cells with each other, and note which are one group.

    Parameters
    ----------
    cells
        The fields of `Cells`; records, parent and whole are changed.
    space
        Positions in their own order, the box, the square of the linking length, and scratch for
        `crowds_meet`.
    first, last
        Which cells, half-open.
    """
    records, _, _, _, starts, parent, whole = cells
    nowhere = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    for cell in range(first, last):
        begin, end = starts[cell], starts[cell + 1]
        if end - begin == 1:
            whole[cell] = True
            continue
        i = begin
        while i < end:
            i_end = records[i, 0] >> 3
            j = i_end
            while j < end:
                j_end = records[j, 0] >> 3
                if find(parent, i) != find(parent, j) and _meet(
                    cells, space, i, i_end, j, j_end, nowhere
                ):
                    unite(parent, i, j)
                j = j_end
            i = i_end
        whole[cell] = _is_one(records, parent, begin, end)


@inlined_to_the_bit
def _is_one(records, parent, begin, end):
    """Whether all parts of a cell are in one group."""
    root = find(parent, begin)
    one = True
    i = begin
    while i < end:
        one &= find(parent, i) == root
        i = records[i, 0] >> 3
    return one


@compiled_to_the_bit
def link_neighbours(cells, space, lattice, first, last, own, inside, marks):
    """Link the particles of some cells with those of the cells that follow them.

    Parameters
    ----------
    cells, space, first, last
        As in `link_within`, which must have been done with all of these cells.
    lattice
        counts, width and around of the `Lattice`.
    own
        A range of cells, half-open.
    inside
        Whether the cells that follow count if they are in this range, or else if they are not.
    marks
        Of the cells that count, from `mark_numbers`, or ones.
    """
    _, _, _, numbers, _, _, _ = cells
    counts, width, around = lattice
    searched = own if inside else (0, numbers.size)
    layer = counts[2] + 2
    mask = full_mask(marks.size)
    rows = np.zeros(4, np.int64)
    reached = np.full(4, searched[0])
    # Neighbours found: which cell, and how many cells away along each axis.
    found = np.empty((16, 4), np.int64)
    row, row_end = -1, -1
    for a in range(first, last):
        number = numbers[a]
        if number >= row_end:
            row = number // layer
            row_end = (row + 1) * layer
            _find_rows(row, counts, around, rows)
        hits = _look_ahead(numbers, a, number, rows, reached, searched, marks, mask, found)
        if around[2]:
            place = number + layer - row_end
            if place == 1 or place == counts[2]:
                hits = _look_around(numbers, number, rows, counts[2], place, searched, found, hits)
        for k in range(hits):
            b = found[k, 0]
            if inside or not own[0] <= b < own[1]:
                _link_pair(cells, space, width, a, b, found[k, 1], found[k, 2], found[k, 3])


@inlined_to_the_bit
def _find_rows(row, counts, around, rows):
    """How much higher the numbers are in the four rows of cells that follow a row."""
    layer = counts[2] + 2
    slab = (counts[1] + 2) * layer
    first = row // (counts[1] + 2)
    second = row - first * (counts[1] + 2)
    up = layer
    down = -layer
    ahead = slab
    if around[1] and second == counts[1]:
        up = (1 - counts[1]) * layer
    if around[1] and second == 1:
        down = (counts[1] - 1) * layer
    if around[0] and first == counts[0]:
        ahead = (1 - counts[0]) * slab
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
def _look_ahead(numbers, a, number, rows, reached, searched, marks, mask, found):
    """Note the cell that follows and those of the four rows that follow, no more than one off."""
    low, high = searched
    hits = 0
    if a + 1 < high and numbers[a + 1] == number + 1:
        hits = _note(found, hits, a + 1, 0, 0, 1)
    for k in range(4):
        if not may_be_near(marks, mask, number + rows[k]):
            continue
        wanted = number + rows[k] - 1
        at = reached[k]
        if at > low and numbers[at - 1] >= wanted:
            # The row before was across a face.
            at = _first_from(numbers, low, at, wanted)
        else:
            at = _next_from(numbers, at, high, wanted)
        reached[k] = at
        while at < high and numbers[at] <= wanted + 2:
            x = 0 if k == 0 else 1
            y = 1 if k == 0 else k - 2
            hits = _note(found, hits, at, x, y, numbers[at] - wanted - 1)
            at += 1
    return hits


@inlined_to_the_bit
def _next_from(numbers, low, high, wanted):
    """As `_first_from`, fast where the place is not far from the lower limit."""
    step = 1
    while low + step <= high and numbers[low + step - 1] < wanted:
        low += step
        step *= 2
    return _first_from(numbers, low, min(low + step, high), wanted)


@inlined_to_the_bit
def _first_from(numbers, low, high, wanted):
    """The first place, within limits, of a number that is not lower."""
    while low < high:
        middle = (low + high) // 2
        if numbers[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@inlined_to_the_bit
def _look_around(numbers, number, rows, count, place, searched, found, hits):
    """Note the neighbours of a cell across the end of its own and of the four following rows."""
    low, high = searched
    step = 1 if place == count else -1
    for k in range(-1 if step == 1 else 0, 4):
        wanted = number - step * (count - 1)
        if k >= 0:
            wanted += rows[k]
        at = _first_from(numbers, low, high, wanted)
        if at < high and numbers[at] == wanted:
            x = 0 if k <= 0 else 1
            y = 0 if k < 0 else (1 if k == 0 else k - 2)
            hits = _note(found, hits, at, x, y, step)
    return hits


@inlined_to_the_bit
def _link_pair(cells, space, width, a, b, x, y, z):
    """Link the parts of a cell with those of another one so many cells away."""
    records, _, _, _, starts, parent, whole = cells
    away = np.float32(x * width[0]), np.float32(y * width[1]), np.float32(z * width[2])
    i, j = starts[a], starts[b]
    i_last, j_last = starts[a + 1], starts[b + 1]
    pairs = (i_last - i) * (j_last - j)
    both = whole[a] and whole[b]
    # What is one group already is done; single particles mostly are not.
    done = both and pairs > 1 and find(parent, i) == find(parent, j)
    if both and pairs <= _FEW:
        if not done and _any_near(cells, space, i, i_last, j, j_last, away):
            unite(parent, i, j)
        done = True
    ahead = 4 * (x == 1) + 2 * (y == 1) + (z == 1)
    behind = 2 * (y == -1) + (z == -1)
    while i < i_last and not done:
        i_part = records[i, 0] & 7
        i_end = records[i, 0] >> 3
        j = starts[b]
        while j < j_last and not done:
            j_part = records[j, 0] & 7
            j_end = records[j, 0] >> 3
            # Three parts away, along an axis, is too far.
            far = (ahead & j_part & ~i_part) | (behind & ~j_part & i_part)
            if (
                far == 0
                and (both or find(parent, i) != find(parent, j))
                and _meet(cells, space, i, i_end, j, j_end, away)
            ):
                unite(parent, i, j)
                done = both
            j = j_end
        i = i_end


@inlined_to_the_bit
def _meet(cells, space, i, i_end, j, j_end, away):
    """Whether two parts of cells are linked, the second in a cell so far away."""
    crowd = (i_end - i) * (j_end - j) > _CROWD
    # Most crowds that meet at all do so at once.
    i_last = min(i_end, i + _SOME) if crowd else i_end
    j_last = min(j_end, j + _SOME) if crowd else j_end
    near = _any_near(cells, space, i, i_last, j, j_last, away)
    if crowd and not near:
        records, _, particles, _, _, _, _ = cells
        near = crowds_meet(records, particles, i, i_end, j, j_end, space)
    return near


@inlined_to_the_bit
def _any_near(cells, space, a, a_end, b, b_end, away):
    """Whether any of some particles is linked to any of others."""
    _, places, particles, _, _, _, _ = cells
    points, box, limit, _, _ = space
    near = False
    i = a
    while i < a_end and not near:
        x_from = places[i, 2] - away[0]
        y_from = places[i, 3] - away[1]
        z_from = places[i, 4] - away[2]
        j = b
        while j < b_end and not near:
            x = places[j, 2] - x_from
            y = places[j, 3] - y_from
            z = places[j, 4] - z_from
            square = x * x + y * y + z * z
            near = square < _SURELY_NEAR
            if not near and square <= _SURELY_FAR:
                near = exact_square(points, particles[i, 5], particles[j, 5], box) <= limit
            j += 1
        i += 1
    return near
