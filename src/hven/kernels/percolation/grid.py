"""Friends of friends on a lattice of cells: O(N), and the more threads the faster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.kernels.percolation.cells import Cells, sort_into_cells
from hven.kernels.percolation.crowds import make_scratch
from hven.kernels.percolation.lattice import Lattice
from hven.kernels.percolation.linking import link_neighbours, link_within
from hven.kernels.percolation.marks import mark_numbers
from hven.kernels.percolation.threads import shares
from hven.kernels.percolation.union_find import name_sets, number_names


def grid_labels(
    positions: NDArray[Any],
    linking_length: float,
    box: NDArray[np.float64],
    lattice: Lattice,
    threads: int,
) -> NDArray[np.int32]:
    """Group numbers (n,) of positions (n, 2) or (n, 3), in the order of the lowest particle.

    Parameters
    ----------
    positions
        Less than 2^31, float32 or float64, within the lattice.
    linking_length, box
        As for `tree_labels`.
    lattice
        For these positions.
    threads
        Each takes its share of the cells; where the shares meet one thread works.

    Notes
    -----
    Takes up to 49 bytes a particle.
    """
    limit = linking_length * linking_length
    with ThreadPoolExecutor(threads) as pool:
        cells = sort_into_cells(positions, lattice, pool, threads)
        _link(cells, positions, box, limit, lattice, pool, threads)
        order, labels = cells.particles[:, 5], np.empty(len(positions), np.int32)
        each = pairwise(shares(len(positions), threads))
        list(pool.map(lambda share: name_sets(cells.parent, order, *share, labels), each))
    number_names(cells.parent, labels)
    return labels


def _link(
    cells: Cells,
    points: NDArray[Any],
    box: NDArray[np.float64],
    limit: float,
    lattice: Lattice,
    pool: ThreadPoolExecutor,
    threads: int,
) -> None:
    """Link within each share of the cells, then what lies in two of them."""
    arrays = tuple(cells)
    shape = lattice.counts, lattice.width, lattice.around
    # Of the same type, since all starts would be converted otherwise.
    even = np.array(shares(len(points), threads), np.int32)
    ranges = list(pairwise(np.searchsorted(cells.starts, even).tolist()))

    def work(share: tuple[int, int]) -> None:
        space = points, box, limit, *make_scratch()
        link_within(arrays, space, *share)
        marks = np.zeros(max(share[1] - share[0], 1), np.uint64)
        mark_numbers(cells.numbers, *share, marks)
        link_neighbours(arrays, space, shape, *share, share, True, marks)

    list(pool.map(work, ranges))
    if threads > 1:
        space = points, box, limit, *make_scratch()
        everywhere = np.full(1, np.iinfo(np.uint64).max, np.uint64)
        for share in ranges:
            for part in _with_neighbours_outside(cells.numbers, lattice, share):
                link_neighbours(arrays, space, shape, *part, share, False, everywhere)


def _with_neighbours_outside(
    numbers: NDArray[np.int64], lattice: Lattice, share: tuple[int, int]
) -> list[tuple[int, int]]:
    """Ranges of those cells of a share that may be followed by cells outside it."""
    begin, end = share
    if begin == end:
        return []
    slab = (lattice.counts[1] + 2) * (lattice.counts[2] + 2)
    # The first slab is followed by itself, around the second axis; one of the last two, by what
    # comes after the share or, around the first axis, by the first of all.
    first = int(numbers[begin]) // slab
    last = int(numbers[end]) // slab if end < len(numbers) else lattice.counts[0] + 1
    head, tail = np.searchsorted(numbers, [(first + 1) * slab, (last - 1) * slab]).tolist()
    return [(begin, end)] if head >= tail else [(begin, min(head, end)), (max(tail, begin), end)]
