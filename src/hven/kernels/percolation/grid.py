"""Friends of friends on a lattice of cells: O(N), and the more threads the faster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.kernels.percolation.cells import Cells, sort_into_cells
from hven.kernels.percolation.lattice import Lattice
from hven.kernels.percolation.linking import link_cells
from hven.kernels.percolation.union_find import number


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
    Takes up to 44 bytes a particle.
    """
    limit = linking_length * linking_length
    with ThreadPoolExecutor(threads) as pool:
        cells = sort_into_cells(positions, lattice, pool, threads)
        _link(cells, positions, box, limit, lattice, pool, threads)
    labels = np.empty(len(positions), np.int32)
    number(cells.parent, cells.particles[:, 5], labels)
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
    n = len(points)
    cuts = np.searchsorted(cells.starts, [n * t // threads for t in range(threads + 1)])
    own = [(int(cuts[t]), int(cuts[t + 1])) for t in range(threads)]
    shape = lattice.counts, lattice.width, lattice.around

    def within(t: int) -> None:
        link_cells(tuple(cells), points, box, limit, *shape, *own[t], own[t], True)

    list(pool.map(within, range(threads)))
    slab = int((lattice.counts[1] + 2) * (lattice.counts[2] + 2))
    for begin, end in own:
        if threads == 1 or begin == end:
            continue
        # Only cells of the first slab and of the last two have neighbours outside.
        first = int(cells.numbers[begin]) // slab
        last = int(cells.numbers[end]) // slab if end < len(cells.numbers) else lattice.counts[0] + 1
        head, tail = np.searchsorted(cells.numbers, [(first + 1) * slab, (last - 1) * slab])
        head, tail = min(int(head), end), max(int(tail), begin)
        ranges = [(begin, end)] if head >= tail else [(begin, head), (tail, end)]
        for part in ranges:
            link_cells(tuple(cells), points, box, limit, *shape, *part, (begin, end), False)
