"""Where the pixels of one image lie on the grid of another, from few exact positions.

The image is divided into square cells. In a cell the map is bilinear in its four corners, or
where that is not accurate enough the tensor quartic through 5 x 5 exact positions; both are
compared with exact positions between their nodes, and a cell that fails is quartered. In the
smallest cells the 5 x 5 positions are the pixel vertices themselves. Pixels in which the map
tears or ends are cut into fragments (`straddling`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.errors import Fault, ParameterError
from hven.kernels.straddling import (
    HALVES,
    NO_FRAGMENTS,
    Fragments,
    cut_pixels,
    departure,
    interpolate,
    is_one_sided,
    shortest_step,
)

Floats = NDArray[np.float64]
#: Pixel x, y of the image to pixel x, y of the output; NaN where there is no image of the point.
PixelTransform = Callable[[Any, Any], tuple[Any, Any]]

#: The size in pixels of the smallest cell: its 5 x 5 nodes are its pixel vertices.
SMALLEST_CELL = 4
#: The largest that may be asked for.
LARGEST_CELL = 512
#: A smooth cell's nodes depart from the parabola through every second one by less than this
#: part of its size; a tear or an end of the map departs by more.
SMOOTH = 0.02
#: Size in pixels of the cells that an image gets first. If the map is one smooth surface in all of
#: them, a few positions in each are enough.
_WIDE = 128
#: The smallest part of an image's shorter side that the map of a connected region may take.
ISLAND = 1 / 8


class PixelMap(NamedTuple):
    """The map of an image's pixels to the output grid, in patches.

    Pixel coordinates are 0-based with pixel centres at integers, x first. No patch reaches over
    a discontinuity of the map; neighbours of one size share the positions on their edge.
    """

    #: Shape (ny, nx) of the image.
    shape: tuple[int, int]
    #: Bilinear cells (n, 3) int32: first column, first row, size in pixels. A cell may reach
    #: beyond the image.
    flat: NDArray[np.int32]
    #: Output x, y at the corners of the bilinear cells (n, 2, 2, 2): [row, column, x or y].
    corners: Floats
    #: Curved cells (m, 3) int32, as `flat`.
    curved: NDArray[np.int32]
    #: Output x, y at the 5 x 5 equidistant nodes of the curved cells (m, 5, 5, 2).
    nodes: Floats
    #: The parts of pixels in which the map is discontinuous, ends, or bends within the pixel.
    fragments: Fragments

    def extent(self) -> tuple[float, float, float, float]:
        """Smallest and largest output pixel coordinates: x_min, y_min, x_max, y_max."""
        boxes = [
            *_boxes(_in_image(self.flat, self.corners, self.shape), 0.0),
            # A curve through nodes may swing beyond them by a sixteenth of what they span.
            *_boxes(_in_image(self.curved, self.nodes, self.shape), 1 / 16),
            *self.fragments.boxes(),
        ]
        if not boxes:
            return (np.inf, np.inf, -np.inf, -np.inf)
        low = np.min([box[:2] for box in boxes], axis=0)
        high = np.max([box[2:] for box in boxes], axis=0)
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def build_pixel_map(
    transform: PixelTransform,
    shape: tuple[int, int],
    *,
    accuracy: float = 1e-5,
    spacing: int = 32,
    window: tuple[int, int, int, int] | None = None,
) -> PixelMap:
    """The pixel map of an image, from exact positions as few as the accuracy allows.

    Parameters
    ----------
    transform
        Gives output pixel x, y at image pixel x, y (float64 arrays of one shape); NaN where the
        point has no image. It is called with points up to 128 pixels beyond the image, or up to
        `spacing` where that is more.
    shape
        (ny, nx) of the image.
    accuracy
        The largest error of a pixel vertex in output pixels, checked between the nodes.
    spacing
        Size of the largest cells in pixels, a power of two from 4 to 512.
    window
        (x_min, y_min, x_max, y_max), half open, of the output: cells that cannot reach it are
        left out early. All of the output when None.

    Notes
    -----
    Cost: some 30 positions for 128 x 128 pixels where the map is smooth throughout; elsewhere 4
    positions a cell where it is bilinear, else 33; one a pixel where it varies within a few
    pixels; some hundred a pixel where it is discontinuous.

    A discontinuity that enters and leaves a cell between two neighbouring exact positions
    (32 pixels in an image that is smooth at all of them, else 16 at the default spacing) is not
    seen, nor is a region without a connection to any other that is smaller than an eighth of the
    image's shorter side.
    """
    _check(shape, accuracy, spacing)
    smooth = _smooth_map(transform, shape, accuracy, spacing, window)
    if smooth is not None:
        return smooth
    size = spacing
    origin, samples = _first_cells(transform, shape, size)
    flat: list[tuple[NDArray[np.int32], Floats]] = []
    curved: list[tuple[NDArray[np.int32], Floats]] = []
    torn, steps = np.empty((0, 2), np.int64), np.empty(0)
    while len(origin):
        keep = _inside(origin, shape) & _reaches(samples, window)
        origin, samples = origin[keep], samples[keep]
        done = _is_bilinear(samples, accuracy)
        flat.append((_cells(origin[done], size), samples[done][:, ::2, ::2]))
        origin = origin[~done]
        samples = _with_quarters(transform, origin, size, samples[~done])
        known = np.isfinite(samples).all(axis=(1, 2, 3))
        done = known & _is_smooth(samples)
        if size > SMALLEST_CELL:
            done[done] = _is_quartic(transform, origin[done], size, samples[done], accuracy)
        curved.append((_cells(origin[done], size), samples[done]))
        origin, samples = origin[~done], samples[~done]
        if size <= max(SMALLEST_CELL, min(shape) * ISLAND / 2):
            keep = _may_hold_some(origin, size, samples)
            origin, samples = origin[keep], samples[keep]
        if size == SMALLEST_CELL:
            torn, steps = origin, shortest_step(samples)
            break
        origin, samples = _quarter(origin, size, samples)
        size //= 2
    return PixelMap(
        (int(shape[0]), int(shape[1])),
        *_joined(flat, 2),
        *_joined(curved, 5),
        cut_pixels(transform, *_pixels_of(torn, shape, steps), window),
    )


def _check(shape: tuple[int, int], accuracy: float, spacing: int) -> None:
    faults = []
    if min(shape) < 1:
        faults.append(Fault("shape", f"must be at least one pixel each way, got {shape}"))
    if not accuracy > 0:
        faults.append(Fault("accuracy", f"must be above 0 pixel, got {accuracy}"))
    if not SMALLEST_CELL <= spacing <= LARGEST_CELL or spacing & (spacing - 1):
        limits = f"{SMALLEST_CELL} to {LARGEST_CELL}"
        faults.append(Fault("spacing", f"must be a power of two, {limits} pixels, got {spacing}"))
    if faults:
        raise ParameterError(faults)


def _smooth_map(
    transform: PixelTransform,
    shape: tuple[int, int],
    accuracy: float,
    spacing: int,
    window: tuple[int, int, int, int] | None,
) -> PixelMap | None:
    """The map if it is a smooth surface in all of the image; None if it is not, or may not be."""
    if spacing >= _WIDE or min(shape) < _WIDE // 2:
        return None
    origin, samples = _first_cells(transform, shape, _WIDE)
    if not np.isfinite(samples).all():
        return None
    samples = _with_quarters(transform, origin, _WIDE, samples)
    if not np.isfinite(samples).all() or not _is_smooth(samples).all():
        return None
    if not _is_quartic(transform, origin, _WIDE, samples, accuracy).all():
        return None
    # Cells of the usual size, whose pixels stay in the cache: the same surfaces in parts.
    parts = _WIDE // spacing
    nodes = interpolate(_interpolation(np.linspace(0, 1, 4 * parts + 1), 5), samples)
    steps = [(i, j) for j in range(parts) for i in range(parts)]
    origins = np.concatenate([origin + np.array(step) * spacing for step in steps])
    pieces = np.concatenate(
        [nodes[:, 4 * j : 4 * j + 5, 4 * i : 4 * i + 5] for i, j in steps], axis=0
    )
    keep = _inside(origins, shape) & _reaches(pieces, window)
    origins, pieces = origins[keep], pieces[keep]
    flat = _is_bilinear(pieces[:, ::2, ::2], accuracy)
    return PixelMap(
        (int(shape[0]), int(shape[1])),
        *_joined([(_cells(origins[flat], spacing), pieces[flat][:, ::4, ::4])], 2),
        *_joined([(_cells(origins[~flat], spacing), pieces[~flat])], 5),
        NO_FRAGMENTS,
    )


def _first_cells(
    transform: PixelTransform, shape: tuple[int, int], size: int
) -> tuple[NDArray[np.int64], Floats]:
    """Origins (n, 2) as x, y and samples (n, 3, 3, 2) of the largest cells."""
    rows, columns = -(-shape[0] // size), -(-shape[1] // size)
    y = np.arange(2 * rows + 1) * (size / 2) - 0.5
    x = np.arange(2 * columns + 1) * (size / 2) - 0.5
    lattice = _positions(transform, *np.broadcast_arrays(x, y[:, None]))
    samples = np.empty((rows, columns, 3, 3, 2))
    for j in range(3):
        for i in range(3):
            samples[:, :, j, i] = lattice[j : j + 2 * rows : 2, i : i + 2 * columns : 2]
    first_y, first_x = np.mgrid[0 : rows * size : size, 0 : columns * size : size]
    return np.stack([first_x.ravel(), first_y.ravel()], axis=1), samples.reshape(-1, 3, 3, 2)


def _positions(transform: PixelTransform, x: Floats, y: Floats) -> Floats:
    """Exact positions (..., 2); NaN in both where either is not finite."""
    if not x.size:
        return np.empty((*x.shape, 2))
    flat = transform(np.ascontiguousarray(x).ravel(), np.ascontiguousarray(y).ravel())
    found = np.stack([np.reshape(part, x.shape) for part in flat], axis=-1).astype(np.float64)
    found[~np.isfinite(found).all(axis=-1)] = np.nan
    return found


def _inside(origin: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray((origin[:, 0] < shape[1]) & (origin[:, 1] < shape[0]))


def _reaches(samples: Floats, window: tuple[int, int, int, int] | None) -> NDArray[np.bool_]:
    """Whether a cell may reach the window: its box, widened by half its size each way, does."""
    if window is None or not len(samples):
        return np.ones(len(samples), bool)
    flat = samples.reshape(len(samples), -1, 2)
    low, high = flat.min(axis=1), flat.max(axis=1)
    margin = (high - low) / 2 + 1.0
    outside = (high + margin < np.array(window[:2]) - 0.5).any(axis=1)
    outside |= (low - margin > np.array(window[2:]) - 0.5).any(axis=1)
    # NaN compares false: a cell that is only partly known is kept.
    return np.asarray(~outside)


def _may_hold_some(origin: NDArray[np.int64], size: int, samples: Floats) -> NDArray[np.bool_]:
    """Whether a cell has places, or touches one that has, from which a tip may reach into it."""
    some = np.isfinite(samples).any(axis=(1, 2, 3))
    width = origin[:, 0].max(initial=0) // size + 3
    key = origin[:, 1] // size * width + origin[:, 0] // size
    beside = [dy * width + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return np.asarray(np.isin(key, (key[some, None] + beside).ravel()))


def _is_bilinear(samples: Floats, accuracy: float) -> NDArray[np.bool_]:
    """Whether the corners alone give all other positions to the accuracy."""
    guess = interpolate(HALVES, samples[:, ::2, ::2])
    error = np.hypot(*np.moveaxis(guess - samples, -1, 0)).max(axis=(1, 2), initial=0)
    return np.asarray(error <= accuracy)


def _with_quarters(
    transform: PixelTransform, origin: NDArray[np.int64], size: int, samples: Floats
) -> Floats:
    """Samples (n, 5, 5, 2) made from samples (n, 3, 3, 2) and 16 exact positions a cell."""
    full = np.empty((len(samples), 5, 5, 2))
    full[:, ::2, ::2] = samples
    j, i = np.nonzero((np.arange(5)[:, None] % 2 == 1) | (np.arange(5) % 2 == 1))
    full[:, j, i] = _positions(
        transform,
        origin[:, :1] + i * (size / 4) - 0.5,
        origin[:, 1:] + j * (size / 4) - 0.5,
    )
    return full


#: Values at the 5 nodes of the parabola through nodes 0, 2 and 4.
_PARABOLA = np.array(
    [[1, 0, 0], [3 / 8, 3 / 4, -1 / 8], [0, 1, 0], [-1 / 8, 3 / 4, 3 / 8], [0, 0, 1]]
)
#: Values at 1/8, 1/2 and 7/8 of the cell of the quartic through its 5 nodes: where the quartic
#: of equidistant nodes errs most, and the middle.
_BETWEEN = np.array([1 / 8, 1 / 2, 7 / 8])


def _interpolation(at: Floats, nodes: int) -> Floats:
    """Weights (..., nodes) of equidistant nodes in the polynomial through them, at 0 to 1."""
    places = np.arange(nodes) / (nodes - 1)
    others = np.array([np.delete(places, n) for n in range(nodes)])
    factors = (at[..., None, None] - others) / (places[:, None] - others)
    return np.asarray(factors.prod(axis=-1))


def _is_smooth(samples: Floats) -> NDArray[np.bool_]:
    """Whether the nodes lie on a smooth surface: no tear, no end of the map in the cell."""
    guess = interpolate(_PARABOLA, samples[:, ::2, ::2])
    return np.asarray(departure(samples, guess) <= SMOOTH) & is_one_sided(samples)


def _is_quartic(
    transform: PixelTransform,
    origin: NDArray[np.int64],
    size: int,
    samples: Floats,
    accuracy: float,
) -> NDArray[np.bool_]:
    """Whether the quartic gives exact positions between its nodes to the accuracy."""
    j, i = np.nonzero(np.ones((3, 3)))
    exact = _positions(
        transform,
        origin[:, :1] + _BETWEEN[i] * size - 0.5,
        origin[:, 1:] + _BETWEEN[j] * size - 0.5,
    )
    guess = interpolate(_interpolation(_BETWEEN, 5), samples).reshape(exact.shape)
    error = np.hypot(*np.moveaxis(guess - exact, -1, 0)).max(axis=1, initial=0)
    return np.asarray(error <= accuracy)


def _quarter(
    origin: NDArray[np.int64], size: int, samples: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """The four quarters of each cell, with the samples (4 n, 3, 3, 2) that are known of them."""
    steps = [(0, 0), (1, 0), (0, 1), (1, 1)]
    origins = [origin + np.array(step) * (size // 2) for step in steps]
    parts = [samples[:, 2 * j : 2 * j + 3, 2 * i : 2 * i + 3] for i, j in steps]
    return np.concatenate(origins), np.concatenate(parts)


def _cells(origin: NDArray[np.int64], size: int) -> NDArray[np.int32]:
    return np.column_stack([origin, np.full(len(origin), size)]).astype(np.int32)


def _joined(
    parts: list[tuple[NDArray[np.int32], Floats]], nodes: int
) -> tuple[NDArray[np.int32], Floats]:
    """The cells of all sizes in order of rows, so that bands of the image are ranges of cells."""
    cells = np.concatenate([np.empty((0, 3), np.int32), *(part[0] for part in parts)])
    places = np.concatenate([np.empty((0, nodes, nodes, 2)), *(part[1] for part in parts)])
    order = np.lexsort((cells[:, 0], cells[:, 1]))
    return cells[order], np.ascontiguousarray(places[order])


def _pixels_of(
    origin: NDArray[np.int64], shape: tuple[int, int], steps: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """All pixels (n, 2) of the smallest cells that lie in the image, with their cells' steps."""
    step = np.arange(SMALLEST_CELL)
    grid = np.stack(np.broadcast_arrays(step, step[:, None]), axis=-1).reshape(-1, 2)
    pixels = (origin[:, None] + grid).reshape(-1, 2)
    inside = _inside(pixels, shape)
    return pixels[inside], np.repeat(steps, len(grid))[inside]


def _in_image(cells: NDArray[np.int32], places: Floats, shape: tuple[int, int]) -> Floats:
    """As many places a cell, in the part of it that lies in the image."""
    size = cells[:, 2]
    part_x = np.minimum(size, shape[1] - cells[:, 0]) / size
    part_y = np.minimum(size, shape[0] - cells[:, 1]) / size
    over = (part_x < 1) | (part_y < 1)
    nodes = places.shape[1]
    t = np.arange(nodes) / (nodes - 1)
    along_x = _interpolation(part_x[over, None] * t, nodes)
    along_y = _interpolation(part_y[over, None] * t, nodes)
    inner = places.copy()
    inner[over] = np.einsum("nja,nib,nabk->njik", along_y, along_x, places[over], optimize=True)
    return inner


def _boxes(places: Floats, margin: float) -> list[Floats]:
    """One box around all places (n, ..., 2), widened by a part of the widest cell's box."""
    if not len(places):
        return []
    flat = places.reshape(len(places), -1, 2)
    low, high = flat.min(axis=1), flat.max(axis=1)
    wide = margin * (high - low)
    return [np.concatenate([(low - wide).min(axis=0), (high + wide).max(axis=0)])]
