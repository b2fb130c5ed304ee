"""Places of images on the sky as a small drawing: SVG, made from numbers alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hven.portal.examination.looking import Seen

#: The drawing is so wide and high, with a margin inside.
_SIDE, _MARGIN = 320.0, 14.0
#: Images farther from the middle than this are not drawn: a flat drawing bends them too much.
_FARTHEST_DEG = 75.0
Point = tuple[float, float]


@dataclass(frozen=True)
class Outline:
    """One image on the drawing."""

    name: str
    #: As `points` of a polygon.
    points: str


@dataclass(frozen=True)
class Sky:
    """A drawing: north is up, east to the left."""

    outlines: tuple[Outline, ...]
    side: float
    center: str
    width_deg: float
    #: Images that lie too far from the middle.
    left_out: int


def plot(seen: Iterable[Seen]) -> Sky | None:
    """A drawing of all images that have a place on the sky; None where none has."""
    placed = [each for each in seen if len(each.corners) == 4]
    if not placed:
        return None
    center = _middle([corner for each in placed for corner in each.corners])
    flat = {index: _flat(each.corners, center) for index, each in enumerate(placed)}
    drawn = {index: points for index, points in flat.items() if points}
    if not drawn:
        return None
    every = [point for points in drawn.values() for point in points]
    reach = max(max(abs(x), abs(y)) for x, y in every) or 1e-9
    scale = (_SIDE / 2 - _MARGIN) / reach
    outlines = tuple(
        Outline(placed[index].name, " ".join(_drawn(point, scale) for point in points))
        for index, points in drawn.items()
    )
    ra, dec = center
    width = math.degrees(2 * math.atan(reach))
    return Sky(outlines, _SIDE, f"{ra:.5f} {dec:+.5f}", width, len(placed) - len(drawn))


def _middle(corners: Sequence[Point]) -> Point:
    """The direction of the mean of all corners."""
    vectors = [_vector(corner) for corner in corners]
    x, y, z = (sum(vector[axis] for vector in vectors) for axis in range(3))
    return math.degrees(math.atan2(y, x)) % 360, math.degrees(math.atan2(z, math.hypot(x, y)))


def _vector(place: Point) -> tuple[float, float, float]:
    ra, dec = map(math.radians, place)
    return math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)


def _flat(corners: Sequence[Point], center: Point) -> list[Point]:
    """Corners on the plane that touches the sky at the center; none where one is too far."""
    ra0, dec0 = map(math.radians, center)
    found = []
    for corner in corners:
        ra, dec = map(math.radians, corner)
        away = math.sin(dec0) * math.sin(dec) + math.cos(dec0) * math.cos(dec) * math.cos(ra - ra0)
        if away < math.cos(math.radians(_FARTHEST_DEG)):
            return []
        x = math.cos(dec) * math.sin(ra - ra0) / away
        y = math.cos(dec0) * math.sin(dec) - math.sin(dec0) * math.cos(dec) * math.cos(ra - ra0)
        found.append((x, y / away))
    return found


def _drawn(point: Point, scale: float) -> str:
    # East is to the left, north up; SVG counts downwards.
    x, y = _SIDE / 2 - scale * point[0], _SIDE / 2 - scale * point[1]
    return f"{x:.1f},{y:.1f}"
