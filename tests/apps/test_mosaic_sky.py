"""Mosaics of all of the sky, over the poles, across the 0h line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

MakeMosaic = Callable[..., Any]
WriteImage = Callable[..., Path]


@pytest.fixture
def all_sky(write_image: WriteImage) -> Path:
    """A dipole over the whole sky: 1 + sin(dec) + cos(dec) cos(ra) / 2."""
    ny, nx = 180, 360
    x, y = np.meshgrid(np.arange(nx), np.arange(ny))
    ra, dec = np.radians(180.0 - (x + 0.5)), np.radians(y + 0.5 - 90.0)
    sky = 1.0 + np.sin(dec) + 0.5 * np.cos(dec) * np.cos(ra)
    return write_image(
        "sky.fits", sky, crval=(0.0, 0.0), crpix=(180.5, 90.5), scale=1.0, projection="CAR"
    )


def dipole(header: fits.Header, shape: tuple[int, int]) -> Any:
    y, x = np.indices(shape)
    ra, dec = np.radians(WCS(header).pixel_to_world_values(x, y))
    return 1.0 + np.sin(dec) + 0.5 * np.cos(dec) * np.cos(ra)


@pytest.mark.parametrize("projection", ["AIT", "MOL", "CAR", "HPX", "TSC", "ZEA", "SFL", "CEA"])
def test_the_whole_sky_on_every_all_sky_projection(
    all_sky: Path, make_mosaic: MakeMosaic, projection: str
) -> None:
    made = make_mosaic(
        [all_sky],
        center="0 0",
        width=360,
        height=180 if projection != "ZEA" else 360,
        projection=projection,
        pixel_scale=7200,
        background="none",
        brightness="surface",
    )
    with made.open() as hdus:
        found, header = hdus[0].data, hdus[0].header
    expected = dipole(header, found.shape)
    inside = np.isfinite(expected) & np.isfinite(found)
    # Every pixel whose centre lies on the sky has a value.
    assert inside.sum() >= 0.995 * np.isfinite(expected).sum()
    # A smooth function, means over pixels of 2 degrees against values at their centres: 1e-3 of
    # the curvature, more where pixels stretch at a projection's edge.
    assert np.median(np.abs(found - expected)[inside]) < 1e-3
    assert np.percentile(np.abs(found - expected)[inside], 99) < 0.05


@pytest.mark.parametrize("declination", [90.0, -90.0])
def test_over_a_pole(write_image: WriteImage, make_mosaic: MakeMosaic, declination: float) -> None:
    paths = [
        write_image(
            f"{number}.fits",
            np.full((100, 100), 3.0),
            crval=(90.0 * number + 10, np.copysign(89.99, declination)),
        )
        for number in range(4)
    ]
    made = make_mosaic(paths, background="plane")
    found = fits.getdata(made.mosaic)
    assert np.nanmin(found) == pytest.approx(3.0, abs=1e-5)
    assert np.nanmax(found) == pytest.approx(3.0, abs=1e-5)
    wcs = WCS(fits.getheader(made.mosaic))
    x, y = wcs.world_to_pixel_values(0.0, declination)
    assert np.isfinite(found[int(np.round(y)), int(np.round(x))])


def test_across_the_0h_line(write_image: WriteImage, make_mosaic: MakeMosaic) -> None:
    paths = [
        write_image(f"{ra}.fits", np.full((100, 100), 2.0), crval=(ra, 0.0))
        for ra in (359.99, 0.005)
    ]
    made = make_mosaic(paths)
    found = fits.getdata(made.mosaic)
    assert found.shape[1] < 200
    assert np.isfinite(found).mean() > 0.99


def test_two_groups_that_do_not_touch_are_said(
    write_image: WriteImage, make_mosaic: MakeMosaic
) -> None:
    paths = [
        write_image(f"{number}.fits", np.full((50, 50), float(number)), crval=(ra, 0.0))
        for number, ra in enumerate((10.0, 10.005, 10.1, 10.105, 10.3))
    ]
    made = make_mosaic(paths)
    log = (made.folder / "log.txt").read_text()
    assert "2 groups that do not touch" in log
    assert "4.fits overlaps no other image" in log
