"""The map projections a grid can have, and where each has to have its reference point.

Names and parameters are those of Calabretta & Greisen 2002, A&A 395, 1077,
doi:10.1051/0004-6361:20021327; HPX is of Calabretta & Roukema 2007, MNRAS 381, 865,
doi:10.1111/j.1365-2966.2007.12297.x.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from astropy.wcs import WCS

from hven.formats.frames import SkyFrame, frame_cards
from hven.formats.sky import celestial_wcs, sky_to_pixel

#: Where the reference point lies: "center" of the grid; the "equator" at the centre's longitude,
#: since parallels stay straight or symmetric only so; on a "cone" at the centre's latitude; at a
#: corner of the facets ("healpix") or the "pole".
Reference = Literal["center", "equator", "cone", "healpix", "pole"]


class Projection(NamedTuple):
    """One projection."""

    name: str
    reference: Reference
    #: How far from the centre it can show the sky, degrees; beyond, pixels go wild or do not exist.
    reach_deg: float
    #: Whether it can show all of the sky at once.
    is_whole_sky: bool

    @property
    def is_smooth(self) -> bool:
        """Whether neighbours on the sky, within its reach, are always neighbours on the map."""
        return self.reference == "center" and self.name not in ("TSC", "CSC", "QSC")


def _table() -> dict[str, Projection]:
    rows: list[tuple[str, Reference, float, bool]] = [
        *((name, "center", 75.0, False) for name in ("TAN", "AZP", "SZP")),
        ("SIN", "center", 90.0, False),
        *((name, "center", 170.0, False) for name in ("STG", "AIR")),
        *((name, "center", 180.0, True) for name in ("ZEA", "ARC", "ZPN")),
        *((name, "center", 180.0, True) for name in ("TSC", "CSC", "QSC")),
        *((name, "equator", 180.0, True) for name in ("CAR", "CEA", "CYP")),
        ("MER", "equator", 180.0, False),
        *((name, "equator", 180.0, True) for name in ("SFL", "PAR", "MOL", "AIT", "BON", "PCO")),
        *((name, "cone", 180.0, True) for name in ("COE", "COD")),
        *((name, "cone", 75.0, False) for name in ("COP", "COO")),
        ("HPX", "healpix", 180.0, True),
        ("XPH", "pole", 180.0, True),
    ]
    return {row[0]: Projection(*row) for row in rows}


PROJECTIONS: dict[str, Projection] = _table()

#: Standard parallels closer to the equator than this make cones too flat to compute with.
_LOWEST_PARALLEL_DEG = 10.0
#: Beyond asin(2/3) HPX tears into triangles, cut along the longitude of the reference point.
_HPX_EQUATORIAL_DEG = 41.81


def projection_wcs(
    projection: Projection,
    axes: tuple[str, str],
    frame: SkyFrame,
    center: tuple[float, float],
    scale_deg: float,
    rotation_deg: float,
) -> WCS:
    """A WCS for a grid near `center` (degrees, in the frame), its reference point at pixel (0, 0).

    Parameters
    ----------
    axes
        The first letters of CTYPE, as `axis_names` gives them.
    scale_deg
        Pixel size at the reference point.
    rotation_deg
        CROTA2.
    """
    longitude, latitude = _reference_point(projection, *center)
    types = [f"{axis.ljust(4, '-')}-{projection.name}" for axis in axes]
    turn = np.radians(rotation_deg)
    cosine, sine = float(np.cos(turn)), float(np.sin(turn))
    cards: list[tuple[str, str | float]] = [("CTYPE1", types[0]), ("CTYPE2", types[1])]
    cards += [("CRVAL1", longitude), ("CRVAL2", latitude), ("CRPIX1", 1.0), ("CRPIX2", 1.0)]
    cards += [("CDELT1", -scale_deg), ("CDELT2", scale_deg)]
    if sine != 0.0:
        # CDELT1 = -CDELT2, so these are what CROTA2 stands for.
        cards += [("PC1_1", cosine), ("PC1_2", sine), ("PC2_1", -sine), ("PC2_2", cosine)]
    cards += _parameters(projection, center[1])
    cards += frame_cards(frame)
    text = "\n".join(
        f"{key:<8}= '{value:<8}'" if isinstance(value, str) else f"{key:<8}= {value!r}".upper()
        for key, value in cards
    )
    return celestial_wcs(text)


def _reference_point(
    projection: Projection, longitude: float, latitude: float
) -> tuple[float, float]:
    match projection.reference:
        case "center":
            return longitude, latitude
        case "cone":
            return longitude, _parallel(latitude)
        case "healpix":
            is_polar = abs(latitude) > _HPX_EQUATORIAL_DEG
            return (longitude - 45.0) % 360.0 if is_polar else longitude, 0.0
        case "pole":
            return (longitude - 45.0) % 360.0, 90.0
    return longitude, 0.0


def _parallel(latitude: float) -> float:
    return float(np.copysign(np.clip(abs(latitude), _LOWEST_PARALLEL_DEG, 80.0), latitude))


def _parameters(projection: Projection, latitude: float) -> list[tuple[str, str | float]]:
    if projection.reference == "cone":
        return [("PV2_1", _parallel(latitude)), ("PV2_2", 0.0)]
    if projection.name == "BON":
        return [("PV2_1", _parallel(latitude))]
    if projection.name == "ZPN":
        return [("PV2_1", 1.0)]
    return []


def extent(wcs: WCS) -> tuple[float, float, float, float]:
    """The outermost edges (x_min, y_min, x_max, y_max) of all that a projection shows, 0-based.

    Good to 1e-4 of the width, found from positions all over the sky; inf where it has no edge.
    """
    longitude_cuts = float(wcs.wcs.crval[wcs.wcs.lng]) + np.arange(0.0, 360.0, 45.0)
    steps = longitude_cuts[0] + np.arange(0.0, 360.0, 0.5)
    longitude = np.concatenate([steps, longitude_cuts - 1e-9, longitude_cuts + 1e-9])
    latitude = np.concatenate([np.arange(-90.0, 90.1, 0.5), [-45.0, 45.0, -41.8103, 41.8103]])
    x, y = sky_to_pixel(wcs, longitude[:, None], latitude[None, :])
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())
