"""Whether any of many particles is linked to any of many others, without comparing every pair."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hven.kernels.compiled import inlined_to_the_bit
from hven.kernels.percolation.distance import difference, sum_of_squares

#: So many pairs are compared one by one.
_FEW_PAIRS = 256
#: Parts of crowds that wait at most; more would be particles that lie closer and closer together
#: for hundreds of halvings, whose pairs are then compared one by one.
_STACK = 512
#: How much a squared distance of boxes may be off, since images across a face are rounded.
_MARGIN = 4e-8


def make_scratch() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """What `crowds_meet` writes into, one for each thread."""
    return np.empty((_STACK, 4), np.int64), np.empty((_STACK, 4, 3))


@inlined_to_the_bit
def exact_square(points, i, j, box):
    """The squared distance of two rows of points (n, 2) or (n, 3) of any float."""
    x = difference(np.float64(points[i, 0]), np.float64(points[j, 0]), box[0])
    y = difference(np.float64(points[i, 1]), np.float64(points[j, 1]), box[1])
    z = 0.0
    if points.shape[1] == 3:
        z = difference(np.float64(points[i, 2]), np.float64(points[j, 2]), box[2])
    return sum_of_squares(x, y, z)


@inlined_to_the_bit
def crowds_meet(records, particles, a_first, a_last, b_first, b_last, space):
    """Whether a particle of one range of records is linked to one of another.

    Boxes around both are compared; where these do not tell, the wider one is halved. Records are
    put in another order within each range, but for their keys. Space has positions, box and
    squared linking length, and scratch as made by `make_scratch`.
    """
    points, box, limit, waiting, bounds = space
    _put(waiting, 0, a_first, a_last, b_first, b_last)
    _bound(particles, a_first, a_last, points, bounds, 0, 0)
    _bound(particles, b_first, b_last, points, bounds, 0, 2)
    top = 1
    met = False
    while top and not met:
        top -= 1
        a, a_end = waiting[top, 0], waiting[top, 1]
        b, b_end = waiting[top, 2], waiting[top, 3]
        nearest, farthest, widest, axis = _compare(bounds, top, points.shape[1], box)
        if widest == 0.0:
            # All of each range are in one point.
            a_end, b_end = a + 1, b + 1
        if nearest > limit * (1 + _MARGIN):
            pass
        elif farthest <= limit * (1 - _MARGIN):
            met = True
        elif (a_end - a) * (b_end - b) <= _FEW_PAIRS or top + 2 > _STACK:
            met = _any_pair(particles, a, a_end, b, b_end, points, box, limit)
        else:
            # The halves take the place of the whole; what is not halved keeps its bounds.
            for row in range(4):
                for k in range(3):
                    bounds[top + 1, row, k] = bounds[top, row, k]
            if bounds[top, 1, axis] - bounds[top, 0, axis] == widest:
                cut = _halve(records, particles, a, a_end, points, bounds, top, 0, axis)
                _put(waiting, top, a, cut, b, b_end)
                _put(waiting, top + 1, cut, a_end, b, b_end)
                _bound(particles, a, cut, points, bounds, top, 0)
                _bound(particles, cut, a_end, points, bounds, top + 1, 0)
            else:
                cut = _halve(records, particles, b, b_end, points, bounds, top, 2, axis)
                _put(waiting, top, a, a_end, b, cut)
                _put(waiting, top + 1, a, a_end, cut, b_end)
                _bound(particles, b, cut, points, bounds, top, 2)
                _bound(particles, cut, b_end, points, bounds, top + 1, 2)
            top += 2
    return met


@inlined_to_the_bit
def _put(waiting, at, a, a_end, b, b_end):
    waiting[at, 0] = a
    waiting[at, 1] = a_end
    waiting[at, 2] = b
    waiting[at, 3] = b_end


@inlined_to_the_bit
def _bound(particles, first, last, points, bounds, at, row):
    for axis in range(points.shape[1]):
        low, high = np.inf, -np.inf
        for i in range(first, last):
            place = np.float64(points[particles[i, 5], axis])
            low = min(low, place)
            high = max(high, place)
        bounds[at, row, axis] = low
        bounds[at, row + 1, axis] = high


@inlined_to_the_bit
def _compare(bounds, at, dimensions, box):
    """Squared distances that two boxes lie within, the greatest width and along which axis."""
    nearest = 0.0
    farthest = 0.0
    widest = -1.0
    along = 0
    for axis in range(dimensions):
        low_a, high_a = bounds[at, 0, axis], bounds[at, 1, axis]
        low_b, high_b = bounds[at, 2, axis], bounds[at, 3, axis]
        width = max(high_a - low_a, high_b - low_b)
        if width > widest:
            widest = width
            along = axis
        # The crowds are in neighbouring cells, perhaps across a face.
        if low_b - low_a > 0.5 * box[axis]:
            low_b -= box[axis]
            high_b -= box[axis]
        elif low_a - low_b > 0.5 * box[axis]:
            low_b += box[axis]
            high_b += box[axis]
        gap = max(low_b - high_a, low_a - high_b, 0.0)
        span = max(high_b - low_a, high_a - low_b)
        nearest += gap * gap
        farthest += span * span
    return nearest, farthest, widest, along


@inlined_to_the_bit
def _any_pair(particles, a, a_end, b, b_end, points, box, limit):
    met = False
    for i in range(a, a_end):
        for j in range(b, b_end):
            met |= exact_square(points, particles[i, 5], particles[j, 5], box) <= limit
        if met:
            break
    return met


@inlined_to_the_bit
def _halve(records, particles, first, last, points, bounds, at, row, axis):
    """Bring the records in the lower half of a box before the others; neither are none."""
    low, high = bounds[at, row, axis], bounds[at, row + 1, axis]
    middle = low + 0.5 * (high - low)
    if middle >= high:
        middle = low
    end = first
    for i in range(first, last):
        if points[particles[i, 5], axis] <= middle:
            # The key stays: it tells where the part of the cell ends.
            for word in range(1, 3):
                records[i, word], records[end, word] = records[end, word], records[i, word]
            end += 1
    return end
