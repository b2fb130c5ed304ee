"""Planes that are constant over long stretches, such as areas, kept as run lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hven.kernels.compiled import compiled

#: A plane is kept as run lengths where these take at most this part of its bytes.
_WORTH = 0.25


@dataclass(frozen=True, eq=False)
class RunLengths:
    """A plane (ny, nx) as runs of equal values, its rows one after the other; cut like an array."""

    shape: tuple[int, int]
    #: (m,) where each run ends: the flat index behind its last pixel, int64, ascending.
    ends: NDArray[np.int64]
    #: (m,) the value of each run; float32 or float64.
    values: NDArray[Any]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the pixels."""
        return self.values.dtype

    def __getitem__(self, index: slice | tuple[slice, slice]) -> NDArray[Any]:
        """A new array of the rows, or rows and columns; columns one after the other."""
        rows, columns = index if isinstance(index, tuple) else (index, slice(None))
        first, last, step = rows.indices(self.shape[0])
        left, right, _ = columns.indices(self.shape[1])
        cut = np.empty((len(range(first, last, step)), max(right - left, 0)), self.dtype)
        _fill(cut, self.ends, self.values, self.shape[1], first, step, left)
        return cut

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The whole plane."""
        return self[:] if dtype is None else self[:].astype(dtype, copy=False)


#: A plane as it is, or as run lengths: both have shape and dtype and are cut by slices.
Plane: TypeAlias = NDArray[Any] | RunLengths


def run_lengths(plane: NDArray[Any]) -> Plane:
    """The plane as run lengths, every bit of it; the plane itself where they save little.

    Parameters
    ----------
    plane
        (ny, nx) float32 or float64.
    """
    flat = np.ascontiguousarray(plane).reshape(-1)
    # Compared by their bits: NaN is equal to itself, and 0 is not -0.
    bits = flat.view(f"i{flat.itemsize}")
    last = np.flatnonzero(bits[1:] != bits[:-1])
    if not flat.size or (last.size + 1) * (8 + flat.itemsize) > _WORTH * flat.nbytes:
        return plane
    last = np.append(last, flat.size - 1)
    return RunLengths((plane.shape[0], plane.shape[1]), last + 1, flat[last])


@compiled
def _fill(
    cut: NDArray[Any],
    ends: NDArray[np.int64],
    values: NDArray[Any],
    nx: int,
    row: int,
    step: int,
    column: int,
) -> None:
    """Fill every step-th row from `row`, from `column` on."""
    columns = cut.shape[1]
    for y in range(cut.shape[0]):
        start = (row + y * step) * nx + column
        run = np.searchsorted(ends, start, side="right")
        x = 0
        while x < columns:
            end = min(ends[run] - start, columns)
            cut[y, x:end] = values[run]
            x = end
            run += 1
