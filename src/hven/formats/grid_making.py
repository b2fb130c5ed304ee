"""Grids made to hold a set of images.

Rotation has the sign of CROTA2 and of Montage: a positive one turns north to the left in a picture
that has east on the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from hven.errors import Fault, ParameterError
from hven.formats.footprint import contains, edge_pixels, footprint_of_corners
from hven.formats.frames import (
    ICRS,
    FrameName,
    SkyFrame,
    axis_names,
    frame_change,
    frame_of,
    named_frame,
)
from hven.formats.grid import Grid
from hven.formats.grid_request import Box, framed, middle_of, request_faults, rounded
from hven.formats.projections import PROJECTIONS, Projection, extent, projection_wcs
from hven.formats.sky import celestial_wcs, longitude_latitude, pixel_to_icrs, sky_to_pixel

Floats = NDArray[np.float64]

#: A set of images wider than this is not put on a tangent plane by itself: at the edge of 60
#: degrees TAN stretches pixels to 1.5 times their area.
_WIDEST_TAN_DEG = 60.0
#: A wider one is shown along the equator, as maps of the sky are.
_WIDEST_ZEA_DEG = 120.0
#: Directions on all sides have their middle this close to nowhere (in units of the sphere).
_WHOLE_SKY_LENGTH = 0.03
#: Images larger than this are followed along their true edges, which bend in other projections.
_LARGE_DEG = 2.0


#: Neighbours on an outline that are this far apart on the map lie on two sides of its cut.
_JUMP_DEG = 60.0


class ImagePlace(Protocol):
    """What is known of an image that a grid shall hold."""

    @property
    def header(self) -> str:
        """FITS cards of its celestial WCS."""

    @property
    def nx(self) -> int:
        """Columns."""

    @property
    def ny(self) -> int:
        """Rows."""

    @property
    def corners(self) -> Sequence[tuple[float, float]]:
        """The four outer corners in order around, ICRS degrees; NaN where they are off the sky."""

    @property
    def pixel_scale_deg(self) -> float:
        """The square root of a pixel's solid angle."""


def grid_around(
    images: Sequence[ImagePlace],
    *,
    pixel_scale_deg: float | None = None,
    projection: str | None = None,
    frame: FrameName = "icrs",
    equinox: float | None = None,
    rotation: float | Literal["north", "best"] = "north",
) -> Grid:
    """Make the smallest grid that holds all images.

    Parameters
    ----------
    pixel_scale_deg
        Size of the pixels; by itself the finest of the images, so that no image loses detail.
    projection
        By itself TAN; ZEA where the images span more than 60 degrees, AIT beyond 120.
    frame, equinox
        What longitude and latitude refer to; FK4 is of 1950, FK5 and ecliptic of 2000 by
        themselves. Solar images keep their own frame.
    rotation
        "north" up, "best" for the least area, or CROTA2 in degrees.

    Raises
    ------
    ParameterError
        Something asked for is impossible; all faults are named.
    """
    turned = rotation if isinstance(rotation, (int, float)) else 0.0
    faults = request_faults(projection, frame, turned, pixel_scale=pixel_scale_deg)
    if not isinstance(rotation, (int, float)) and rotation not in ("north", "best"):
        faults.append(Fault("rotation", f"must be north, best or degrees, got {rotation!r}"))
    if not images:
        faults.append(Fault("images", "must be one or more, got none"))
    if faults:
        raise ParameterError(faults)
    plan = _plan(images, projection, frame, equinox, pixel_scale_deg)
    if rotation == "best":
        turned = plan.least_area_rotation()
    return plan.grid(turned)


@dataclass(frozen=True)
class _Plan:
    """What is settled about a grid before its place is."""

    projection: Projection
    frame: SkyFrame
    axes: tuple[str, str]
    scale_deg: float
    #: Closed outlines (3, k), unit vectors in the grid's frame.
    outlines: list[Floats]
    center: tuple[float, float]

    def wcs(self, center: tuple[float, float], rotation_deg: float) -> WCS:
        return projection_wcs(
            self.projection, self.axes, self.frame, center, self.scale_deg, rotation_deg
        )

    def grid(self, rotation_deg: float) -> Grid:
        center = self.center
        # Moving the centre to the middle of the box moves the box a little: thrice is enough.
        for _ in range(3):
            wcs = self.wcs(center, rotation_deg)
            middle = middle_of(wcs, self.box(wcs))
            if not np.all(np.isfinite(middle)):
                break
            center = middle
        wcs = self.wcs(rounded(center), rotation_deg)
        return framed(wcs, self.box(wcs))

    def pixels(self, wcs: WCS) -> tuple[Floats, Floats]:
        joined = np.concatenate(self.outlines, axis=1)
        x, y = sky_to_pixel(wcs, *longitude_latitude(joined))
        if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
            wanted = "must have a place for all of the images, as ZEA or AIT do"
            raise ParameterError([Fault("projection", f"{wanted}, got {self.projection.name}")])
        return x, y

    def box(self, wcs: WCS) -> Box:
        """Around all outlines, in pixels; the whole width where one runs over the map's cut."""
        x, y = self.pixels(wcs)
        box = float(x.min()), float(y.min()), float(x.max()), float(y.max())
        if self.projection.is_smooth:
            return box
        jumps = np.abs(np.diff(x)) * self.scale_deg > _JUMP_DEG
        between = np.cumsum([outline.shape[1] for outline in self.outlines])[:-1] - 1
        jumps[between] = False
        if not np.any(jumps):
            return box
        whole = extent(wcs)
        return whole[0], box[1], whole[2], box[3]

    def least_area_rotation(self) -> float:
        """CROTA2 of the rectangle of least area around all outlines, within 45 degrees of north."""
        from scipy.spatial import ConvexHull

        points = np.stack(self.pixels(self.wcs(self.center, 0.0)), axis=1)
        corners = points[ConvexHull(points).vertices]
        sides = np.roll(corners, -1, axis=0) - corners
        # A least rectangle has a side along a side of the hull (Freeman & Shapira 1975,
        # doi:10.1145/360881.360919).
        angles = np.arctan2(sides[:, 1], sides[:, 0])[:, None]
        x, y = corners.T
        along = x * np.cos(angles) + y * np.sin(angles)
        across = y * np.cos(angles) - x * np.sin(angles)
        best = angles[np.argmin(np.ptp(along, axis=1) * np.ptp(across, axis=1)), 0]
        return round(float((-np.degrees(best) + 45.0) % 90.0 - 45.0), 6)


def _plan(
    images: Sequence[ImagePlace],
    projection: str | None,
    frame: FrameName,
    equinox: float | None,
    pixel_scale_deg: float | None,
) -> _Plan:
    target, axes = _target(images[0], frame, equinox)
    outlines = [_outline(image, target) for image in images]
    joined = np.concatenate(outlines, axis=1)
    center, radius_deg = _enclosing_circle(joined)
    chosen = PROJECTIONS[projection or _projection_for(radius_deg)]
    _check_reach(chosen, radius_deg)
    if chosen.reference != "center":
        # The circle around a ring has its centre at a pole, which has no longitude.
        center = _direction(joined.mean(axis=1))[0], center[1]
        outlines += _poles_within(images, target)
    # Nine digits: two images of one camera differ in the tenth by rounding only.
    finest = float(f"{min(image.pixel_scale_deg for image in images):.9g}")
    scale = pixel_scale_deg or finest
    return _Plan(chosen, target, axes, scale, outlines, center)


def _target(
    image: ImagePlace, name: FrameName, equinox: float | None
) -> tuple[SkyFrame, tuple[str, str]]:
    """The frame of the grid and its axes; a solar image's own."""
    wcs = celestial_wcs(image.header)
    own = frame_of(wcs)
    if own.is_celestial:
        return named_frame(name, equinox), axis_names(name)
    return own, (wcs.wcs.lngtyp.strip(), wcs.wcs.lattyp.strip())


def _outline(image: ImagePlace, target: SkyFrame) -> Floats:
    """Unit vectors (3, k) around an image, in the frame of the grid."""
    larger = max(image.nx, image.ny) * image.pixel_scale_deg
    corners = np.asarray(image.corners, dtype=np.float64)
    if larger < _LARGE_DEG and np.all(np.isfinite(corners)):
        vectors = footprint_of_corners(corners).outline.T
    else:
        vectors = _followed_outline(image)
    own = ICRS if target.is_celestial else frame_of(celestial_wcs(image.header))
    if not target.is_celestial and own != target:
        wanted = "must be given where solar images are of several observers or frames"
        raise ParameterError([Fault("grid", f"{wanted}, got {target.name} and {own.name}")])
    change = frame_change(own, target)
    turned = vectors if change is None else change(vectors)
    return np.concatenate([turned, turned[:, :1]], axis=1)


def _followed_outline(image: ImagePlace) -> Floats:
    wcs = celestial_wcs(image.header)
    vectors = pixel_to_icrs(wcs, *edge_pixels(image.nx, image.ny, 32))
    if np.all(np.isfinite(vectors)):
        return vectors
    # The edges lie off the sky, as of an all-sky map: its inside has to do.
    x, y = np.linspace(-0.5, image.nx - 0.5, 65), np.linspace(-0.5, image.ny - 0.5, 65)
    vectors = pixel_to_icrs(wcs, *np.meshgrid(x, y)).reshape(3, -1)
    return vectors[:, np.all(np.isfinite(vectors), axis=0)]


def _poles_within(images: Sequence[ImagePlace], target: SkyFrame) -> list[Floats]:
    """The poles of the grid's frame that lie inside an image, where no outline shows them."""
    poles = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, -1.0]])
    change = frame_change(target, ICRS) if target.is_celestial else None
    places = poles if change is None else change(poles)
    areas = [footprint_of_corners(image.corners) for image in images]
    inside = [any(contains(area, place) for area in areas) for place in places.T]
    return [poles[:, [i]] for i in (0, 1) if inside[i]]


def _enclosing_circle(vectors: Floats) -> tuple[tuple[float, float], float]:
    """Centre and radius (degrees) of a nearly smallest circle on the sky around directions.

    Found as a ball in space: steps of 1/k towards the farthest point end within 1/k of the best
    (Badoiu & Clarkson 2008, doi:10.1016/j.comgeo.2007.04.002).
    """
    center = vectors.mean(axis=1)
    for k in range(2, 100):
        farthest = vectors[:, np.argmin(center @ vectors)]
        center = center + (farthest - center) / k
    length = np.linalg.norm(center)
    if length < _WHOLE_SKY_LENGTH:
        return _direction(vectors.mean(axis=1)), 180.0
    radius = np.degrees(np.arccos(np.clip(np.min(center @ vectors) / length, -1.0, 1.0)))
    return _direction(center), float(radius)


def _direction(vector: Floats) -> tuple[float, float]:
    longitude, latitude = longitude_latitude(vector)
    return float(longitude), float(latitude)


def _projection_for(radius_deg: float) -> str:
    if 2.0 * radius_deg <= _WIDEST_TAN_DEG:
        return "TAN"
    return "ZEA" if 2.0 * radius_deg <= _WIDEST_ZEA_DEG else "AIT"


def _check_reach(projection: Projection, radius_deg: float) -> None:
    if radius_deg > projection.reach_deg:
        wanted = f"must show {radius_deg:.0f} degrees around the middle, as ZEA or AIT do"
        got = f"{projection.name}, which shows {projection.reach_deg:.0f}"
        raise ParameterError([Fault("projection", f"{wanted}, got {got}")])
