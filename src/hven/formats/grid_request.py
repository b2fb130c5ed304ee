"""Grids asked for by place and size, or of the whole sky.

Rotation has the sign of CROTA2 and of Montage: a positive one turns north to the left in a picture
that has east on the left.
"""

from __future__ import annotations

import numpy as np
from astropy.wcs import WCS

from hven.errors import Fault, ParameterError
from hven.formats.frames import (
    FRAME_NAMES,
    ICRS,
    FrameName,
    axis_names,
    frame_change,
    named_frame,
)
from hven.formats.grid import Grid, grid_of
from hven.formats.projections import PROJECTIONS, Projection, extent, projection_wcs
from hven.formats.sky import (
    longitude_latitude,
    pixel_to_icrs,
    pixel_to_sky,
    sky_to_pixel,
    unit_vectors,
)

#: Edges x_min, y_min, x_max, y_max in 0-based pixels (a pixel's own edges lie at halves).
Box = tuple[float, float, float, float]

#: What may stick out of a grid, in pixels, so that rounding does not add a column.
_SLACK = 0.01
#: Digits of CRVAL in degrees: 4e-5 arcsec.
_CENTER_DIGITS = 8


def grid_at(
    center: tuple[float, float],
    width_deg: float,
    height_deg: float,
    *,
    pixel_scale_deg: float,
    projection: str = "TAN",
    frame: FrameName = "icrs",
    equinox: float | None = None,
    rotation_deg: float = 0.0,
) -> Grid:
    """Make a grid of a size around a position.

    Parameters
    ----------
    center
        Right ascension and declination, ICRS degrees, whatever the grid's frame is.
    width_deg, height_deg
        What the grid spans at its middle, rounded up to whole pixels; no more than the
        projection has.
    pixel_scale_deg
        Size of the pixels at the projection's reference point. That is the centre for TAN and
        others of its kind; CAR, AIT and others of theirs have it on the equator, so that away
        from it more (CAR) or smaller (MER) pixels make up the same width.
    rotation_deg
        CROTA2.

    Raises
    ------
    ParameterError
        All that is impossible about the request.
    """
    faults = request_faults(projection, frame, rotation_deg, pixel_scale=pixel_scale_deg)
    faults += _size_faults(width_deg, height_deg, projection)
    if not (abs(center[1]) <= 90.0 and np.isfinite(center[0])):
        faults.append(Fault("center", f"must have a declination within 90 degrees, got {center}"))
    if faults:
        raise ParameterError(faults)
    target, chosen = named_frame(frame, equinox), PROJECTIONS[projection]
    turn = frame_change(ICRS, target)
    vector = unit_vectors(*np.array(center)[:, None])
    longitude, latitude = longitude_latitude(vector if turn is None else turn(vector))
    middle = rounded((float(longitude[0]), float(latitude[0])))
    axes = axis_names(frame)
    wcs = projection_wcs(chosen, axes, target, middle, pixel_scale_deg, rotation_deg)
    return framed(wcs, _asked_box(wcs, chosen, middle, width_deg, height_deg))


def _asked_box(
    wcs: WCS, projection: Projection, middle: tuple[float, float], width: float, height: float
) -> Box:
    x, y = sky_to_pixel(wcs, *np.array(middle)[:, None])
    across, along = _local_scales(wcs, float(x[0]), float(y[0]))
    if not (np.isfinite(across * along) and across * along > 0.0):
        wanted = "must have a regular place for the centre, as TAN does"
        raise ParameterError([Fault("projection", f"{wanted}, got {projection.name}")])
    x_min, x_max = _span(float(x[0]), width / across)
    y_min, y_max = _span(float(y[0]), height / along)
    box = x_min, y_min, x_max, y_max
    if not projection.is_whole_sky:
        return box
    whole = extent(wcs)
    return (*np.maximum(box[:2], whole[:2]).tolist(), *np.minimum(box[2:], whole[2:]).tolist())


def _span(middle: float, pixels: float) -> tuple[float, float]:
    """Edges of so many whole pixels around the middle, or a quarter of a pixel aside."""
    count = max(1.0, float(np.ceil(pixels - _SLACK)))
    low = float(np.round(2.0 * middle - count)) / 2.0
    return low, low + count


def _local_scales(wcs: WCS, x: float, y: float) -> tuple[float, float]:
    """How many degrees of sky a pixel spans along x and along y."""
    ends_x, ends_y = np.array([x - 0.5, x + 0.5, x, x]), np.array([y, y, y - 0.5, y + 0.5])
    vectors = pixel_to_icrs(wcs, ends_x, ends_y)
    across, along = np.linalg.norm(vectors[:, 1::2] - vectors[:, ::2], axis=0)
    return float(np.degrees(across)), float(np.degrees(along))


def grid_all_sky(
    *,
    pixel_scale_deg: float,
    projection: str = "AIT",
    frame: FrameName = "icrs",
    equinox: float | None = None,
    longitude_deg: float = 0.0,
) -> Grid:
    """Make a grid of the whole sky, with a longitude of its frame in the middle.

    Raises
    ------
    ParameterError
        All that is impossible about the request.
    """
    faults = request_faults(projection, frame, longitude_deg, pixel_scale=pixel_scale_deg)
    if projection in PROJECTIONS and not PROJECTIONS[projection].is_whole_sky:
        wanted = "must be one of the whole sky: " + ", ".join(_whole_sky_names())
        faults.append(Fault("projection", f"{wanted}, got {projection}"))
    if faults:
        raise ParameterError(faults)
    target, middle = named_frame(frame, equinox), (longitude_deg % 360.0, 0.0)
    axes = axis_names(frame)
    wcs = projection_wcs(PROJECTIONS[projection], axes, target, middle, pixel_scale_deg, 0.0)
    return framed(wcs, extent(wcs))


def _whole_sky_names() -> list[str]:
    return [name for name, projection in PROJECTIONS.items() if projection.is_whole_sky]


def request_faults(
    projection: str | None, frame: str, rotation_deg: float, *, pixel_scale: float | None
) -> list[Fault]:
    """What is wrong with the parts that all requests for a grid have."""
    faults = []
    if projection is not None and projection not in PROJECTIONS:
        names = ", ".join(PROJECTIONS)
        faults.append(Fault("projection", f"must be one of {names}, got {projection!r}"))
    if frame not in FRAME_NAMES:
        names = ", ".join(FRAME_NAMES)
        faults.append(Fault("frame", f"must be one of {names}, got {frame!r}"))
    if not np.isfinite(rotation_deg):
        faults.append(Fault("rotation", f"must be a finite angle, got {rotation_deg}"))
    if pixel_scale is not None and not 0.0 < pixel_scale <= 90.0:
        faults.append(_above_zero("pixel_scale", 90.0, pixel_scale))
    return faults


def _size_faults(width_deg: float, height_deg: float, projection: str) -> list[Fault]:
    known = PROJECTIONS.get(projection)
    widest = 360.0 if known is None or known.is_whole_sky else min(2.0 * known.reach_deg, 360.0)
    sizes = {"width": width_deg, "height": height_deg}
    return [
        _above_zero(name, widest, size) for name, size in sizes.items() if not 0.0 < size <= widest
    ]


def _above_zero(name: str, high: float, value: float) -> Fault:
    return Fault(name, f"must be above 0 and at most {high:g} degrees, got {value:g} degrees")


def rounded(center: tuple[float, float]) -> tuple[float, float]:
    """A centre in so many digits as are worth writing."""
    longitude, latitude = (round(value, _CENTER_DIGITS) for value in center)
    return longitude % 360.0, latitude


def middle_of(wcs: WCS, box: Box) -> tuple[float, float]:
    """Longitude and latitude in the middle of a box; NaN where the projection has no sky."""
    x, y = np.array([box[0] + box[2]]) / 2.0, np.array([box[1] + box[3]]) / 2.0
    longitude, latitude = pixel_to_sky(wcs, x, y)
    return float(longitude[0]), float(latitude[0])


def framed(wcs: WCS, box: Box) -> Grid:
    """The grid of whole pixels that holds a box; CRPIX is a multiple of a half."""
    x_edge, nx = _whole_pixels(box[0], box[2])
    y_edge, ny = _whole_pixels(box[1], box[3])
    shifted = wcs.deepcopy()
    shifted.wcs.crpix = [wcs.wcs.crpix[0] - 0.5 - x_edge, wcs.wcs.crpix[1] - 0.5 - y_edge]
    return grid_of(shifted, nx, ny)


def _whole_pixels(low: float, high: float) -> tuple[float, int]:
    """The first edge, a multiple of a half, and the number of pixels that hold low to high."""
    count = max(1, int(np.ceil(high - low - _SLACK)))
    edge = np.round(low + high - count) / 2.0
    while edge > low + _SLACK or edge + count < high - _SLACK:
        edge, count = edge - 0.5 * (edge > low + _SLACK), count + 1
    return float(edge), count
