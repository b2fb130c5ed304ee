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
#: The largest departure of a part's middle positions from those between its corners, in sides.
FLAT = 0.02
#: The same for the smallest parts: a tear makes it at least 1/2.
WHOLE = 0.25
#: Weights of two ends at the first, the middle and the second.
HALVES = np.array([[1, 0], [0.5, 0.5], [0, 1]])
#: What matters in no case, in output pixels.
MINUTE = 0.002
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


#: What most images have of them.
NO_FRAGMENTS = Fragments(
    np.empty((0, 2), np.int32),
    np.empty((0, 4, 2)),
    np.empty(0),
    np.empty((0, 2), np.int32),
    np.empty((0, 3)),
    np.empty(0),
)


def cut_pixels(
    transform: Callable[[Any, Any], tuple[Any, Any]],
    pixels: NDArray[np.int64],
    step: Floats,
    window: tuple[int, int, int, int] | None,
) -> Fragments:
    """The fragments of the given pixels (n, 2), looked up by exact positions.

    Parts that cannot reach the window are left out early; `step` (n,) is how far the map usually
    goes in a pixel there, infinite if unknown. Parts that have no image (NaN) are left out, too,
    and the flux of the pixel is shared among the others by their area in the pixel, so that none
    is lost.
    """
    if not len(pixels):
        return NO_FRAGMENTS
    chunks = np.array_split(np.arange(len(pixels)), -(-len(pixels) // PIXELS_AT_ONCE) or 1)
    parts = [_cut(transform, pixels[chunk], step[chunk], window) for chunk in chunks]
    return Fragments(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))


def _cut(
    transform: Callable[[Any, Any], tuple[Any, Any]],
    pixels: NDArray[np.int64],
    step: Floats,
    window: tuple[int, int, int, int] | None,
) -> Fragments:
    center = pixels.astype(np.float64)
    owner = np.arange(len(pixels))
    quads: list[tuple[NDArray[np.int64], Floats, Floats]] = []
    # How much of each pixel has a place, in or outside the window.
    total, size = np.zeros(len(pixels)), 1.0
    for level in range(DEEPEST + 1):
        places = _positions(transform, center, size)
        near = _touches(places, window, step[owner])
        total += np.bincount(owner[~near], minlength=len(pixels)) * size**2
        center, owner, places = center[near], owner[near], places[near]
        flat = _is_flat(places, FLAT if level < DEEPEST else WHOLE)
        quads.append((owner[flat], _corners(places[flat]), np.full(flat.sum(), size * size)))
        torn = ~flat & np.isfinite(places).any(axis=(1, 2, 3))
        center, owner, places = center[torn], owner[torn], places[torn]
        if level < DEEPEST:
            center, owner, size = _quarter(center, size), np.tile(owner, 4), size / 2
    owner_quad, corners, share = (np.concatenate(fields) for fields in zip(*quads, strict=True))
    owner_point, point, point_share = _points(transform, center, owner, places, size)
    total += np.bincount(owner_quad, share, len(pixels))
    total += np.bincount(owner_point, point_share, len(pixels))
    near = _overlaps(corners, window)
    owner_quad, corners, share = owner_quad[near], corners[near], share[near]
    return Fragments(
        pixels[owner_quad].astype(np.int32),
        corners,
        share / total[owner_quad],
        pixels[owner_point].astype(np.int32),
        point,
        point_share / total[owner_point],
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


def _is_flat(places: Floats, bend: float) -> NDArray[np.bool_]:
    """Whether the part is whole and close to a quadrilateral; False where a place is NaN."""
    guess = interpolate(HALVES, places[:, ::2, ::2])
    return np.asarray(departure(places, guess) <= bend) & is_one_sided(places)


def interpolate(weights: Floats, places: Floats) -> Floats:
    """Places (n, m, m, 2) from places (n, k, k, 2) by the same weights (m, k) both ways."""
    along_y = np.tensordot(places, weights, (1, 1))
    return np.tensordot(along_y, weights, (1, 1)).transpose(0, 2, 3, 1)


def departure(places: Floats, guess: Floats) -> Floats:
    """The largest distance (n,) of places (n, k, k, 2) from a guess, measured in the image.

    In sizes of the patch: the mean sides of the patch are the units, however the map stretches.
    0 where it does not matter in the output, NaN where the patch is not whole or has no area.
    """
    last = places.shape[1] - 1
    corners = places[:, ::last, ::last]
    right = (corners[:, :, 1] - corners[:, :, 0]).mean(axis=1)
    up = (corners[:, 1] - corners[:, 0]).mean(axis=1)
    area = np.abs(right[:, 0] * up[:, 1] - right[:, 1] * up[:, 0])
    error_x, error_y = np.moveaxis(guess - places, -1, 0)
    along = error_x * up[:, 1, None, None] - error_y * up[:, 0, None, None]
    across = error_x * right[:, 1, None, None] - error_y * right[:, 0, None, None]
    length = np.hypot(along, across).max(axis=(1, 2), initial=0)
    minute = np.hypot(error_x, error_y).max(axis=(1, 2), initial=0) <= MINUTE
    return np.where(minute, 0.0, length / np.where(area > 0, area, np.nan))


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


def shortest_step(places: Floats) -> Floats:
    """The shortest distance (n,) between neighbours of places (n, k, k, 2); infinite if none."""
    across, up = np.diff(places, axis=2), np.diff(places, axis=1)
    shortest = [
        np.where(np.isfinite(length), length, np.inf).min(axis=(1, 2), initial=np.inf)
        for length in (np.hypot(*np.moveaxis(step, -1, 0)) for step in (across, up))
    ]
    return np.asarray(np.minimum(*shortest))


def _touches(
    places: Floats, window: tuple[int, int, int, int] | None, step: Floats
) -> NDArray[np.bool_]:
    """Whether parts with places (n, 3, 3, 2) may reach the window.

    Not if all places lie on one outer side of it, four usual steps (n,) of a pixel or more away:
    on each side of a cut the map is smooth, and at a horizon it only goes farther away.
    """
    if window is None or not len(places):
        return np.ones(len(places), bool)
    flat = places.reshape(len(places), -1, 2)
    blank = np.isnan(flat)
    known = np.isfinite(step) & ~blank.all(axis=(1, 2))
    margin = np.where(known, 1 + 4 * step, 0)[:, None]
    low = np.where(blank, np.inf, flat).min(axis=1)
    high = np.where(blank, -np.inf, flat).max(axis=1)
    outside = (high + margin < np.array(window[:2]) - 0.5).any(axis=1)
    outside |= (low - margin > np.array(window[2:]) - 0.5).any(axis=1)
    return np.asarray(~(outside & known))


def _overlaps(corners: Floats, window: tuple[int, int, int, int] | None) -> NDArray[np.bool_]:
    """Whether the boxes around corners (n, 4, 2) overlap the window."""
    if window is None:
        return np.ones(len(corners), bool)
    above = (corners.max(axis=1, initial=-np.inf) >= np.array(window[:2]) - 0.5).all(axis=1)
    return np.asarray(
        above & (corners.min(axis=1, initial=np.inf) <= np.array(window[2:]) - 0.5).all(axis=1)
    )
