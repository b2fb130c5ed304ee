"""The WCS that travels with an image's summary is that of its file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import astropy
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from hven.formats.examine import examine
from hven.formats.images import Source

WCS_DATA = Path(astropy.__file__).parent / "wcs/tests/data"
SKY = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRVAL1": 150.0,
    "CRVAL2": 2.0,
    "CRPIX1": 3.0,
    "CRPIX2": 2.0,
    "CDELT1": -0.001,
    "CDELT2": 0.001,
}


def write(path: Path, *images: Any, **cards: Any) -> Path:
    """A file with an image in its primary unit and further ones in extensions, all on the sky."""
    header = fits.Header({**SKY, **cards})
    hdus = [fits.PrimaryHDU(images[0], header if images[0] is not None else None)]
    hdus += [
        fits.ImageHDU(image, header, name="SCI", ver=i + 1) for i, image in enumerate(images[1:])
    ]
    for hdu in hdus:
        for keyword in ("BSCALE", "BZERO", "BLANK"):
            if keyword in cards:
                hdu.header[keyword] = cards[keyword]
    fits.HDUList(hdus).writeto(path)
    return path


def noise(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(7).normal(10.0, 3.0, shape)


def same_sky(path: Path, hdu: int) -> None:
    """The summary's WCS, after a round trip through text, is that of the open file."""
    summary = examine(Source(path, hdu))
    with fits.open(path) as hdus, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = WCS(hdus[hdu].header, hdus)
        pixels = np.random.default_rng(3).uniform(0, 100, (50, 2))
        expected = whole.all_pix2world(pixels, 0)
    found = summary.wcs.all_pix2world(pixels, 0)
    # 1e-11 degrees is what 14 digits of CRVAL leave: 4e-8 arcsec.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)
    plain = whole.wcs_pix2world(pixels, 0)
    assert np.abs(plain - expected).max() > 1e-7 or not whole.has_distortion


def test_distortion_lookup_tables_travel_with_the_summary() -> None:
    path = WCS_DATA / "dist_lookup.fits.gz"
    assert examine(Source(path, 1)).lookup
    same_sky(path, 1)


def test_digitized_sky_survey_plates_are_understood() -> None:
    same_sky(WCS_DATA / "dss.14.29.56-62.41.05.fits.gz", 0)


def test_sip_distortion_travels_as_text(tmp_path: Path) -> None:
    cards = {
        "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP",
        "A_ORDER": 2, "A_2_0": 1e-5, "B_ORDER": 2, "B_0_2": -2e-5, "B_1_1": 1e-5,
    }  # fmt: skip
    same_sky(write(tmp_path / "a.fits", noise(100, 100), **cards), 0)


def test_a_table_of_wavelengths_does_not_keep_the_sky_from_being_read(tmp_path: Path) -> None:
    path = WCS_DATA / "tab-time-last-axis.fits"
    summary = examine(Source(path))
    assert summary.wcs.naxis == 2
    assert summary.center == pytest.approx((5.6292462, -72.0498959), abs=1e-6)


def test_corners_and_scale_are_those_of_the_pixels_outer_edges(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", noise(20, 30))
    summary = examine(Source(path))
    edges = [[-0.5, -0.5], [29.5, -0.5], [29.5, 19.5], [-0.5, 19.5]]
    expected = WCS(fits.getheader(path)).wcs_pix2world(edges, 0)
    np.testing.assert_allclose(summary.corners, expected, atol=1e-10)
    # A TAN pixel 12 pixels off the centre is smaller by 1e-7.
    assert summary.pixel_scale_deg == pytest.approx(0.001, rel=1e-6)


def test_an_all_sky_image_has_no_corners(tmp_path: Path) -> None:
    cards = {
        "CTYPE1": "GLON-AIT", "CTYPE2": "GLAT-AIT", "CRVAL1": 0.0, "CRVAL2": 0.0,
        "CRPIX1": 180.5, "CRPIX2": 90.5, "CDELT1": -1.0, "CDELT2": 1.0,
    }  # fmt: skip
    summary = examine(Source(write(tmp_path / "a.fits", noise(180, 360), **cards)))
    assert np.isnan(summary.corners).all()
    # The galactic centre: NASA's value, to the digits given.
    assert summary.center == pytest.approx((266.405, -28.936), abs=1e-3)
    assert summary.pixel_scale_deg == pytest.approx(1.0, rel=1e-4)


def test_solar_images_keep_their_frame_and_observer(shared_data: Path) -> None:
    folder = shared_data / "mosaic/sun_aia_stereo"
    frames = {examine(Source(folder / f"secchi_l0_{side}.fits")).frame for side in "ab"}
    assert len(frames) == 2
    assert all(frame.startswith("HPLN seen from") for frame in frames)
