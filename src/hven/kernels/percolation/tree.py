"""Friends of friends by a k-d tree against itself: exact on any input, O(N log N) on most.

Boxes of the tree are compared in pairs, from the root down. A pair is done when the boxes are too
far apart, when all particles of both are linked anyway, or when all of both are near enough.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hven.kernels.compiled import compiled_to_the_bit, inlined_to_the_bit
from hven.kernels.percolation.distance import squared_distance, sum_of_squares
from hven.kernels.percolation.union_find import find, number, unite

_LEAF = 8
#: Pairs of boxes that wait at most: three a level of a tree that halves 2^63 particles.
_STACK = 256


def tree_labels(
    positions: NDArray[Any], linking_length: float, box: NDArray[np.float64], index: DTypeLike
) -> NDArray[Any]:
    """Group numbers (n,) of positions (n, 2) or (n, 3), in the order of the lowest particle.

    Parameters
    ----------
    positions
        Finite; within the box on periodic axes.
    linking_length
        Particles at most so far apart are linked.
    box
        (3,) float64 length of each axis, infinite where it is open.
    index
        Integer type of the labels, wide enough for the number of particles.

    Notes
    -----
    Takes 80 bytes a particle. All in one point, or any other crowd within a linking length, is no
    slower than anything else.
    """
    n, dimensions = positions.shape
    points = np.zeros((n, 3))
    points[:, :dimensions] = positions
    order: NDArray[Any] = np.arange(n, dtype=index)
    parent = order.copy()
    # And one row of bounds for a single particle.
    nodes = 4 * n // _LEAF + 2
    start, child = np.empty((nodes, 2), np.int64), np.full(nodes, -1)
    bounds, joined = np.empty((nodes, 2, 3)), np.zeros(nodes, np.bool_)
    limit = linking_length * linking_length
    if n:
        _build(points, order, parent, start, child, bounds, joined, limit)
        _link(points, parent, start, child, bounds, joined, box, limit)
    labels = np.empty_like(order)
    number(parent, order, labels)
    return labels


@compiled_to_the_bit
def _build(points, order, parent, start, child, bounds, joined, limit):
    """Sort points into a tree of boxes; those within a linking length are linked at once."""
    start[0, 0] = 0
    start[0, 1] = order.size
    used = 1
    node = 0
    while node < used:
        first = start[node, 0]
        end = start[node, 1]
        low, high = bounds[node]
        _bound(points, first, end, low, high)
        extents = high - low
        size = sum_of_squares(extents[0], extents[1], extents[2])
        if size <= limit and not joined[node]:
            joined[node] = True
            parent[first:end] = first
        if end - first > _LEAF and size > 0.0:
            halve(points, order, first, end, np.argmax(extents))
            child[node] = used
            start[used, 0] = first
            start[used, 1] = (first + end) // 2
            start[used + 1, 0] = (first + end) // 2
            start[used + 1, 1] = end
            joined[used] = joined[used + 1] = joined[node]
            used += 2
        node += 1


@inlined_to_the_bit
def _bound(points, first, end, low, high):
    for axis in range(3):
        low[axis] = points[first, axis]
        high[axis] = points[first, axis]
        for i in range(first + 1, end):
            low[axis] = min(low[axis], points[i, axis])
            high[axis] = max(high[axis], points[i, axis])


@inlined_to_the_bit
def halve(points, order, first, end, axis):
    """Bring the lower half of the points along an axis before the upper one."""
    middle = (first + end) // 2
    low, high = first, end - 1
    while low < high:
        pivot = points[(low + high) // 2, axis]
        i, j = low, high
        while i <= j:
            while points[i, axis] < pivot:
                i += 1
            while points[j, axis] > pivot:
                j -= 1
            if i <= j:
                for k in range(points.shape[1]):
                    points[i, k], points[j, k] = points[j, k], points[i, k]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            break


@compiled_to_the_bit
def _link(points, parent, start, child, bounds, joined, box, limit):
    """Link what is near, from pairs of large boxes down to pairs of particles."""
    stack = np.empty((_STACK, 2), np.int64)
    stack[0, :] = 0
    top = 1
    while top:
        top -= 1
        a = stack[top, 0]
        b = stack[top, 1]
        if b < 0:
            joined[a] = is_joined(parent, start, child, joined, a)
        elif a == b:
            if joined[a]:
                continue
            if child[a] < 0:
                _link_leaf(points, parent, start[a, 0], start[a, 1], box, limit)
                joined[a] = is_joined(parent, start, child, joined, a)
                continue
            # Last in, first out: the halves by themselves, with each other, what came of it.
            stack[top, 0] = a
            stack[top, 1] = -1
            stack[top + 1, 0] = child[a]
            stack[top + 1, 1] = child[a] + 1
            stack[top + 2, 0] = child[a]
            stack[top + 2, 1] = child[a]
            stack[top + 3, 0] = child[a] + 1
            stack[top + 3, 1] = child[a] + 1
            top += 4
        else:
            top = _link_pair(
                points, parent, start, child, bounds, joined, box, limit, a, b, stack, top
            )


@inlined_to_the_bit
def _link_pair(points, parent, start, child, bounds, joined, box, limit, a, b, stack, top):
    """Link two boxes, or put what has to be linked instead on the stack."""
    one, other = bounds[a], bounds[b]
    nearest, farthest = _reach(one, other, box)
    if nearest > limit:
        return top
    both = joined[a] and joined[b]
    if both and find(parent, start[a, 0]) == find(parent, start[b, 0]):
        return top
    if farthest <= limit:
        join(parent, start, joined, a)
        join(parent, start, joined, b)
        unite(parent, start[a, 0], start[b, 0])
        return top
    if child[a] < 0 and child[b] < 0:
        _link_leaves(points, parent, start[a], start[b], box, limit, both)
        return top
    if child[a] < 0:
        _link_points(points, parent, start, child, bounds, joined, box, limit, b, a, stack, top)
        return top
    if child[b] < 0:
        _link_points(points, parent, start, child, bounds, joined, box, limit, a, b, stack, top)
        return top
    if _width(one) >= _width(other):
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


@inlined_to_the_bit
def _width(box):
    return max(box[1, 0] - box[0, 0], max(box[1, 1] - box[0, 1], box[1, 2] - box[0, 2]))


@inlined_to_the_bit
def _link_points(
    points, parent, start, child, bounds, joined, box, limit, tree, leaf, stack, bottom
):
    """Link each particle of a leaf with a larger box, from there down; uses the top of the stack.

    A leaf as a whole may be so wide that nothing could be told of it and the larger box.
    """
    point = bounds[bounds.shape[0] - 1]
    for j in range(start[leaf, 0], start[leaf, 1]):
        for axis in range(3):
            point[0, axis] = points[j, axis]
            point[1, axis] = points[j, axis]
        stack[bottom, 0] = tree
        top = bottom + 1
        while top > bottom:
            top -= 1
            node = stack[top, 0]
            if joined[node] and find(parent, start[node, 0]) == find(parent, j):
                continue
            nearest, farthest = _reach(bounds[node], point, box)
            if farthest <= limit:
                join(parent, start, joined, node)
                unite(parent, start[node, 0], j)
            elif nearest <= limit and child[node] >= 0:
                stack[top, 0] = child[node]
                stack[top + 1, 0] = child[node] + 1
                top += 2
            elif nearest <= limit:
                for i in range(start[node, 0], start[node, 1]):
                    if squared_distance(points, i, j, box) <= limit:
                        unite(parent, i, j)


@inlined_to_the_bit
def _reach(one, other, box):
    """Squared distances between which those of all points of two boxes lie."""
    return sum_of_squares(
        _nearest(one, other, 0, box[0]),
        _nearest(one, other, 1, box[1]),
        _nearest(one, other, 2, box[2]),
    ), sum_of_squares(
        _farthest(one, other, 0, box[0]),
        _farthest(one, other, 1, box[1]),
        _farthest(one, other, 2, box[2]),
    )


@inlined_to_the_bit
def is_joined(parent, start, child, joined, node):
    """Whether all particles of a box are known to be one group."""
    if joined[node]:
        return True
    root = find(parent, start[node, 0])
    if child[node] >= 0:
        left, right = child[node], child[node] + 1
        return joined[left] and joined[right] and root == find(parent, start[right, 0])
    whole = True
    for i in range(start[node, 0] + 1, start[node, 1]):
        whole &= find(parent, i) == root
    return whole


@inlined_to_the_bit
def join(parent, start, joined, node):
    """Make one group of all particles of a box."""
    if not joined[node]:
        joined[node] = True
        for i in range(start[node, 0] + 1, start[node, 1]):
            unite(parent, start[node, 0], i)


@inlined_to_the_bit
def _link_leaf(points, parent, first, end, box, limit):
    for i in range(first, end):
        for j in range(i + 1, end):
            if squared_distance(points, i, j, box) <= limit:
                unite(parent, i, j)


@inlined_to_the_bit
def _link_leaves(points, parent, a, b, box, limit, one_is_enough):
    for i in range(a[0], a[1]):
        for j in range(b[0], b[1]):
            if squared_distance(points, i, j, box) <= limit:
                unite(parent, i, j)
                if one_is_enough:
                    return


@inlined_to_the_bit
def _nearest(a, b, axis, length):
    """The least distance along an axis of two points in two boxes."""
    gap = max(a[0, axis] - b[1, axis], b[0, axis] - a[1, axis], 0.0)
    span = max(a[1, axis] - b[0, axis], b[1, axis] - a[0, axis])
    return min(gap, abs(length - span)) if span > 0.5 * length else gap


@inlined_to_the_bit
def _farthest(a, b, axis, length):
    """The greatest distance, or a little more, along an axis of two points in two boxes."""
    gap = max(a[0, axis] - b[1, axis], b[0, axis] - a[1, axis], 0.0)
    span = max(a[1, axis] - b[0, axis], b[1, axis] - a[0, axis])
    half = 0.5 * length
    if span <= half:
        return span
    return length - gap if gap >= half else half
