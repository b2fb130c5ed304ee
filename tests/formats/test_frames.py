"""Frames of headers, and the turn from one to another against astropy."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time

from hven.errors import InputError
from hven.formats.frames import (
    FRAME_NAMES,
    ICRS,
    FrameName,
    SkyFrame,
    frame_change,
    frame_of,
    named_frame,
)
from hven.formats.sky import (
    celestial_wcs,
    longitude_latitude,
    pixel_to_icrs,
    pixel_to_sky,
    unit_vectors,
)

M17 = (274.7, -13.8)
ASTROPY_FRAMES = {
    "icrs": "icrs",
    "fk5": "fk5",
    "fk4": "fk4",
    "galactic": "galactic",
    "ecliptic": "barycentricmeanecliptic",
    "supergalactic": "supergalactic",
}


def tangent(extra: str = "", kind: str = "TAN", crval: tuple[float, float] = M17) -> str:
    """The cards of a small image around M17."""
    cards = f"""CTYPE1  = 'RA---{kind}'
CTYPE2  = 'DEC--{kind}'
CRVAL1  = {crval[0]}
CRVAL2  = {crval[1]}
CRPIX1  = 256.5
CRPIX2  = 512.5
CDELT1  = -0.0002777777778
CDELT2  = 0.0002777777778
"""
    return cards + extra


def around(nx: int = 512, ny: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.linspace(-0.5, nx - 0.5, 9), np.linspace(-0.5, ny - 0.5, 9))
    return x, y


def whole_sky(count: int = 400) -> np.ndarray:
    """Directions all over the sky, with both poles and the 0h line."""
    random = np.random.default_rng(5)
    vectors = random.normal(size=(3, count))
    vectors /= np.linalg.norm(vectors, axis=0)
    return np.concatenate([vectors, [[0, 0, 1.0], [0, 0, 0], [1, -1, 0]]], axis=1)


@pytest.mark.parametrize("start", FRAME_NAMES)
@pytest.mark.parametrize("end", FRAME_NAMES)
def test_frames_turn_as_astropy_turns_them(start: FrameName, end: FrameName) -> None:
    vectors = whole_sky()
    longitude, latitude = longitude_latitude(vectors)
    # By way of ICRS: straight from FK4 to FK5 astropy precesses there and back, and loses 2e-5".
    reference = SkyCoord(longitude, latitude, unit="deg", frame=ASTROPY_FRAMES[start]).icrs
    reference = reference.transform_to(ASTROPY_FRAMES[end]).represent_as("unitspherical")
    expected = unit_vectors(reference.lon.deg, reference.lat.deg)
    change = frame_change(named_frame(start), named_frame(end))
    got = vectors if change is None else change(vectors)
    # Rounding of angles in degrees is 6e-14 deg, 1e-15 rad; 4e-14 rad is 1e-8 pixel of 1".
    np.testing.assert_allclose(got, expected, rtol=0, atol=4e-14)


def test_fk4_of_another_equinox_and_epoch_is_as_astropy_has_it() -> None:
    header = tangent("RADESYS = 'FK4     '\nEQUINOX = 1975.0\nMJD-OBS = 46066.0\n")
    wcs = celestial_wcs(header)
    x, y = around()
    longitude, latitude = pixel_to_sky(wcs, x, y)
    reference = SkyCoord(
        longitude,
        latitude,
        unit="deg",
        frame="fk4",
        equinox=Time(1975.0, format="byear"),
        obstime=Time(46066.0, format="mjd"),
    ).icrs
    expected = unit_vectors(reference.ra.deg, reference.dec.deg)
    # The epoch's time scale (UTC or TT, a minute) moves FK4 by less than 1e-9 arcsec.
    np.testing.assert_allclose(pixel_to_icrs(wcs, x, y), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("cards", "frame"),
    [
        ("", ICRS),
        ("RADESYS = 'ICRS    '\nEQUINOX = 2000.0\n", ICRS),
        ("EQUINOX = 2000.0\n", SkyFrame("fk5", 2000.0)),
        ("EQUINOX = 1984.0\n", SkyFrame("fk5", 1984.0)),
        ("EQUINOX = 1950.0\n", SkyFrame("fk4", 1950.0, 1950.0)),
        ("EPOCH   = 1950.0\n", SkyFrame("fk4", 1950.0, 1950.0)),
        ("RADESYS = 'FK4     '\n", SkyFrame("fk4", 1950.0, 1950.0)),
        ("RADESYS = 'FK4-NO-E'\n", SkyFrame("fk4", 1950.0, 1950.0, no_e_terms=True)),
        ("RADESYS = 'FK5     '\n", SkyFrame("fk5", 2000.0)),
    ],
)
def test_the_frame_follows_the_rules_of_the_standard(cards: str, frame: SkyFrame) -> None:
    assert frame_of(celestial_wcs(tangent(cards))) == frame


def test_an_apparent_place_is_refused() -> None:
    with pytest.raises(
        InputError, match="RADESYS: must be ICRS, FK5, FK4 or FK4-NO-E, got 'GAPPT'"
    ):
        frame_of(celestial_wcs(tangent("RADESYS = 'GAPPT   '\n")))
