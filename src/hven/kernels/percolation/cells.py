"""Particles sorted by the cells of a lattice, in parallel and mostly within the cache.

Particles go into some thousand buckets of consecutive cells; each bucket is sorted by itself.

A record has 24 bytes: a key (int64), the place within the cell along the three axes in linking
lengths (float32), and which particle it is (int32). First the key is the part of the cell, eight
times the cell's number and 0 to 7. When all is sorted, the key of the first record of each part
becomes eight times the record at which the next part begins, and 0 to 7.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.kernels.compiled import compiled_to_the_bit, inlined_to_the_bit
from hven.kernels.percolation.lattice import Lattice, cell_of, place
from hven.kernels.percolation.threads import shares

#: So many places are written to in turns without losing them from the cache.
_BUCKETS = 2048
#: Buckets are sorted by so many bits at a time.
_DIGIT = 8
#: Smaller buckets are sorted by insertion.
_FEW = 40


class Cells(NamedTuple):
    """Particles in the order of their cells."""

    #: (n, 3) int64 records; see the head of this file.
    records: NDArray[np.int64]
    #: (n, 6) the same as float32 and int32: places are in columns 2 to 4, particles in column 5.
    places: NDArray[np.float32]
    particles: NDArray[np.int32]
    #: (c,) int64 ascending, the cells that have particles.
    numbers: NDArray[np.int64]
    #: (c + 1,) int32, the first record of each, and the number of records.
    starts: NDArray[np.int32]
    #: (n,) int32, the first record of the same part of a cell: these are linked.
    parent: NDArray[np.int32]
    #: (c,) whether all particles of the cell are known to be in one group.
    whole: NDArray[np.bool_]


def sort_into_cells(
    points: NDArray[Any], lattice: Lattice, pool: ThreadPoolExecutor, threads: int
) -> Cells:
    """Sort particles by cell and part of a cell."""
    n = len(points)
    shift = max(0, lattice.cells.bit_length() - _BUCKETS.bit_length() + 1)
    buckets = (lattice.cells >> shift) + 1
    frame = lattice.axes, lattice.origin, lattice.density, lattice.counts
    share = shares(n, threads)
    counts = np.zeros((threads, buckets), np.int64)

    def each(work: Callable[[int], object]) -> None:
        list(pool.map(work, range(threads)))

    each(lambda t: _count(points, share[t], share[t + 1], frame, shift, counts[t]))
    # Where each thread's particles of each bucket go.
    offsets = np.cumsum(counts.T.ravel()).reshape(buckets, threads).T - counts
    bounds = np.append(offsets[0], n)
    records = np.empty((n, 3), np.int64)
    places, particles = records.view(np.float32), records.view(np.int32)
    offsets = np.ascontiguousarray(offsets)
    each(
        lambda t: _distribute(
            points,
            share[t],
            share[t + 1],
            frame,
            lattice.width,
            shift,
            offsets[t],
            records,
            places,
            particles,
        )
    )
    cuts = np.searchsorted(bounds[:-1], share)
    cuts[0], cuts[-1] = 0, buckets
    found = np.zeros(buckets + 1, np.int64)
    largest = int(np.diff(bounds).max(initial=0))
    each(lambda t: _sort_buckets(records, bounds, cuts[t], cuts[t + 1], shift + 3, largest, found))
    first = np.concatenate([[0], np.cumsum(found[:-1])])
    numbers, starts = np.empty(first[-1], np.int64), np.empty(first[-1] + 1, np.int32)
    parent = np.empty(n, np.int32)
    each(
        lambda t: _list_cells(records, bounds, cuts[t], cuts[t + 1], first, numbers, starts, parent)
    )
    starts[-1] = n
    whole = np.zeros(len(numbers), np.bool_)
    return Cells(records, places, particles, numbers, starts, parent, whole)


@compiled_to_the_bit
def _count(points, begin, end, frame, shift, counts):
    """Count the particles of each bucket."""
    axes, origin, density, count = frame
    for i in range(begin, end):
        first, _ = place(points[i, axes[0]], origin[0], density[0], count[0])
        second, _ = place(points[i, axes[1]], origin[1], density[1], count[1])
        third, _ = place(points[i, axes[2]], origin[2], density[2], count[2])
        counts[cell_of(first, second, third, count) >> shift] += 1


@compiled_to_the_bit
def _distribute(points, begin, end, frame, width, shift, offsets, records, places, particles):
    """Write the records of particles where their buckets are."""
    axes, origin, density, count = frame
    for i in range(begin, end):
        first, x = place(points[i, axes[0]], origin[0], density[0], count[0])
        second, y = place(points[i, axes[1]], origin[1], density[1], count[1])
        third, z = place(points[i, axes[2]], origin[2], density[2], count[2])
        number = cell_of(first, second, third, count)
        part = 4 * (x >= 0.5) + 2 * (y >= 0.5) + (z >= 0.5)
        at = offsets[number >> shift]
        offsets[number >> shift] += 1
        records[at, 0] = 8 * number + part
        places[at, 2] = x * width[0]
        places[at, 3] = y * width[1]
        places[at, 4] = z * width[2]
        particles[at, 5] = i


@compiled_to_the_bit
def _sort_buckets(records, bounds, begin, end, bits, largest, found):
    """Sort each bucket by the lowest bits of the keys, and count its cells."""
    keys = np.empty((2, largest), np.int64)
    slots = np.empty((2, largest), np.int32)
    copy = np.empty((largest, 2), np.int64)
    counts = np.empty(1 << _DIGIT, np.int64)
    for bucket in range(begin, end):
        first = bounds[bucket]
        size = bounds[bucket + 1] - first
        for k in range(size):
            keys[0, k] = records[first + k, 0]
            slots[0, k] = k
        which = 0
        if size <= _FEW:
            _insert(keys[0], slots[0], size)
        else:
            which = _sort(keys, slots, counts, size, bits)
        for k in range(size):
            copy[k, 0] = records[first + k, 1]
            copy[k, 1] = records[first + k, 2]
        cell = -1
        for k in range(size):
            records[first + k, 0] = keys[which, k]
            records[first + k, 1] = copy[slots[which, k], 0]
            records[first + k, 2] = copy[slots[which, k], 1]
            found[bucket] += keys[which, k] >> 3 != cell
            cell = keys[which, k] >> 3


@inlined_to_the_bit
def _insert(keys, slots, size):
    for k in range(1, size):
        key, slot = keys[k], slots[k]
        at = k
        while at > 0 and keys[at - 1] > key:
            keys[at] = keys[at - 1]
            slots[at] = slots[at - 1]
            at -= 1
        keys[at] = key
        slots[at] = slot


@inlined_to_the_bit
def _sort(keys, slots, counts, size, bits):
    """Sort by radix, from the lowest digit on; gives which of the two rows has the result."""
    which = 0
    for shift in range(0, bits, _DIGIT):
        counts[:] = 0
        for k in range(size):
            counts[(keys[which, k] >> shift) & ((1 << _DIGIT) - 1)] += 1
        if counts[(keys[which, 0] >> shift) & ((1 << _DIGIT) - 1)] == size:
            continue
        total = 0
        for digit in range(1 << _DIGIT):
            total += counts[digit]
            counts[digit] = total - counts[digit]
        other = 1 - which
        for k in range(size):
            digit = (keys[which, k] >> shift) & ((1 << _DIGIT) - 1)
            at = counts[digit]
            counts[digit] += 1
            keys[other, at] = keys[which, k]
            slots[other, at] = slots[which, k]
        which = other
    return which


@compiled_to_the_bit
def _list_cells(records, bounds, begin, end, first, numbers, starts, parent):
    """Write down the cells of some buckets, and where the parts of cells end."""
    if begin == end:
        return
    at = first[begin]
    cell = -1
    head = bounds[begin]
    stop = bounds[end]
    key = -1
    for i in range(bounds[begin], stop):
        if records[i, 0] == key:
            parent[i] = head
            continue
        if i > head:
            records[head, 0] = 8 * i + (key & 7)
        head = i
        key = records[i, 0]
        parent[i] = i
        if key >> 3 != cell:
            cell = key >> 3
            numbers[at] = cell
            starts[at] = i
            at += 1
    if stop > head:
        records[head, 0] = 8 * stop + (key & 7)
