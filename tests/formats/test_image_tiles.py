"""Images looked at in tiles are the images themselves, and their means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from hven.errors import InputError
from hven.formats.image_tiles import TILE, block_means, header_cards, open_image


def _wcs(ra: float = 30.0, dec: float = 60.0, turn: float = 20.0) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = (ra, dec), (300.0, 200.0), (-0.001, 0.001)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    wcs.wcs.pc = [[cos, -sin], [sin, cos]]
    wcs.wcs.radesys = "ICRS"
    return wcs


@pytest.fixture
def values() -> np.ndarray:
    random = np.random.default_rng(7)
    values = random.normal(100, 5, (700, 1100)).astype(np.float32)
    values[:40, :60] = np.nan
    return values


@pytest.fixture
def image(tmp_path: Path, values: np.ndarray) -> Path:
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(values, _wcs().to_header()).writeto(path)
    return path


def test_tiles_of_full_resolution_are_the_pixels(image: Path, values: np.ndarray) -> None:
    with open_image(image) as found:
        assert (found.nx, found.ny, found.levels) == (1100, 700, 4)
        for row in range(3):
            for column in range(5):
                part = values[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
                np.testing.assert_array_equal(found.tile(0, column, row), part)


def test_a_coarse_tile_has_the_means_of_blocks(image: Path, values: np.ndarray) -> None:
    with open_image(image) as found:
        tile = found.tile(2, 0, 0)
    assert tile.shape == (175, 256)
    oracle = values[40:, :1024].reshape(165, 4, 256, 4).mean(axis=(1, 3), dtype=np.float64)
    np.testing.assert_allclose(tile[10:], oracle, rtol=1e-6)
    assert np.isnan(tile[:10, :15]).all()


def test_the_last_level_is_one_tile_that_covers_all(image: Path) -> None:
    with open_image(image) as found:
        last = found.tile(found.levels - 1, 0, 0)
        assert max(last.shape) <= TILE
        with pytest.raises(InputError, match="tile must be inside"):
            found.tile(found.levels - 1, 1, 0)
        with pytest.raises(InputError, match="tile must be inside"):
            found.tile(found.levels, 0, 0)


def test_means_of_blocks_at_the_edge_and_of_nothing() -> None:
    values = np.arange(15, dtype=float).reshape(3, 5)
    values[2, 4] = np.nan
    expected = [[3.0, 5.0, 6.5], [10.5, 12.5, np.nan]]
    np.testing.assert_array_equal(block_means(values, 2), expected)


def test_compressed_cubes_and_integers_are_looked_at_alike(tmp_path: Path) -> None:
    cube = np.arange(3 * 300 * 400, dtype=np.int16).reshape(3, 300, 400)
    plain = fits.PrimaryHDU(cube)
    plain.header["BZERO"], plain.header["BSCALE"] = 5.0, 2.0
    plain.writeto(tmp_path / "cube.fits", output_verify="silentfix")
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(cube[1], name="PACKED")]).writeto(
        tmp_path / "packed.fits"
    )
    with open_image(tmp_path / "cube.fits", plane=2) as found:
        assert found.planes == 3
        raw = fits.getdata(tmp_path / "cube.fits")[1, :256, :256]
        np.testing.assert_array_equal(found.tile(0, 0, 0), raw)
    with open_image(tmp_path / "packed.fits") as found:
        assert found.hdu.name == "PACKED"
        np.testing.assert_array_equal(found.tile(0, 1, 1), cube[1, 256:, 256:])


def test_a_spot_has_value_and_position_and_positions_lead_back(
    image: Path, values: np.ndarray
) -> None:
    with open_image(image) as found:
        spot = found.spot(412.3, 333.6)
        assert spot.value == values[334, 412]
        ra, dec = _wcs().wcs_pix2world(412.3, 333.6, 0)
        assert spot.ra == pytest.approx(float(ra), abs=1e-9)
        assert spot.dec == pytest.approx(float(dec), abs=1e-9)
        x, y = found.pixels_of(np.array([spot.ra]), np.array([spot.dec]))
        assert (x[0], y[0]) == pytest.approx((412.3, 333.6), abs=1e-6)
        outside = found.spot(-5.0, 10.0)
        assert np.isnan(outside.value)
        assert outside.ra is not None


def test_north_and_east_are_where_the_wcs_has_them(image: Path) -> None:
    with open_image(image) as found:
        north = found.north()
        assert found.scale_arcsec() == pytest.approx(3.6)
    assert north is not None
    wcs = _wcs()
    x, y = 549.5, 349.5
    ra, dec = wcs.wcs_pix2world(x, y, 0)
    up = np.array(wcs.wcs_world2pix(ra, dec + 1e-4, 0)) - (x, y)
    np.testing.assert_allclose(north[:2], up / np.hypot(*up), atol=1e-4)
    assert north[2] == 1


def test_an_image_without_a_wcs_has_values_but_no_positions(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.ones((20, 30))).writeto(tmp_path / "plain.fits")
    with open_image(tmp_path / "plain.fits") as found:
        spot = found.spot(3, 4)
        assert (spot.value, spot.ra, spot.longitude) == (1.0, None, None)
        assert found.north() is None
        assert np.isnan(found.pixels_of(np.array([1.0]), np.array([2.0]))[0]).all()


def test_limits_hold_the_background_and_leave_out_what_is_not_finite(image: Path) -> None:
    with open_image(image) as found:
        limits = found.limits()
    assert limits.lowest < limits.low < 100 < limits.high < limits.highest
    assert limits.faint < 100 < limits.bright


def test_an_image_of_nothing_still_has_limits(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.full((8, 8), np.nan)).writeto(tmp_path / "nothing.fits")
    with open_image(tmp_path / "nothing.fits") as found:
        assert found.limits().low < found.limits().high


def test_what_is_no_image_is_refused_by_name(tmp_path: Path, image: Path) -> None:
    (tmp_path / "text.fits").write_text("no image")
    with pytest.raises(InputError, match=r"text\.fits"), open_image(tmp_path / "text.fits"):
        pass
    with pytest.raises(InputError, match="its unit 4, its images are: 0 PRIMARY"):  # noqa: SIM117
        with open_image(image, hdu=4):
            pass


def test_headers_are_given_card_by_card(image: Path) -> None:
    [(number, name, cards)] = header_cards(image)
    assert (number, name) == (0, "PRIMARY")
    assert cards[0].startswith("SIMPLE  =")
    assert any(card.startswith("CTYPE1  = 'RA---TAN'") for card in cards)
