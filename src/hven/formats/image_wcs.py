"""The celestial WCS of an image: which axes it is on, its cards as text, its corners on the sky.

An image's WCS is kept as text (the cards that matter, one a line) and, where distortions lie in
lookup tables beside the image, a small FITS file with these: both together are self-contained,
so that a step on another machine builds the same WCS without the image.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from hven.errors import Fault, InputError
from hven.formats.fits_structure import Header
from hven.formats.frames import frame_of
from hven.formats.sky import celestial_wcs, pixel_scale, pixel_to_icrs

_LONGITUDE = re.compile(r"RA--|[A-Z]LON|[A-Z]{2}LN")
_LATITUDE = re.compile(r"DEC-|[A-Z]LAT|[A-Z]{2}LT")
#: Keywords that say where pixels lie on the sky; only the primary description, no alternates.
_WCS_CARD = re.compile(
    r"(?:WCSAXES|WCSNAME|CTYPE\d|CRPIX\d|CRVAL\d|CDELT\d|CUNIT\d|CROTA\d|CD\d_\d|PC\d_\d"
    r"|PC00\d00\d|P[VS]\d_\d+|PROJP\d+|LONPOLE|LATPOLE|RADESYS|RADECSYS|EQUINOX|EPOCH"
    r"|MJD-(?:OBS|AVG)|DATE-(?:OBS|AVG)|TIMESYS|RESTFR[EQ]Q?|RESTWAV|SPECSYS|VELREF"
    r"|(?:A|B|AP|BP)_(?:ORDER|\d_\d)|C[PQ](?:DIS|ERR)\d|D[PQ]\d|D2IM(?:DIS|ERR|ARR|EXT)?\d?"
    r"|AXISCORR|WAT[12]_\d+|AMD[XY]\d+|PPO\d|PLT[A-Z]+|CNPIX\d|[XY]PIXELSZ"
    r"|DSUN_OBS|RSUN_REF|[HC][GR]L[NT]_OBS|SOLAR_[BL]0) *$"
)
_LOOKUP = re.compile(r"CPDIS\d|CQDIS\d|D2IMDIS\d|D2IMEXT|AXISCORR")
#: Keywords without which an axis has no place on the sky.
_NEEDED = ("CTYPE", "CRVAL", "CRPIX")


class Footprint(NamedTuple):
    """Where an image lies on the sky, degrees; NaN where a point is off the sky."""

    #: "icrs" where positions are, else the longitude axis of the frame, as "HPLN", and the place
    #: and time of a solar observer: images of equal frames go together.
    frame: str
    #: Outer corners of the pixels (0, 0), (nx-1, 0), (nx-1, ny-1), (0, ny-1): longitude, latitude.
    corners: tuple[tuple[float, float], ...]
    center: tuple[float, float]
    #: Square root of the solid angle of the central pixel.
    pixel_scale_deg: float


def celestial_axes(header: Header) -> tuple[int, int] | None:
    """The two celestial axes of an image, counted from 1, ascending; None where there are none."""
    kinds = [header.string(f"CTYPE{axis}").upper() for axis in range(1, 10)]
    longitude = [axis for axis, kind in enumerate(kinds, 1) if _LONGITUDE.match(kind)]
    latitude = [axis for axis, kind in enumerate(kinds, 1) if _LATITUDE.match(kind)]
    if longitude and latitude:
        first, second = sorted((longitude[0], latitude[0]))
        return first, second
    return (1, 2) if _is_plate(header) and not longitude and not latitude else None


def _is_plate(header: Header) -> bool:
    """Whether the header has the plate solution of a Digitized Sky Survey."""
    return "AMDX1" in header and "PLTRAH" in header


def missing_keywords(header: Header) -> list[str]:
    """What a header lacks to place its pixels on the sky; empty where nothing is missing."""
    if _is_plate(header):
        return []
    axes = celestial_axes(header) or (1, 2)
    missing = [f"{name}{axis}" for name in _NEEDED for axis in axes]
    missing = [name for name in missing if header.get(name) in (None, "")]
    has_scale = any(_has_scale(header, axis) for axis in axes)
    return missing if has_scale else [*missing, f"CD{axes[0]}_{axes[0]} or CDELT{axes[0]}"]


def _has_scale(header: Header, axis: int) -> bool:
    return f"CDELT{axis}" in header or any(f"CD{axis}_{other}" in header for other in range(1, 10))


def wcs_cards(header: Header) -> str:
    """The cards of a header that say where pixels lie on the sky, a newline between."""
    return "\n".join(card.rstrip() for card in header.cards if _WCS_CARD.match(card[:8]))


def image_wcs(header: Header, path: Path) -> tuple[str, bytes]:
    """Read the celestial WCS of an image, the other axes of a cube left out.

    Parameters
    ----------
    header
        The image's header, which has celestial axes.
    path
        The file; opened only where the WCS has lookup tables (distortions or -TAB axes).

    Returns
    -------
    text, lookup
        The cards of the celestial axes, a newline between; and a FITS file with the lookup
        tables of its distortions, empty where there are none. `restore_wcs` takes both.

    Raises
    ------
    InputError
        The WCS is unusable; the faults name the keyword.
    """
    try:
        with warnings.catch_warnings():
            # What astropy mends in a header, and cards that have nothing to do with the WCS.
            warnings.simplefilter("ignore")
            return _image_wcs(header, path)
    # wcslib and astropy raise a dozen kinds for headers that break the standard in some way.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError([Fault("WCS", f"must follow the FITS standard, got: {reason}")]) from error


def _image_wcs(header: Header, path: Path) -> tuple[str, bytes]:
    text = wcs_cards(header)
    has_lookup = any(_LOOKUP.match(card) for card in header.cards)
    has_table = any("-TAB" in header.string(f"CTYPE{i}") for i in range(1, 10))
    is_flat = celestial_axes(header) == (1, 2) and _axis_count(header) == 2
    if not has_lookup and not has_table:
        return (text if is_flat else _celestial_part(text)), b""
    with fits.open(path) as hdus:
        return (_celestial_part(text, hdus), b"") if has_table else (text, _lookup_file(text, hdus))


def _axis_count(header: Header) -> int:
    """The number of axes that the WCS cards describe."""
    declared = header.integer("WCSAXES", 2) or 2
    used = [axis for axis in range(1, 10) if f"CTYPE{axis}" in header or f"CRPIX{axis}" in header]
    return max(declared, *used, 2)


def _celestial_part(text: str, hdus: fits.HDUList | None = None) -> str:
    wcs = _whole_wcs(text, hdus)
    part = wcs.sub([axis + 1 for axis in sorted((wcs.wcs.lng, wcs.wcs.lat))])
    header = part.to_header(relax=True)
    return str(header.tostring(sep="\n", endcard=False, padding=False))


def _whole_wcs(text: str, hdus: fits.HDUList | None) -> WCS:
    wcs = WCS(fits.Header.fromstring(text, sep="\n"), hdus)
    wcs.wcs.set()
    return wcs


def _lookup_file(text: str, hdus: fits.HDUList) -> bytes:
    stream = io.BytesIO()
    _whole_wcs(text, hdus).to_fits(relax=True).writeto(stream)
    return stream.getvalue()


def restore_wcs(text: str, lookup: bytes = b"") -> WCS:
    """Make the WCS that `image_wcs` gave as text and lookup tables.

    Raises
    ------
    InputError
        The WCS is unusable: singular, or against the FITS standard.
    """
    if not lookup:
        return celestial_wcs(text)
    with fits.open(io.BytesIO(lookup)) as hdus:
        return celestial_wcs(hdus[0].header, lookup=hdus)


def is_singular(wcs: WCS) -> bool:
    """Whether all pixels lie on one line of the sky; wcslib sees only exact zeros."""
    matrix = wcs.pixel_scale_matrix
    size = float(np.prod(np.linalg.norm(matrix, axis=1)))
    return not abs(float(np.linalg.det(matrix))) > 1e-9 * size


def footprint(wcs: WCS, nx: int, ny: int) -> Footprint:
    """Find where an image of nx x ny pixels lies on the sky."""
    x, y = (nx - 1) / 2, (ny - 1) / 2
    right, top = nx - 0.5, ny - 0.5
    # Four corners, the centre, then the ends of a cross half a pixel around it.
    columns = np.array([-0.5, right, right, -0.5, x, x - 0.5, x + 0.5, x, x])
    rows = np.array([-0.5, -0.5, top, top, y, y, y, y - 0.5, y + 0.5])
    vectors = pixel_to_icrs(wcs, columns, rows)
    longitude = np.degrees(np.arctan2(vectors[1], vectors[0])) % 360
    latitude = np.degrees(np.arctan2(vectors[2], np.hypot(vectors[0], vectors[1])))
    points = [(float(a), float(b)) for a, b in zip(longitude, latitude, strict=True)]
    normal = np.cross(vectors[:, 6] - vectors[:, 5], vectors[:, 8] - vectors[:, 7])
    scale = float(np.degrees(np.sqrt(np.linalg.norm(normal))))
    frame = frame_of(wcs)
    name = "icrs" if frame.is_celestial else frame.name
    if frame.observer:
        name += f" seen from {', '.join(f'{place:.10g}' for place in frame.observer)}"
    scale = scale if math.isfinite(scale) else pixel_scale(wcs)
    return Footprint(name, tuple(points[:4]), points[4], scale)


def numbers_at_fault(header: Header) -> list[str]:
    """The keywords of the celestial axes that must be finite numbers and are not."""
    axes = celestial_axes(header) or ()
    names = [f"{name}{axis}" for name in ("CRVAL", "CRPIX", "CDELT") for axis in axes]
    names += [f"CD{i}_{j}" for i in axes for j in axes]
    return [name for name in names if name in header and not _is_finite(header.number(name))]


def _is_finite(number: float | None) -> bool:
    return number is not None and math.isfinite(number)
