"""From a header to a WCS, and from the pixels of one image to those of another.

wcslib (in astropy) knows the projections, and the distortions TPV, TNX, ZPX and DSS plates;
astropy adds SIP and lookup tables. Here only the way between them is built, without SkyCoord, so
that a thousand positions cost less than half a millisecond.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from astropy.io.fits import Header
from astropy.wcs import WCS
from numpy.typing import NDArray

from hven.errors import Fault, InputError
from hven.formats.frames import ICRS, FrameChange, SkyFrame, Vectors, frame_change, frame_of

if TYPE_CHECKING:
    from astropy.io.fits import HDUList

Pixels = NDArray[np.float64]
#: Input pixel x, y to output pixel x, y; 0-based, centres at integers; NaN where there is no image.
PixelTransform = Callable[[Pixels, Pixels], tuple[Pixels, Pixels]]

#: Their pixels more than 180 degrees from the reference point still have a sky position, and
#: wcslib's bounds, which would refuse them, are not needed to tell where the projection ends.
CYLINDRICAL = ("CYP", "CEA", "CAR", "MER")
#: wcslib 8.4 finds no sky on the central meridian of PCO and the pole all along its row at 90
#: degrees; a billionth of a pixel beside them all is well.
_PCO_ASIDE = 1e-9
#: A position whose way there and back misses by more pixels than this has no image.
_MISS_PIXELS = 1e-6


def celestial_wcs(header: str | Header, *, lookup: HDUList | None = None) -> WCS:
    """The celestial WCS of a header.

    Parameters
    ----------
    header
        FITS cards, as astropy's Header or as text with a newline after each card. The same text
        gives the same object, which must not be changed.
    lookup
        The open file, where distortions are lookup tables in its extensions (CPDIS, D2IMDIS).

    Raises
    ------
    InputError
        The header has no usable WCS of two celestial axes on the first two axes of the image.

    Notes
    -----
    Only the first two axes of a cube are kept. PROJPn, CROTA2, CD, PC, EPOCH, AIPS's NCP and GLS,
    DSS plate solutions and SIP without the -SIP suffix are understood.
    """
    if isinstance(header, str) and lookup is None:
        return _wcs_of_text(header)
    cards = Header.fromstring(header, sep="\n") if isinstance(header, str) else header
    return _checked_wcs(cards, lookup)


@lru_cache(maxsize=512)
def _wcs_of_text(text: str) -> WCS:
    return _checked_wcs(Header.fromstring(text, sep="\n"), None)


def _checked_wcs(header: Header, lookup: HDUList | None) -> WCS:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(header, lookup)
            wcs.wcs.set()
            return _two_celestial_axes(wcs)
    except InputError:
        raise
    # wcslib and astropy raise a dozen kinds for headers that break the standard in some way.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError([Fault("WCS", f"must follow the FITS standard, got: {reason}")]) from error


def _two_celestial_axes(wcs: WCS) -> WCS:
    places = {wcs.wcs.lng, wcs.wcs.lat}
    if places != {0, 1}:
        types = ", ".join(repr(str(kind)) for kind in wcs.wcs.ctype)
        wanted = "must be two celestial axes such as RA---TAN and DEC--TAN"
        raise InputError([Fault("CTYPE1, CTYPE2", f"{wanted}, got {types}")])
    if wcs.naxis > 2:
        wcs = wcs.sub([1, 2])
        wcs.wcs.set()
    beyond = projection_of(wcs) not in CYLINDRICAL
    wcs.wcs.bounds_check(beyond, True)
    return wcs


def projection_of(wcs: WCS) -> str:
    """The three letters of the projection; TAN for TPV, TNX, ZPX and DSS plates."""
    return str(wcs.wcs.ctype[wcs.wcs.lng])[5:8]


def pixel_transform(wcs_in: WCS, wcs_out: WCS) -> PixelTransform:
    """The way from input pixels to output pixels.

    Parameters
    ----------
    wcs_in, wcs_out
        As `celestial_wcs` gives them.

    Returns
    -------
    PixelTransform
        Takes and gives arrays of any one shape, 0-based. NaN where the input pixel has no sky
        position, or the sky position no place in the output's projection, as the far side of TAN.

    Raises
    ------
    InputError
        The frames do not turn into one another (a solar image on a celestial grid).

    Notes
    -----
    Output pixels jump where the output's projection is cut, as at 180 degrees from CRVAL1.
    """
    change = frame_change(frame_of(wcs_in), frame_of(wcs_out))

    def transform(x: Pixels, y: Pixels) -> tuple[Pixels, Pixels]:
        longitude, latitude = pixel_to_sky(wcs_in, x, y)
        if change is not None:
            longitude, latitude = _turned(change, longitude, latitude)
        return sky_to_pixel(wcs_out, longitude, latitude)

    return transform


def _turned(change: FrameChange, longitude: Pixels, latitude: Pixels) -> tuple[Pixels, Pixels]:
    return longitude_latitude(change(unit_vectors(longitude, latitude)))


def pixel_to_sky(wcs: WCS, x: Pixels, y: Pixels) -> tuple[Pixels, Pixels]:
    """Longitude and latitude in degrees, in the frame of the image, of 0-based pixels.

    NaN where the pixel lies outside the projection, as beyond the ellipse of AIT.
    """
    x, y = np.broadcast_arrays(x, y)
    pixels = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64)
    if wcs.has_distortion:
        pixels = wcs.pix2foc(pixels, 0)
    projection = projection_of(wcs)
    if projection == "PCO":
        pixels = pixels + _PCO_ASIDE
    found = wcs.wcs.p2s(pixels, 0)
    world = found["world"]
    if projection in CYLINDRICAL:
        world = np.where(np.abs(found["theta"])[:, None] > 90.0, np.nan, world)
    return world[:, wcs.wcs.lng].reshape(x.shape), world[:, wcs.wcs.lat].reshape(x.shape)


def sky_to_pixel(wcs: WCS, longitude: Pixels, latitude: Pixels) -> tuple[Pixels, Pixels]:
    """0-based pixels of longitudes and latitudes in degrees, in the frame of the image.

    NaN where the projection has no place for the position, as on the far side of TAN.
    """
    longitude, latitude = np.broadcast_arrays(longitude, latitude)
    world = np.empty((longitude.size, 2))
    world[:, wcs.wcs.lng], world[:, wcs.wcs.lat] = longitude.ravel(), latitude.ravel()
    pixels = wcs.wcs.s2p(world, 0)["pixcrd"]
    if wcs.has_distortion:
        pixels = _undistorted(wcs, pixels)
    return pixels[:, 0].reshape(longitude.shape), pixels[:, 1].reshape(longitude.shape)


def _undistorted(wcs: WCS, focal: Pixels) -> Pixels:
    """The pixels that the distortion moves to the given ones; NaN where the search fails.

    A fixed-point search: distortions of real detectors are a few per cent, so each round gains
    two digits. Far outside the detector the polynomials fold, and there is no answer.
    """
    pixels = focal.copy()
    with np.errstate(invalid="ignore", over="ignore"):
        for _ in range(30):
            miss = wcs.pix2foc(pixels, 0) - focal
            pixels = pixels - miss
            if not np.any(np.abs(miss) > 1e-10):
                break
        miss = wcs.pix2foc(pixels, 0) - focal
        pixels[~(np.abs(miss).max(axis=1) < _MISS_PIXELS)] = np.nan
    return pixels


def unit_vectors(longitude: Pixels, latitude: Pixels) -> Vectors:
    """Unit vectors (3, ...) of positions in degrees."""
    longitude, latitude = np.radians(longitude), np.radians(latitude)
    cosine = np.cos(latitude)
    return np.stack([cosine * np.cos(longitude), cosine * np.sin(longitude), np.sin(latitude)])


def longitude_latitude(vectors: Vectors) -> tuple[Pixels, Pixels]:
    """Longitude (0 to 360) and latitude in degrees of vectors (3, ...) of any length."""
    x, y, z = vectors
    longitude = np.degrees(np.arctan2(y, x)) % 360.0
    return longitude, np.degrees(np.arctan2(z, np.hypot(x, y)))


def pixel_to_icrs(wcs: WCS, x: Pixels, y: Pixels) -> Vectors:
    """ICRS unit vectors (3, ...) of 0-based pixels; of a frame that is not celestial, its own."""
    vectors = unit_vectors(*pixel_to_sky(wcs, x, y))
    change = _change_of(frame_of(wcs), ICRS)
    return vectors if change is None else change(vectors)


def icrs_to_pixel(wcs: WCS, vectors: Vectors) -> tuple[Pixels, Pixels]:
    """0-based pixels of ICRS vectors (3, ...), the inverse of `pixel_to_icrs`."""
    change = _change_of(ICRS, frame_of(wcs))
    turned = vectors if change is None else change(vectors)
    return sky_to_pixel(wcs, *longitude_latitude(turned))


def _change_of(start: SkyFrame, end: SkyFrame) -> FrameChange | None:
    return frame_change(start, end) if start.is_celestial and end.is_celestial else None


def pixel_scale(wcs: WCS) -> float:
    """The square root of a pixel's area at the reference point, in degrees."""
    return float(np.sqrt(np.abs(np.linalg.det(wcs.pixel_scale_matrix))))
