"""Particles cut into bricks with ghosts, and groups of bricks joined: data larger than memory.

Each brick is percolated by itself, together with ghosts: particles of bricks of higher number that
lie within a linking length. A ghost has a group in its own brick and one in the brick it visits;
those are the same group. Groups are named by the lowest particle in them, so names from different
bricks can be compared, and the result is that of a single run:

    bricks = plan_bricks(sample, 8, linking_length, box=box)
    for each chunk of particles:       homes = bricks.homes(chunk); bricks.ghosts(chunk, homes)
    for each brick, own before ghosts: labels = friends_of_friends(...)
                                       names = name_groups(labels, ids)
    renamed = join_bricks(boundaries)
    for each brick:                    all_names[own_ids] = renamed.apply(own_names)
    labels = number_names(all_names)
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hven.errors import Fault, ParameterError
from hven.kernels.compiled import compiled_to_the_bit, inlined_to_the_bit
from hven.kernels.percolation.groups import as_box, as_points
from hven.kernels.percolation.union_find import find, unite

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Ghosts are taken from a little farther than a linking length, because distances are rounded.
_MARGIN = 1e-9


@dataclass(frozen=True)
class Bricks:
    """A space cut into bricks, as a tree: node 0 is all of it, leaves are bricks."""

    #: (nodes, 3) where each node begins and ends along each axis; infinite where it is open.
    low: Floats
    high: Floats
    #: (nodes,) the first of the two nodes a node is cut into; -1 less its number for a brick.
    child: Integers
    #: (3,) side lengths of the periodic box, infinite where it is open.
    box: Floats
    linking_length: float

    @property
    def count(self) -> int:
        """How many bricks there are."""
        return (len(self.child) + 1) // 2

    def homes(self, positions: ArrayLike) -> NDArray[np.int32]:
        """The number (n,) of the brick in which each particle lies."""
        points = as_points(positions)
        homes = np.empty(len(points), np.int32)
        _find_homes(points, self.low, self.child, homes)
        return homes

    def ghosts(
        self, positions: ArrayLike, homes: NDArray[np.int32]
    ) -> tuple[Integers, NDArray[np.int32]]:
        """Which particles are ghosts, and of which bricks.

        Parameters
        ----------
        positions, homes
            (n, 2) or (n, 3) and (n,), as given to and by `homes`.

        Returns
        -------
        particles, bricks
            (m,) rows of the positions, ascending, and the bricks of lower number that want them;
            a particle may be a ghost of several bricks.
        """
        points = as_points(positions)
        reach = self.linking_length * (1 + _MARGIN)
        finite = [abs(side) for side in (self.low, self.high, self.box)]
        largest = max(float(side[np.isfinite(side)].max(initial=0.0)) for side in finite)
        largest = max(largest, float(np.abs(points).max(initial=0.0)))
        arguments = points, homes, self.low, self.high, self.child, self.box
        reach += largest * 1e-15
        none = np.empty(0, np.int64), np.empty(0, np.int32)
        particles = np.empty(_find_ghosts(*arguments, reach, *none), np.int64)
        bricks = np.empty(len(particles), np.int32)
        _find_ghosts(*arguments, reach, particles, bricks)
        return particles, bricks


def plan_bricks(
    sample: ArrayLike,
    count: int,
    linking_length: float,
    *,
    box: Sequence[float] | None = None,
) -> Bricks:
    """Bricks that hold about equally many particles each.

    Parameters
    ----------
    sample
        (n, 2) or (n, 3) positions of some of the particles, say every hundredth; bricks are cut
        where these are halved.
    count
        How many bricks.
    linking_length, box
        As in `friends_of_friends`.
    """
    points = as_points(sample).astype(np.float64)
    if count < 1:
        raise ParameterError([Fault("count", f"must be at least 1, got {count}")])
    sides = as_box(box, points.shape[1])
    padded = np.zeros((len(points), 3))
    padded[:, : points.shape[1]] = points
    periodic = np.isfinite(sides)
    low, high = [np.where(periodic, 0.0, -np.inf)], [np.where(periodic, sides, np.inf)]
    child = [0]
    # Nodes that have to be cut yet: their number, their sample and how many bricks they become.
    waiting = [(0, padded, count)]
    bricks = 0
    while waiting:
        node, inside, into = waiting.pop()
        if into == 1:
            child[node] = -1 - bricks
            bricks += 1
            continue
        axis, cut = _cut(inside, (into // 2) / into)
        child[node] = len(child)
        for begin, end in ((low[node][axis], cut), (cut, high[node][axis])):
            low.append(low[node].copy())
            high.append(high[node].copy())
            low[-1][axis], high[-1][axis] = begin, end
            child.append(0)
        below = inside[:, axis] < cut
        waiting.append((child[node] + 1, inside[~below], into - into // 2))
        waiting.append((child[node], inside[below], into // 2))
    return Bricks(np.array(low), np.array(high), np.array(child), sides, linking_length)


def _cut(inside: Floats, fraction: float) -> tuple[int, float]:
    """The axis along which points reach farthest, and where this fraction of them lies below."""
    if not len(inside):
        return 0, 0.0
    axis = int(np.argmax(np.ptp(inside, axis=0)))
    return axis, float(np.quantile(inside[:, axis], fraction))


def name_groups(labels: NDArray[Any], ids: Integers) -> Integers:
    """The lowest id (n,) of the group of each particle.

    Parameters
    ----------
    labels
        (n,) group numbers of a brick's particles, ghosts included, from 0 on.
    ids
        (n,) int64, which particle of the whole each of them is.
    """
    lowest = np.full(int(labels.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    _take_lowest(labels, ids, lowest)
    return np.asarray(lowest[labels])


class Boundary(NamedTuple):
    """What of a brick must be known to join it with others."""

    #: (n,) int64 ids and names of those of its own particles that are ghosts elsewhere; more of
    #: its particles do no harm.
    own_ids: Integers
    own_names: Integers
    #: (m,) int64 ids and names here of the ghosts that visit it.
    ghost_ids: Integers
    ghost_names: Integers


class Renamed(NamedTuple):
    """Groups that turned out to be parts of another one."""

    #: (n,) int64 ascending: names within bricks.
    names: Integers
    #: (n,) int64: the lowest particle of the whole group.
    final: Integers

    def apply(self, names: Integers) -> Integers:
        """Names (n,) of a brick's groups as names of whole groups."""
        if not len(self.names):
            return names.copy()
        at = np.minimum(np.searchsorted(self.names, names), len(self.names) - 1)
        return np.where(self.names[at] == names, self.final[at], names)


def join_bricks(boundaries: Iterable[Boundary]) -> Renamed:
    """Names of whole groups for the names of groups that were cut.

    Takes memory for the particles near boundaries only.

    Raises
    ------
    ParameterError
        If a ghost is nobody's own particle.
    """
    every = list(boundaries)
    own_ids, own_names, ghost_ids, ghost_names = (
        np.concatenate([np.empty(0, np.int64), *(boundary[field] for boundary in every)])
        for field in range(4)
    )
    order = np.argsort(own_ids)
    own_ids, own_names = own_ids[order], own_names[order]
    at = np.searchsorted(own_ids, ghost_ids)
    missing = at == len(own_ids)
    missing[~missing] = own_ids[at[~missing]] != ghost_ids[~missing]
    if missing.any():
        text = f"must hold every ghost as some brick's own, lack particle {ghost_ids[missing][0]}"
        raise ParameterError([Fault("boundaries", text)])
    pairs = np.stack([own_names[at], ghost_names])
    names, parts = np.unique(pairs, return_inverse=True)
    parent = np.arange(len(names))
    _unite_pairs(parent, parts.reshape(pairs.shape))
    # A root is the lowest of its set, and names are ascending.
    return Renamed(names, names[parent])


def number_names(names: NDArray[Any]) -> NDArray[Any]:
    """Names (n,) of all particles in order, made group numbers in place: those of a single run.

    The array may be a writable memory map; it is gone through once.
    """
    _number(names)
    return names


@compiled_to_the_bit
def _take_lowest(labels, ids, lowest):
    for i in range(labels.size):
        lowest[labels[i]] = min(lowest[labels[i]], ids[i])


@compiled_to_the_bit
def _unite_pairs(parent, pairs):
    for k in range(pairs.shape[1]):
        unite(parent, pairs[0, k], pairs[1, k])
    for slot in range(parent.size):
        parent[slot] = find(parent, slot)


@compiled_to_the_bit
def _number(names):
    count = 0
    for particle in range(names.size):
        if names[particle] == particle:
            names[particle] = count
            count += 1
        else:
            names[particle] = names[names[particle]]


@compiled_to_the_bit
def _find_homes(points, low, child, homes):
    for i in range(points.shape[0]):
        node = 0
        while child[node] >= 0:
            node = child[node] + 1
            for axis in range(points.shape[1]):
                if points[i, axis] < low[node, axis]:
                    node -= 1
                    break
        homes[i] = -1 - child[node]


@inlined_to_the_bit
def _gap(x, low, high, length):
    """How far a coordinate is from an interval, the other way around a periodic axis too."""
    if low <= x <= high:
        return 0.0
    straight = max(low - x, x - high)
    if length == np.inf:
        return straight
    return min(straight, length - high + x, length + low - x)


@compiled_to_the_bit
def _find_ghosts(points, homes, low, high, child, box, reach, particles, bricks):
    """Write particles and bricks if there is room; in any case return how many there are."""
    stack = np.empty(child.size + 1, np.int64)
    found = 0
    for i in range(points.shape[0]):
        stack[0] = 0
        top = 1
        while top:
            top -= 1
            node = stack[top]
            square = 0.0
            for axis in range(points.shape[1]):
                gap = _gap(points[i, axis], low[node, axis], high[node, axis], box[axis])
                square += gap * gap
            if square > reach * reach:
                continue
            if child[node] >= 0:
                stack[top] = child[node]
                stack[top + 1] = child[node] + 1
                top += 2
            elif -1 - child[node] < homes[i]:
                if particles.size:
                    particles[found] = i
                    bricks[found] = -1 - child[node]
                found += 1
    return found
