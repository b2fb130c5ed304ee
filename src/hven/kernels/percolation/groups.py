"""Friends of friends: which particles hang together when near ones are linked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hven.errors import Fault, ParameterError
from hven.kernels.compiled import compiled_to_the_bit, read_only
from hven.kernels.percolation.brute import brute_labels
from hven.kernels.percolation.grid import grid_labels
from hven.kernels.percolation.lattice import lay_out
from hven.kernels.percolation.threads import shares, worth
from hven.kernels.percolation.tree import tree_labels

#: How groups are found; all give the same ones.
Method = Literal["grid", "tree", "brute", "gpu-grid", "gpu-brute"]

#: Squares of lengths outside these are no ordinary float64 numbers.
_SHORTEST, _LONGEST = 1e-140, 1e140


def friends_of_friends(
    positions: ArrayLike,
    linking_length: float,
    *,
    box: Sequence[float] | None = None,
    method: Method = "grid",
    threads: int = 1,
) -> NDArray[Any]:
    """Group numbers (n,) of particles, where those at most a linking length apart are linked.

    Groups are numbered from 0 in the order of the lowest particle in them; a particle without
    friends is a group of its own. The result does not depend on method or threads.

    Parameters
    ----------
    positions
        (n, 2) or (n, 3) float32 or float64, finite; anything else is made float64.
    linking_length
        Above 0, in the units of the positions.
    box
        Side lengths of a periodic box that begins at 0, one an axis, 0 or infinite where the box
        is open; none if all axes are open. Positions lie within 0 and the side length.
    method
        grid: particles sorted into cells, O(N); tree: a k-d tree, O(N log N), which the grid
        turns to where cells do not fit, with a box of less than 7 linking lengths or an extent of
        2^24; brute: every pair, O(N^2). gpu-grid and gpu-brute want an NVIDIA GPU.
    threads
        How many threads work; the tree has one.

    Returns
    -------
    int32, or int64 from 2^31 particles on.

    Raises
    ------
    ParameterError
        If an argument is out of bounds; all faults at once.

    Notes
    -----
    Linked means: the squares of the differences of the given coordinates (float64; on a periodic
    axis of length L the difference d, or L - d where that is less), added from the smallest to the
    largest, are at most the square of the linking length, every operation rounded to float64. So
    a pair exactly at the linking length is linked where float64 says so, in every method.
    """
    points = as_points(positions)
    sides = as_box(box, points.shape[1])
    reach = extents(points, threads)
    check(reach, sides, linking_length=linking_length, method=method, threads=threads)
    return _find_groups(points, reach, linking_length, sides, method, threads)


def _find_groups(
    points: NDArray[Any],
    reach: Sequence[tuple[float, float]],
    linking_length: float,
    sides: NDArray[np.float64],
    method: Method,
    threads: int,
) -> NDArray[Any]:
    narrow = len(points) < 2**31
    index = np.int32 if narrow else np.int64
    if method == "brute":
        return brute_labels(points, linking_length, sides, index, threads)
    if method == "gpu-brute":
        from hven.kernels.percolation.gpu import gpu_brute_labels

        return gpu_brute_labels(points, linking_length, sides)
    if method == "gpu-grid":
        from hven.kernels.percolation.gpu import gpu_grid_labels, require_gpu

        require_gpu(method)
    lattice = None
    if method != "tree" and narrow and len(points):
        lattice = lay_out(reach, sides, linking_length)
    if lattice is None:
        return tree_labels(points, linking_length, sides, index)
    if method == "gpu-grid":
        return gpu_grid_labels(points, linking_length, sides, lattice, threads)
    return grid_labels(points, linking_length, sides, lattice, worth(threads, len(points)))


def as_points(positions: ArrayLike) -> NDArray[Any]:
    """Positions as the kernels take them: (n, 2) or (n, 3), C order, native floats, read only."""
    array = np.asarray(positions)
    kind = np.float32 if array.dtype.kind == "f" and array.dtype.itemsize == 4 else np.float64
    if array.ndim != 2 or array.shape[1] not in (2, 3):
        raise ParameterError([Fault("positions", f"must be (n, 2) or (n, 3), got {array.shape}")])
    return read_only(np.ascontiguousarray(array, dtype=kind))


def as_box(box: Sequence[float] | None, dimensions: int) -> NDArray[np.float64]:
    """Lengths of three axes, infinite where open; a third axis that there is not is open."""
    given = np.zeros(dimensions) if box is None else np.asarray(box, np.float64)
    if given.shape != (dimensions,) or not (given >= 0).all():
        text = f"must be {dimensions} side lengths, 0 for an open axis, got {box}"
        raise ParameterError([Fault("box", text)])
    sides = np.full(3, np.inf)
    sides[:dimensions] = np.where(given > 0, given, np.inf)
    return sides


def check(
    reach: Sequence[tuple[float, float]],
    sides: NDArray[np.float64],
    *,
    linking_length: float,
    method: str,
    threads: int,
) -> None:
    """Refuse what the kernels cannot take, all of it at once."""
    faults = []
    if not _SHORTEST <= linking_length <= _LONGEST:
        text = f"must be above 0, from {_SHORTEST} to {_LONGEST}, got {linking_length}"
        faults.append(Fault("linking_length", text))
    if method not in get_args(Method):
        text = f"must be one of {', '.join(get_args(Method))}, got {method}"
        faults.append(Fault("method", text))
    if threads < 1:
        faults.append(Fault("threads", f"must be at least 1, got {threads}"))
    for axis, (low, high) in enumerate(reach):
        if not (math.isfinite(low) and math.isfinite(high)):
            faults.append(Fault("positions", f"must be finite, axis {axis} is not"))
        elif math.isfinite(sides[axis]) and not 0 <= low <= high <= sides[axis]:
            text = f"must lie within 0 and {sides[axis]} on axis {axis}, reach {low} to {high}"
            faults.append(Fault("positions", text))
    if faults:
        raise ParameterError(faults)


def extents(points: NDArray[Any], threads: int = 1) -> list[tuple[float, float]]:
    """The least and the greatest coordinate along each axis, NaN if one of them is not finite."""
    n = len(points)
    if not n:
        return []
    threads = worth(threads, n)
    found = np.empty((threads, points.shape[1], 2))
    with ThreadPoolExecutor(threads) as pool:
        each = zip(pairwise(shares(n, threads)), found, strict=True)
        list(pool.map(lambda one: _measure(points, *one[0], one[1]), each))
    # Minimum and maximum of NaN are NaN.
    low, high = found[:, :, 0].min(axis=0), found[:, :, 1].max(axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


@compiled_to_the_bit
def _measure(points, first, last, found):  # type: ignore[no-untyped-def]
    for axis in range(points.shape[1]):
        found[axis, :] = points[first, axis]
    nothing = 0.0
    for i in range(first, last):
        for axis in range(points.shape[1]):
            at = points[i, axis]
            found[axis, 0] = min(found[axis, 0], at)
            found[axis, 1] = max(found[axis, 1], at)
            # What is not finite leaves NaN.
            nothing += at - at
    if nothing != 0.0:
        for axis in range(points.shape[1]):
            for i in range(first, last):
                found[axis, :] += points[i, axis] - points[i, axis]
