"""Friends of friends on an NVIDIA GPU, with the cells and the distance of the other methods.

Imported only when it is asked for. One thread takes one particle or one cell; sets are united by
compare-and-swap, so that the order of the threads does not matter to the groups.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, attr-defined"

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from hven.errors import Fault, ParameterError
from hven.kernels.percolation import distance
from hven.kernels.percolation.cells import sort_into_cells
from hven.kernels.percolation.lattice import Lattice
from hven.kernels.percolation.union_find import number

_BLOCK = 128
_SURELY_NEAR, _SURELY_FAR = np.float32(1 - 4e-6), np.float32(1 + 4e-6)

# No product is fused with a sum in these: sums are of minima and maxima.
_sum_of_squares = cuda.jit(device=True)(distance.sum_of_squares.py_func)
_difference = cuda.jit(device=True)(distance.difference.py_func)


def require_gpu(method: str) -> None:
    """Refuse where there is no GPU."""
    if not cuda.is_available():
        text = f"{method} must have an NVIDIA GPU with its driver, found none; grid needs none"
        raise ParameterError([Fault("method", text)])


def gpu_brute_labels(
    positions: NDArray[Any], linking_length: float, box: NDArray[np.float64]
) -> NDArray[np.int32]:
    """Group numbers (n,) by comparing every pair; parameters are those of `tree_labels`."""
    require_gpu("gpu-brute")
    n = len(positions)
    order, labels = np.arange(n, dtype=np.int32), np.empty(n, np.int32)
    if n:
        parent = cuda.to_device(order)
        blocks = -(-n // _BLOCK)
        limit = linking_length * linking_length
        _link_particles[blocks, _BLOCK](
            cuda.to_device(positions), parent, cuda.to_device(box), limit
        )
        number(parent.copy_to_host(), order, labels)
    return labels


def gpu_grid_labels(
    positions: NDArray[Any],
    linking_length: float,
    box: NDArray[np.float64],
    lattice: Lattice,
    threads: int,
) -> NDArray[np.int32]:
    """Group numbers (n,) by cells, sorted on the processor; parameters as of `grid_labels`."""
    require_gpu("gpu-grid")
    with ThreadPoolExecutor(threads) as pool:
        cells = sort_into_cells(positions, lattice, pool, threads)
    parent = cuda.to_device(cells.parent)
    blocks = -(-len(cells.numbers) // _BLOCK)
    _link_cells[blocks, _BLOCK](
        cuda.to_device(cells.records),
        cuda.to_device(cells.places),
        cuda.to_device(cells.particles),
        cuda.to_device(cells.numbers),
        cuda.to_device(cells.starts),
        parent,
        cuda.to_device(positions),
        cuda.to_device(box),
        linking_length * linking_length,
        cuda.to_device(np.array(lattice.counts)),
        cuda.to_device(np.array(lattice.width, np.float32)),
        cuda.to_device(np.array(lattice.around)),
    )
    labels = np.empty(len(positions), np.int32)
    number(parent.copy_to_host(), cells.particles[:, 5], labels)
    return labels


@cuda.jit(device=True)
def _find(parent, slot):
    while parent[slot] != slot:
        slot = parent[slot]
    return slot


@cuda.jit(device=True)
def _unite(parent, i, j):
    """Make the sets of two slots one, whatever other threads do meanwhile."""
    i = _find(parent, i)
    j = _find(parent, j)
    while i != j:
        low, high = min(i, j), max(i, j)
        # Only a root may get a lower parent. If another thread was first, what it wrote counts and
        # not what this thread may have read before.
        written = cuda.atomic.cas(parent, high, high, low)
        if written == high:
            return
        i = _find(parent, low)
        j = _find(parent, written)


@cuda.jit(device=True)
def _square(points, i, j, box):
    x = _difference(np.float64(points[i, 0]), np.float64(points[j, 0]), box[0])
    y = _difference(np.float64(points[i, 1]), np.float64(points[j, 1]), box[1])
    z = 0.0
    if points.shape[1] == 3:
        z = _difference(np.float64(points[i, 2]), np.float64(points[j, 2]), box[2])
    return _sum_of_squares(x, y, z)


@cuda.jit
def _link_particles(points, parent, box, limit):
    """Link one particle to all that follow it."""
    i = cuda.grid(1)
    if i < parent.size:
        for j in range(i + 1, parent.size):
            if _square(points, i, j, box) <= limit:
                _unite(parent, i, j)


@cuda.jit(device=True)
def _first_from(numbers, wanted):
    low, high = 0, numbers.size
    while low < high:
        middle = (low + high) // 2
        if numbers[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@cuda.jit(device=True)
def _next(place, step, count, around):
    """The cell after so many along an axis, 0 or count + 1 beyond an open end."""
    place += step
    if around and place == 0:
        return count
    if around and place == count + 1:
        return 1
    return place


@cuda.jit
def _link_cells(
    records, places, particles, numbers, starts, parent, points, box, limit, counts, width, around
):
    """Link the parts of one cell with each other and with those of the cells that follow."""
    a = cuda.grid(1)
    if a >= numbers.size:
        return
    row = numbers[a] // (counts[2] + 2)
    third = numbers[a] - row * (counts[2] + 2)
    first = row // (counts[1] + 2)
    second = row - first * (counts[1] + 2)
    # The cell itself and half of its 26 neighbours: those ahead along the first axis that differs.
    for code in range(13, 27):
        x, y, z = code // 9 - 1, code // 3 % 3 - 1, code % 3 - 1
        wanted = _next(first, x, counts[0], around[0]) * (counts[1] + 2)
        wanted = (wanted + _next(second, y, counts[1], around[1])) * (counts[2] + 2)
        wanted += _next(third, z, counts[2], around[2])
        b = a if code == 13 else _first_from(numbers, wanted)
        if b == numbers.size or numbers[b] != wanted:
            continue
        i = starts[a]
        while i < starts[a + 1]:
            i_end = records[i, 0] >> 3
            j = i_end if b == a else starts[b]
            while j < starts[b + 1]:
                j_end = records[j, 0] >> 3
                if _find(parent, i) != _find(parent, j) and _any_near(
                    places, particles, i, i_end, j, j_end,
                    x * width[0], y * width[1], z * width[2], points, box, limit,
                ):  # fmt: skip
                    _unite(parent, i, j)
                j = j_end
            i = i_end


@cuda.jit(device=True)
def _any_near(places, particles, a, a_end, b, b_end, x_off, y_off, z_off, points, box, limit):
    for i in range(a, a_end):
        for j in range(b, b_end):
            x = places[j, 2] - (places[i, 2] - x_off)
            y = places[j, 3] - (places[i, 3] - y_off)
            z = places[j, 4] - (places[i, 4] - z_off)
            square = x * x + y * y + z * z
            if square < _SURELY_NEAR:
                return True
            if (
                square <= _SURELY_FAR
                and _square(points, particles[i, 5], particles[j, 5], box) <= limit
            ):
                return True
    return False
