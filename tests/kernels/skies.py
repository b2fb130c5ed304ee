"""Projections of the sky for the tests of the pixel map and the overlap."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

Array = NDArray[Any]

ZENITHAL = ("TAN", "SIN", "ZEA", "STG", "ARC", "AZP")
#: Width and height in degrees of the whole sky.
WHOLE_SKY = {
    "CAR": (360, 180),
    "AIT": (325, 163),
    "MOL": (325, 163),
    "HPX": (360, 180),
    "TSC": (360, 270),
    "CEA": (360, 115),
    "SFL": (360, 180),
    "ZEA": (230, 230),
    "ARC": (361, 361),
}


def field_wcs(
    projection: str,
    scale_arcsec: float,
    size: int,
    center: tuple[float, float] = (30.0, 20.0),
    rotation_deg: float = 0.0,
) -> WCS:
    """A square field around a position: at the reference point only of zenithal projections."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{projection}", f"DEC--{projection}"]
    cosine, sine = np.cos(np.radians(rotation_deg)), np.sin(np.radians(rotation_deg))
    wcs.wcs.cd = scale_arcsec / 3600 * np.array([[-cosine, -sine], [-sine, cosine]])
    wcs.wcs.crval = center if projection in ZENITHAL else (center[0] - 3, 0)
    if projection in ("COE", "COP"):
        wcs.wcs.crval = center[0] - 3, center[1] - 5
        wcs.wcs.set_pv([(2, 1, center[1]), (2, 2, 15.0)])
    if projection == "BON":
        wcs.wcs.set_pv([(2, 1, center[1])])
    if projection == "AZP":
        wcs.wcs.set_pv([(2, 1, 2.0)])
    x, y = wcs.wcs_world2pix([center[0]], [center[1]], 1)
    wcs.wcs.crpix = size / 2 + 0.63 - x[0], size / 2 + 0.81 - y[0]
    return wcs


def whole_sky(
    projection: str, degrees_per_pixel: float, longitude: float = 0.0
) -> tuple[WCS, tuple[int, int]]:
    """A grid that holds the whole sky, and its shape (ny, nx)."""
    width, height = WHOLE_SKY[projection]
    nx, ny = round(width / degrees_per_pixel), round(height / degrees_per_pixel)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{projection}", f"DEC--{projection}"]
    wcs.wcs.crval = longitude, 0
    wcs.wcs.cdelt = -degrees_per_pixel, degrees_per_pixel
    # The faces of a cube lie to one side of the reference point.
    middle = 315 / degrees_per_pixel if projection == "TSC" else nx / 2
    wcs.wcs.crpix = middle + 0.5, (ny + 1) / 2
    return wcs, (ny, nx)


def between(first: WCS, second: WCS) -> Callable[[Array, Array], tuple[Array, Array]]:
    """Pixels of one WCS to pixels of another in the same frame, by astropy."""

    def transform(x: Array, y: Array) -> tuple[Array, Array]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x, y = second.wcs_world2pix(*first.wcs_pix2world(x, y, 0), 0)
        return x, y

    return transform


def on_the_sky(wcs: WCS, shape: tuple[int, int], steps: int = 1) -> NDArray[np.bool_]:
    """Whether any of steps x steps points of each pixel is on the sky."""
    found = np.zeros(shape, bool)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(float)
    offsets = (np.arange(steps) + 0.5) / steps - 0.5
    for dx in offsets:
        for dy in offsets:
            place = between(wcs, wcs)((x + dx).ravel(), (y + dy).ravel())[0]
            found |= np.isfinite(place).reshape(shape)
    return found


def pixel_solid_angles(wcs: WCS, shape: tuple[int, int]) -> Array:
    """Solid angles (ny, nx) in steradians of small pixels, from the vertices' unit vectors."""
    y, x = np.mgrid[0 : shape[0] + 1, 0 : shape[1] + 1] - 0.5
    lon, lat = np.radians(wcs.wcs_pix2world(x.ravel(), y.ravel(), 0))
    vector = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], -1)
    vector = vector.reshape(*x.shape, 3)
    one = vector[1:, 1:] - vector[:-1, :-1]
    other = vector[1:, :-1] - vector[:-1, 1:]
    return np.asarray(np.linalg.norm(np.cross(one, other), axis=-1) / 2)
