"""Celestial reference frames of images, and the turn from one to another.

All frames but FK4 differ by a rotation, which astropy gives once as one 3 x 3 matrix; thousands of
positions then cost one matrix product. FK4 positions also carry the elliptic terms of aberration,
a shift of up to 0.34" that depends on the position.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
from astropy import coordinates
from astropy.time import Time
from numpy.typing import NDArray

from hven.errors import Fault, InputError
from hven.formats.solar import SOLAR_RADIUS, Observer, surface_of, view_of

if TYPE_CHECKING:
    from astropy.wcs import WCS

#: The frames that a grid can be asked for in.
FrameName = Literal["icrs", "fk5", "fk4", "galactic", "ecliptic", "supergalactic"]
FRAME_NAMES: tuple[FrameName, ...] = get_args(FrameName)

Vectors = NDArray[np.float64]

_BY_AXIS: dict[str, FrameName] = {
    "GLON": "galactic",
    "ELON": "ecliptic",
    "SLON": "supergalactic",
}
_BY_RADESYS: dict[str, FrameName] = {
    "ICRS": "icrs",
    "FK5": "fk5",
    "FK4": "fk4",
    "FK4-NO-E": "fk4",
}
#: Lieske 1979, A&A 73, 282: B = 1900 + (JD - 2415020.31352) / 365.242198781.
_BESSELIAN_YEAR, _MJD_B1900 = 365.242198781, 15019.81352
_OBSERVER_KEYS = ("HGLN_OBS", "HGLT_OBS", "DSUN_OBS", "MJD-OBS", "RSUN_REF")
#: Solar axes that depend on where the observer stands.
_SEEN_BY_ONE = ("HPLN", "HRLN")
#: Before this equinox a header without RADESYS means FK4 (FITS standard 4.0, section 8.3).
_FIRST_FK5_EQUINOX = 1984.0


class SkyFrame(NamedTuple):
    """What the longitude and latitude of an image refer to."""

    #: One of `FRAME_NAMES`, or the longitude axis of a frame that is only equal to itself (HPLN).
    name: str
    #: Julian (FK4: Besselian) year of the mean equinox; 0 where the frame has none.
    equinox: float = 0.0
    #: Besselian year of observation, FK4 only: the FK4 system turns slowly against the sky.
    epoch: float = 0.0
    #: FK4 without the elliptic terms of aberration (FK4-NO-E).
    no_e_terms: bool = False
    #: Where a solar image was seen from.
    observer: Observer | None = None

    @property
    def is_celestial(self) -> bool:
        """Whether the frame can be turned to every other celestial one."""
        return self.name in FRAME_NAMES


ICRS = SkyFrame("icrs")


def named_frame(name: FrameName, equinox: float | None = None) -> SkyFrame:
    """The frame of that name, at its usual equinox (FK4 1950, FK5 and ecliptic 2000) or another."""
    if name == "fk4":
        year = 1950.0 if equinox is None else equinox
        return SkyFrame(name, year, year)
    if name in ("fk5", "ecliptic"):
        return SkyFrame(name, 2000.0 if equinox is None else equinox)
    return SkyFrame(name)


def frame_of(wcs: WCS) -> SkyFrame:
    """The frame of a celestial WCS, by the rules of the FITS standard.

    Raises
    ------
    InputError
        RADESYS names a frame that no mosaic can be made in (GAPPT, the geocentric apparent place).

    Notes
    -----
    A header with EQUINOX and without RADESYS is FK5, or FK4 where the equinox is before 1984.
    Where the longitude axis is not celestial (HGLN, TLON, ...), the frame is named after it.
    """
    axis = wcs.wcs.lngtyp.strip()
    if axis == "RA":
        return _equatorial_frame(wcs)
    if axis in _BY_AXIS:
        return named_frame(_BY_AXIS[axis], _known(wcs.wcs.equinox))
    return SkyFrame(axis, observer=_observer(wcs) if axis in _SEEN_BY_ONE else None)


def _known(value: float | None) -> float | None:
    """A number of a WCS, or None where it is undefined: wcslib has 1e108 for it, astropy NaN."""
    is_known = value is not None and np.isfinite(value) and abs(value) < 1e100
    return float(value) if is_known and value is not None else None


def _equatorial_frame(wcs: WCS) -> SkyFrame:
    radesys, equinox = wcs.wcs.radesys.strip().upper(), _known(wcs.wcs.equinox)
    if radesys and radesys not in _BY_RADESYS:
        wanted = "must be ICRS, FK5, FK4 or FK4-NO-E"
        raise InputError([Fault("RADESYS", f"{wanted}, got {radesys!r}")])
    if not radesys and equinox is None:
        return ICRS
    old = equinox is not None and equinox < _FIRST_FK5_EQUINOX
    name = _BY_RADESYS[radesys] if radesys else "fk4" if old else "fk5"
    frame = named_frame(name, equinox)
    if name != "fk4":
        return frame
    return frame._replace(epoch=_epoch(wcs, frame.equinox), no_e_terms=radesys == "FK4-NO-E")


def _epoch(wcs: WCS, equinox: float) -> float:
    """Besselian year of MJD-OBS (or DATE-OBS, which wcslib turns into it), else the equinox."""
    mjd = _known(wcs.wcs.mjdobs)
    return equinox if mjd is None else 1900.0 + (mjd - _MJD_B1900) / _BESSELIAN_YEAR


def _observer(wcs: WCS) -> Observer:
    aux = wcs.wcs.aux
    return Observer(
        longitude=_known(aux.hgln_obs) or 0.0,
        latitude=_known(aux.hglt_obs) or 0.0,
        distance=_known(aux.dsun_obs) or 0.0,
        mjd=_known(wcs.wcs.mjdobs) or 0.0,
        radius=_known(aux.rsun_ref) or SOLAR_RADIUS,
    )


def frame_cards(frame: SkyFrame) -> list[tuple[str, str | float]]:
    """The FITS cards, beside CTYPE, that say which frame it is."""
    cards: list[tuple[str, str | float]] = []
    if frame.name in ("icrs", "fk5", "fk4"):
        cards.append(("RADESYS", "FK4-NO-E" if frame.no_e_terms else frame.name.upper()))
    if frame.equinox:
        cards.append(("EQUINOX", frame.equinox))
    if frame.name == "fk4" and frame.epoch != frame.equinox:
        cards.append(("MJD-OBS", (frame.epoch - 1900.0) * _BESSELIAN_YEAR + _MJD_B1900))
    if frame.observer:
        said = zip(_OBSERVER_KEYS, frame.observer, strict=True)
        cards += [(key, value) for key, value in said if value or key != "MJD-OBS"]
    return cards


def axis_names(name: FrameName) -> tuple[str, str]:
    """The first letters of CTYPE for longitude and latitude, without hyphens."""
    return {
        "galactic": ("GLON", "GLAT"),
        "ecliptic": ("ELON", "ELAT"),
        "supergalactic": ("SLON", "SLAT"),
    }.get(name, ("RA", "DEC"))


FrameChange = Callable[[Vectors], Vectors]


def frame_change(start: SkyFrame, end: SkyFrame) -> FrameChange | None:
    """How unit vectors (3, ...) of one frame turn into those of another; None where they are equal.

    Raises
    ------
    InputError
        The frames are of different kinds, as a solar and a celestial one.

    Notes
    -----
    Solar images meet on the Sun's surface: what lies beside an observer's disk is NaN for any
    other. The turn of the Sun, and of the Earth around it, between two images is left out.
    """
    if start == end:
        return None
    if not (start.is_celestial and end.is_celestial):
        return _solar_change(start, end)
    turn = _matrix_to_icrs(end).T @ _matrix_to_icrs(start)
    remove, add = _e_terms(start), _e_terms(end)

    def change(vectors: Vectors) -> Vectors:
        turned = vectors.reshape(3, -1)
        if remove is not None:
            turned = _without_e_terms(turned, remove)
        turned = turn @ turned
        if add is not None:
            turned = _with_e_terms(turned, add)
        return turned.reshape(vectors.shape)

    return change


def _solar_change(start: SkyFrame, end: SkyFrame) -> FrameChange:
    """By way of Stonyhurst heliographic longitude and latitude."""
    for frame, other in ((start, end), (end, start)):
        if frame.name not in ("HPLN", "HGLN"):
            wanted = f"must be a frame that turns into {other.name}"
            raise InputError([Fault("CTYPE1", f"{wanted}, got {frame.name}")])
        if frame.observer is not None and frame.observer.distance <= frame.observer.radius:
            wanted = "must be the observer's distance from the Sun in metres"
            raise InputError([Fault("DSUN_OBS", f"{wanted}, got {frame.observer.distance:g}")])

    def change(vectors: Vectors) -> Vectors:
        surface = vectors if start.observer is None else surface_of(vectors, start.observer)
        return surface if end.observer is None else view_of(surface, end.observer)

    return change


def _astropy_frame(frame: SkyFrame) -> coordinates.BaseCoordinateFrame:
    match frame.name:
        case "fk5":
            return coordinates.FK5(equinox=Time(frame.equinox, format="jyear"))
        case "fk4":
            equinox, epoch = Time([frame.equinox, frame.epoch], format="byear")
            return coordinates.FK4NoETerms(equinox=equinox, obstime=epoch)
        case "galactic":
            return coordinates.Galactic()
        case "supergalactic":
            return coordinates.Supergalactic()
        case "ecliptic":
            return coordinates.BarycentricMeanEcliptic(equinox=Time(frame.equinox, format="jyear"))
    return coordinates.ICRS()


@lru_cache(maxsize=64)
def _matrix_to_icrs(frame: SkyFrame) -> NDArray[np.float64]:
    """Columns are the frame's own axes, seen in ICRS."""
    axes = _astropy_frame(frame).realize_frame(coordinates.CartesianRepresentation(np.eye(3)))
    matrix = axes.transform_to(coordinates.ICRS()).cartesian.xyz.to_value()
    return np.asarray(matrix, dtype=np.float64)


@lru_cache(maxsize=16)
def _e_terms(frame: SkyFrame) -> NDArray[np.float64] | None:
    """The elliptic terms of aberration (3, 1) in radians, or None outside FK4.

    Read from what astropy does to two axes: removing them turns v into v - e + (v.e) v.
    """
    if frame.name != "fk4" or frame.no_e_terms:
        return None
    no_terms = _astropy_frame(frame)
    axes = coordinates.CartesianRepresentation(np.eye(3)[:, :2])
    with_terms = coordinates.FK4(equinox=no_terms.equinox, obstime=no_terms.obstime)
    with_terms = with_terms.realize_frame(axes)
    x_axis, y_axis = with_terms.transform_to(no_terms).cartesian.xyz.to_value().T
    terms = [-y_axis[0] / y_axis[1], -x_axis[1] / x_axis[0], -x_axis[2] / x_axis[0]]
    return np.array(terms)[:, None]


def _without_e_terms(vectors: Vectors, terms: NDArray[np.float64]) -> Vectors:
    moved = vectors * (1.0 + (terms * vectors).sum(axis=0)) - terms
    return np.asarray(moved / np.sqrt((moved * moved).sum(axis=0)))


def _with_e_terms(vectors: Vectors, terms: NDArray[np.float64]) -> Vectors:
    moved = vectors
    # Each round gains a factor of the terms, 1.7e-6: three reach 1e-17.
    for _ in range(3):
        moved = (vectors + terms) / (1.0 + (terms * moved).sum(axis=0))
        moved = moved / np.sqrt((moved * moved).sum(axis=0))
    return moved
