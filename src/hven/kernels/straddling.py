"""The parts of pixels in which a pixel map tears or ends.

Where a projection is cut open (the wrap of a cylindrical map, the edge of an oval one, the
facets of a cube, a pole, a horizon), a pixel may lie on both sides of the cut, or partly
nowhere. Such a pixel is quartered until its parts lie on one side; what is left at 1/16 of a
pixel is kept as points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: How often a pixel is quartered: parts of 1/16 pixel.
DEEPEST = 4
#: How many pixels are cut at a time, which bounds the memory to some 50 MB.
PIXELS_AT_ONCE = 2048
#: The largest departure of a part's middle positions from its corners' mean, in sides.
FLAT = 0.02
#: Corners are looked up this part of the side inside, so that a part which touches a cut does
#: not get positions from its other side; then carried back along straight lines.
INSET = 1e-6
#: Limits of a point's area in output pixels: near a pole of a projection it may have any area.
POINT_AREA = (1e-6, 0.25)


class Fragments(NamedTuple):
    """Parts of pixels: quadrilaterals, and points where even the smallest part is torn."""

    #: Pixel x, y of each quadrilateral (n, 2) int32.
    pixel: NDArray[np.int32]
    #: Its output corners (n, 4, 2), in order around it.
    corners: Floats
    #: Which share of its pixel's flux it has (n,): the shares of a pixel sum to 1.
    share: Floats
    #: Pixel x, y of each point (k, 2) int32.
    point_pixel: NDArray[np.int32]
    #: Output x, y and area in output pixels of each point (k, 3).
    point: Floats
    #: Its share of its pixel's flux (k,).
    point_share: Floats

    def boxes(self) -> list[Floats]:
        """Boxes x_min, y_min, x_max, y_max that hold everything; none when there is nothing."""
        places = [self.corners.reshape(-1, 2), self.point[:, :2]]
        return [np.concatenate([p.min(axis=0), p.max(axis=0)]) for p in places if len(p)]


def cut_pixels(
    transform: Callable[[Any, Any], tuple[Any, Any]],
    pixels: NDArray[np.int64],
    window: tuple[int, int, int, int] | None,
) -> Fragments:
    """The fragments of the given pixels (n, 2), looked up by exact positions.

    Parts that have no image (NaN) are left out and the flux of the pixel is shared among the
    others by their area in the pixel, so that none is lost.
    """
    chunks = np.array_split(pixels, -(-len(pixels) // PIXELS_AT_ONCE) or 1)
    parts = [_cut(transform, chunk, window) for chunk in chunks]
    return Fragments(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))


def _cut(
    transform: Callable[[Any, Any], tuple[Any, Any]],
    pixels: NDArray[np.int64],
    window: tuple[int, int, int, int] | None,
) -> Fragments:
    center = pixels.astype(np.float64)
    owner = np.arange(len(pixels))
    quads: list[tuple[NDArray[np.int64], Floats, Floats]] = []
    size = 1.0
    for level in range(DEEPEST + 1):
        places = _positions(transform, center, size)
        flat = _is_flat(places)
        quads.append((owner[flat], _corners(places[flat]), np.full(flat.sum(), size * size)))
        # A part without any image is left out; a whole pixel is looked at once more.
        torn = ~flat & (np.isfinite(places).any(axis=(1, 2, 3)) | (level == 0))
        center, owner, places = center[torn], owner[torn], places[torn]
        if level < DEEPEST:
            center, owner, size = _quarter(center, size), np.tile(owner, 4), size / 2
    owner_quad, corners, share = (np.concatenate(fields) for fields in zip(*quads, strict=True))
    owner_point, point, point_share = _points(transform, center, owner, places, size)
    total = np.bincount(owner_quad, share, len(pixels))
    total += np.bincount(owner_point, point_share, len(pixels))
    near, near_point = _touches(corners, window), _touches(point[:, None, :2], window)
    return Fragments(
        pixels[owner_quad[near]].astype(np.int32),
        corners[near],
        (share / total[owner_quad])[near],
        pixels[owner_point[near_point]].astype(np.int32),
        point[near_point],
        (point_share / total[owner_point])[near_point],
    )


def _positions(
    transform: Callable[[Any, Any], tuple[Any, Any]], center: Floats, size: float
) -> Floats:
    """Positions (n, 3, 3, 2) at the corners, middles of sides and center of square parts."""
    if not len(center):
        return np.empty((0, 3, 3, 2))
    step = np.array([-0.5, 0.0, 0.5]) * size * (1 - 2 * INSET)
    x, y = np.broadcast_arrays(
        center[:, 0, None, None] + step, center[:, 1, None, None] + step[:, None]
    )
    found = np.stack(
        [np.reshape(part, x.shape) for part in transform(x.ravel(), y.ravel())], axis=-1
    ).astype(np.float64)
    found[~np.isfinite(found).all(axis=-1)] = np.nan
    return found


def _is_flat(places: Floats) -> NDArray[np.bool_]:
    """Whether the part is whole and close to a quadrilateral; False where a place is NaN."""
    t = np.array([[1, 0], [0.5, 0.5], [0, 1]])
    guess = np.einsum("ja,ib,nabk->njik", t, t, places[:, ::2, ::2], optimize=True)
    error = np.hypot(*np.moveaxis(guess - places, -1, 0)).max(axis=(1, 2), initial=0)
    return np.asarray(error <= FLAT * shorter_diagonal(places)) & is_one_sided(places)


def shorter_diagonal(places: Floats) -> Floats:
    """Lengths (n,) of the shorter diagonals of patches (n, k, k, 2)."""
    one = places[:, -1, -1] - places[:, 0, 0]
    other = places[:, 0, -1] - places[:, -1, 0]
    return np.asarray(np.minimum(np.hypot(*one.T), np.hypot(*other.T)))


def is_one_sided(places: Floats) -> NDArray[np.bool_]:
    """Whether all quadrilaterals of a patch (n, k, k, 2) are convex and turn the same way."""
    around = (places[:, :-1, :-1], places[:, :-1, 1:], places[:, 1:, 1:], places[:, 1:, :-1])
    sides = [after - before for before, after in zip(around, around[1:] + around[:1], strict=True)]
    turns = np.stack(
        [
            one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
            for one, other in zip(sides, sides[1:] + sides[:1], strict=True)
        ]
    )
    # Two corners may fall together, at a pole.
    return np.asarray((turns >= 0).all(axis=(0, 2, 3)) | (turns <= 0).all(axis=(0, 2, 3)))


def _corners(places: Floats) -> Floats:
    """The corners (n, 4, 2) in order around the part, without the inset."""
    around = places[:, [0, 0, 2, 2], [0, 2, 2, 0]]
    middle = around.mean(axis=1, keepdims=True)
    return np.asarray(middle + (around - middle) / (1 - 2 * INSET))


def _quarter(center: Floats, size: float) -> Floats:
    steps = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]]) * (size / 4)
    return np.concatenate([center + step for step in steps])


def _points(
    transform: Callable[[Any, Any], tuple[Any, Any]],
    center: Floats,
    owner: NDArray[np.int64],
    places: Floats,
    size: float,
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """The parts that are still torn as points: owner (k,), x y area (k, 3) and share (k,)."""
    there = np.isfinite(places[:, 1, 1, 0])
    center, owner, places = center[there], owner[there], places[there]
    # The map close around the part's center tells its area; where the cut runs there too, the
    # quadrant that it leaves whole has the smallest.
    small = size / 32
    around = _positions(transform, center, small) * (2 / small)
    steps = around[:, [1, 2, 1, 0], [2, 1, 0, 1]] - around[:, 1, 1][:, None]
    turned = np.roll(steps, -1, axis=1)
    areas = np.abs(steps[..., 0] * turned[..., 1] - steps[..., 1] * turned[..., 0])
    areas = np.where(np.isfinite(areas), areas, 1.0).min(axis=1) * size * size
    area = np.clip(areas, *POINT_AREA)
    point = np.column_stack([places[:, 1, 1], area])
    return owner, point, np.full(len(point), size * size)


def _touches(places: Floats, window: tuple[int, int, int, int] | None) -> NDArray[np.bool_]:
    """Whether the box around places (n, k, 2) touches the window."""
    if window is None or not len(places):
        return np.ones(len(places), bool)
    low, high = places.min(axis=1), places.max(axis=1)
    above = (high >= np.array(window[:2]) - 0.5).all(axis=1)
    return np.asarray(above & (low <= np.array(window[2:]) - 0.5).all(axis=1))
