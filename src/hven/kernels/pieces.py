"""Projected images as pieces of a mosaic, and what of them lies in a window of its grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hven.errors import Fault, ParameterError
from hven.kernels.run_lengths import Plane

Floats = NDArray[np.float64]

#: A projected image: image (ny, nx), NaN where it has nothing; area (ny, nx), 0 there; and the
#: column and row of element [0, 0] in the output grid.
Piece: TypeAlias = tuple[NDArray[Any], Plane, int, int]

#: Pixels x_min, y_min, x_max, y_max of the output grid, half-open.
Window: TypeAlias = tuple[int, int, int, int]


class Part(NamedTuple):
    """The rows of one piece that a window needs, and where they go."""

    #: (rows, columns) whole rows of the piece.
    image: NDArray[Any]
    area: NDArray[Any]
    #: First and last but one column of the piece that lies in the window.
    begin: int
    end: int
    #: Column and row of the window on which the piece's first column and these rows' first fall.
    x: int
    y: int
    #: Which row of the piece is the first of these.
    row: int
    #: Added to the value: slopes along x and y, and the level at the piece's element [0, 0], so
    #: that the same is added whatever the window.
    plane: tuple[float, float, float]
    #: The least area of a pixel that is covered well enough for a median.
    least_area: float


def typical_area(area: Plane) -> float:
    """The area of a fully covered pixel: the median of the positive areas on up to 64 rows.

    Parameters
    ----------
    area
        (ny, nx), 0 where there is nothing; 0 is returned where it is so everywhere.
    """
    rows = np.asarray(area[:: max(1, -(-area.shape[0] // 64))])
    covered = rows[rows > 0]
    return float(np.median(covered)) if covered.size else 0.0


def parts(
    pieces: Sequence[Piece],
    window: Window,
    planes: Floats | None = None,
    centers: Floats | None = None,
    min_area: float = 0.0,
    full_areas: Sequence[float] | None = None,
) -> Iterator[Part]:
    """The pieces that reach the window, in order, their rows read one piece at a time."""
    if (planes is None) != (centers is None):
        raise ParameterError([Fault("centers", "must be given with planes, and not without")])
    x_min, y_min, x_max, y_max = window
    for i, (image, area, x0, y0) in enumerate(pieces):
        ny, nx = image.shape
        begin, end = max(x_min - x0, 0), min(x_max - x0, nx)
        rows = slice(max(y_min - y0, 0), min(y_max - y0, ny))
        if begin >= end or rows.start >= rows.stop:
            continue
        plane = (0.0, 0.0, 0.0)
        if planes is not None and centers is not None:
            a, b, c = planes[i].tolist()
            x_center, y_center = centers[i].tolist()
            plane = (a, b, c + a * (x0 - x_center) + b * (y0 - y_center))
        least = 0.0
        if min_area > 0:
            least = min_area * (typical_area(area) if full_areas is None else full_areas[i])
        x, y = x0 - x_min, y0 + rows.start - y_min
        yield Part(
            _rows(image, rows), _rows(area, rows), begin, end, x, y, rows.start, plane, least
        )


def _rows(plane: Plane, rows: slice) -> NDArray[Any]:
    """Rows of a plane in the machine's byte order; no copy if they lie so already."""
    kind = np.float32 if plane.dtype == np.dtype(">f4") or plane.dtype == np.float32 else np.float64
    return np.ascontiguousarray(plane[rows], dtype=kind)


def depth(pieces: Sequence[Piece], window: Window) -> int:
    """How many of the pieces' arrays lie on one another at most, within the window."""
    x_min, y_min, x_max, y_max = window
    limits = [
        (
            max(x0, x_min),
            min(x0 + image.shape[1], x_max),
            max(y0, y_min),
            min(y0 + image.shape[0], y_max),
        )
        for image, _, x0, y0 in pieces
    ]
    boxes = np.array([b for b in limits if b[0] < b[1] and b[2] < b[3]]).reshape(-1, 4)
    # The greatest depth is found at a left edge of one box and a lower edge of one box.
    x, y = np.unique(boxes[:, 0])[:, None], np.unique(boxes[:, 2])[:, None]
    in_x = (boxes[:, 0] <= x) & (x < boxes[:, 1])
    in_y = (boxes[:, 2] <= y) & (y < boxes[:, 3])
    return int((in_y.astype(np.int64) @ in_x.T).max(initial=0))
