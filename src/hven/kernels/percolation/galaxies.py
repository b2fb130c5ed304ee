"""Galaxies linked by two lengths, pair by pair or by a k-d tree against itself.

Rows of galaxies (n, 7) float64: direction (3), distance, transverse length, line-of-sight length,
and the angle of the transverse length, which is that by the distance.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.kernels.compiled import compiled_to_the_bit, inlined_to_the_bit
from hven.kernels.percolation.tree import halve, is_joined, join
from hven.kernels.percolation.union_find import find, unite

_LEAF = 8
#: Pairs of boxes that wait at most.
_STACK = 256
_DISTANCE, _TRANSVERSE, _ALONG, _ANGLE = 3, 4, 5, 6
#: Bounds of boxes are this much wider than rounding could make them.
_MARGIN = 1e-12


def link_every_pair(galaxies: NDArray[np.float64], parent: NDArray[Any], by_angle: bool) -> None:
    """Unite linked galaxies in `parent`."""
    _link_every_pair(galaxies, parent, by_angle)


def link_tree(
    galaxies: NDArray[np.float64], order: NDArray[Any], parent: NDArray[Any], by_angle: bool
) -> None:
    """Unite linked galaxies in `parent`, after rows and `order` were sorted into a tree."""
    n = len(galaxies)
    if not n:
        return
    nodes = 4 * n // _LEAF + 1
    start, child = np.empty((nodes, 2), np.int64), np.full(nodes, -1)
    bounds, joined = np.empty((nodes, 2, galaxies.shape[1])), np.zeros(nodes, np.bool_)
    # Boxes are halved along the axis on which they are the most linking lengths wide.
    lengths = np.maximum(galaxies.mean(axis=0), 1e-300)
    weights = 1 / lengths[[_ANGLE, _ANGLE, _ANGLE, _ALONG]]
    _build(galaxies, order, start, child, bounds, weights)
    _link(galaxies, parent, start, child, bounds, joined, by_angle)


@inlined_to_the_bit
def _within(chord, apart, one, other, by_angle, slack):
    """Whether galaxies so far apart are linked, given rows of their lengths."""
    if apart > 0.5 * (one[_ALONG] + other[_ALONG]) * slack:
        return False
    if by_angle:
        angle = 2.0 * math.asin(min(0.5 * chord, 1.0))
        return angle <= 0.5 * (one[_ANGLE] + other[_ANGLE]) * slack
    return chord <= (one[_TRANSVERSE] + other[_TRANSVERSE]) * slack


@inlined_to_the_bit
def _linked(galaxies, i, j, by_angle):
    x = galaxies[i, 0] - galaxies[j, 0]
    y = galaxies[i, 1] - galaxies[j, 1]
    z = galaxies[i, 2] - galaxies[j, 2]
    chord = math.sqrt(x * x + y * y + z * z)
    if not by_angle:
        chord *= galaxies[i, _DISTANCE] + galaxies[j, _DISTANCE]
    apart = abs(galaxies[i, _DISTANCE] - galaxies[j, _DISTANCE])
    return _within(chord, apart, galaxies[i], galaxies[j], by_angle, 1.0)


@compiled_to_the_bit
def _link_every_pair(galaxies, parent, by_angle):
    for i in range(parent.size):
        for j in range(i + 1, parent.size):
            if _linked(galaxies, i, j, by_angle):
                unite(parent, i, j)


@compiled_to_the_bit
def _build(galaxies, order, start, child, bounds, weights):
    """Sort galaxies into a tree of boxes, with the least and the greatest of every column."""
    start[0, 0] = 0
    start[0, 1] = order.size
    used = 1
    node = 0
    while node < used:
        first = start[node, 0]
        end = start[node, 1]
        bounds[node, 0] = galaxies[first]
        bounds[node, 1] = galaxies[first]
        for i in range(first + 1, end):
            for column in range(galaxies.shape[1]):
                at = galaxies[i, column]
                bounds[node, 0, column] = min(bounds[node, 0, column], at)
                bounds[node, 1, column] = max(bounds[node, 1, column], at)
        widths = (bounds[node, 1, :4] - bounds[node, 0, :4]) * weights
        axis = np.argmax(widths)
        if end - first > _LEAF and widths[axis] > 0.0:
            halve(galaxies, order, first, end, axis)
            child[node] = used
            start[used, 0] = first
            start[used, 1] = (first + end) // 2
            start[used + 1, 0] = (first + end) // 2
            start[used + 1, 1] = end
            used += 2
        node += 1


@inlined_to_the_bit
def _may_be_linked(bounds, a, b, by_angle):
    """Whether a galaxy of one box may be linked to one of another."""
    square = 0.0
    for axis in range(3):
        gap = max(bounds[a, 0, axis] - bounds[b, 1, axis], bounds[b, 0, axis] - bounds[a, 1, axis])
        square += max(gap, 0.0) ** 2
    chord = math.sqrt(square)
    if not by_angle:
        chord *= bounds[a, 0, _DISTANCE] + bounds[b, 0, _DISTANCE]
    apart = max(
        bounds[a, 0, _DISTANCE] - bounds[b, 1, _DISTANCE],
        bounds[b, 0, _DISTANCE] - bounds[a, 1, _DISTANCE],
        0.0,
    )
    return _within(chord, apart, bounds[a, 1], bounds[b, 1], by_angle, 1 + _MARGIN)


@inlined_to_the_bit
def _must_be_linked(bounds, a, b, by_angle):
    """Whether every galaxy of one box is linked to every one of another."""
    square = 0.0
    for axis in range(3):
        span = max(bounds[a, 1, axis] - bounds[b, 0, axis], bounds[b, 1, axis] - bounds[a, 0, axis])
        square += span**2
    chord = math.sqrt(square)
    if not by_angle:
        chord *= bounds[a, 1, _DISTANCE] + bounds[b, 1, _DISTANCE]
    apart = max(
        bounds[a, 1, _DISTANCE] - bounds[b, 0, _DISTANCE],
        bounds[b, 1, _DISTANCE] - bounds[a, 0, _DISTANCE],
    )
    return _within(chord, apart, bounds[a, 0], bounds[b, 0], by_angle, 1 - _MARGIN)


@compiled_to_the_bit
def _link(galaxies, parent, start, child, bounds, joined, by_angle):
    """Link what is near, from pairs of large boxes down to pairs of galaxies."""
    stack = np.empty((_STACK, 2), np.int64)
    stack[0, :] = 0
    top = 1
    while top:
        top -= 1
        a = stack[top, 0]
        b = stack[top, 1]
        if b < 0:
            joined[a] = is_joined(parent, start, child, joined, a)
            continue
        done = joined[a] and joined[b] and find(parent, start[a, 0]) == find(parent, start[b, 0])
        if done or not _may_be_linked(bounds, a, b, by_angle):
            continue
        if _must_be_linked(bounds, a, b, by_angle):
            join(parent, start, joined, a)
            join(parent, start, joined, b)
            unite(parent, start[a, 0], start[b, 0])
        elif child[a] < 0 and child[b] < 0:
            _link_leaves(galaxies, parent, start, a, b, by_angle)
            joined[a] = is_joined(parent, start, child, joined, a)
        else:
            top = _put(stack, top, start, child, a, b)


@inlined_to_the_bit
def _link_leaves(galaxies, parent, start, a, b, by_angle):
    for i in range(start[a, 0], start[a, 1]):
        for j in range(i + 1 if a == b else start[b, 0], start[b, 1]):
            if _linked(galaxies, i, j, by_angle):
                unite(parent, i, j)


@inlined_to_the_bit
def _put(stack, top, start, child, a, b):
    """Put on the stack what has to be linked instead of two boxes, which may be the same."""
    if a == b:
        # Last in, first out: the halves by themselves, with each other, what came of it.
        _push(stack, top, a, -1)
        _push(stack, top + 1, child[a], child[a] + 1)
        _push(stack, top + 2, child[a], child[a])
        _push(stack, top + 3, child[a] + 1, child[a] + 1)
        return top + 4
    if child[b] < 0 or (child[a] >= 0 and start[a, 1] - start[a, 0] >= start[b, 1] - start[b, 0]):
        _push(stack, top, child[a], b)
        _push(stack, top + 1, child[a] + 1, b)
    else:
        _push(stack, top, a, child[b])
        _push(stack, top + 1, a, child[b] + 1)
    return top + 2


@inlined_to_the_bit
def _push(stack, top, a, b):
    stack[top, 0] = a
    stack[top, 1] = b
