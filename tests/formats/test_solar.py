"""Views of the Sun from three places against a published map."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.fits import Header

from hven.errors import InputError
from hven.formats.frames import (
    frame_of,
)
from hven.formats.sky import (
    celestial_wcs,
    pixel_to_sky,
    pixel_transform,
    unit_vectors,
)

M17 = (274.7, -13.8)


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


def _solar_headers(shared_data: Path) -> dict[str, Header]:
    folder = shared_data / "mosaic" / "sun_aia_stereo"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {path.stem: fits.getheader(path) for path in sorted(folder.glob("*.fits"))}


def test_a_solar_image_has_no_place_on_the_celestial_sky(shared_data: Path) -> None:
    image = celestial_wcs(_solar_headers(shared_data)["aia_171_level1"])
    x, y = around(128, 128)
    np.testing.assert_allclose(pixel_transform(image, image)(x, y), [x, y], atol=1e-8)
    with pytest.raises(InputError, match="CTYPE1: must be a frame that turns into HPLN, got icrs"):
        pixel_transform(celestial_wcs(tangent()), image)


def test_a_solar_image_that_does_not_say_where_it_was_seen_from_meets_no_other() -> None:
    sun = tangent(crval=(0.0, 0.0)).replace("RA---TAN", "HPLN-TAN").replace("DEC--TAN", "HPLT-TAN")
    map_of_the_sun = sun.replace("HPLN-TAN", "HGLN-CAR").replace("HPLT-TAN", "HGLT-CAR")
    with pytest.raises(InputError, match=r"DSUN_OBS: must be the observer's distance .*, got 0"):
        pixel_transform(celestial_wcs(sun), celestial_wcs(map_of_the_sun))


def test_three_views_of_the_sun_make_the_published_map(shared_data: Path) -> None:
    """The reference is reproject's own test image, made over sunpy's frames."""
    folder = shared_data / "mosaic" / "sun_aia_stereo"
    headers = _solar_headers(shared_data)
    reference = fits.getdata(folder / "test_coadd_solar_map.fits")
    out = celestial_wcs(headers.pop("test_coadd_solar_map"))
    y, x = np.indices(reference.shape).astype(float)
    covered = np.zeros(reference.shape, int)
    for name, header in headers.items():
        image = celestial_wcs(header)
        column, row = pixel_transform(out, image)(x, y)
        seen = np.isfinite(column)
        covered += seen
        assert (
            0.4
            < (seen * np.cos(np.radians(y - 44.5) * 2)).sum()
            / np.cos(np.radians(y - 44.5) * 2).sum()
            < 0.5
        )
        back = pixel_transform(image, out)(column[seen], row[seen])
        # At the limb, where the ray grazes the surface, a square root loses half the digits.
        np.testing.assert_allclose(back, [x[seen], y[seen]], atol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = fits.getdata(folder / f"{name}.fits").astype(float)
        # Where one view alone looks nearly straight down, the map is that view.
        sky = pixel_to_sky(out, x, y)
        toward = unit_vectors(*sky)
        observer = frame_of(image).observer
        assert observer is not None
        below = np.tensordot(-observer.axes()[0], toward, 1) > 0.8
        sampled = data[np.rint(row[below]).astype(int), np.rint(column[below]).astype(int)]
        match = np.corrcoef(np.log(np.abs(sampled) + 10), np.log(np.abs(reference[below]) + 10))[
            0, 1
        ]
        assert match > 0.8, name
    # Stereo A and B at 87 and -94 degrees and the Earth together saw all but a sliver.
    assert (covered > 0).mean() > 0.95
