"""Flux: total, of each source, on any projection, in any combination."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray
from scipy.special import erf

MakeMosaic = Callable[..., Any]
WriteImage = Callable[..., Path]


def stars(
    shape: tuple[int, int], places: NDArray[Any], fluxes: NDArray[Any], sigma: float = 1.5
) -> NDArray[np.float64]:
    """Gaussians integrated over the pixels."""
    image = np.zeros(shape)
    edges_y, edges_x = (np.arange(size + 1) - 0.5 for size in shape)
    for (x, y), flux in zip(places, fluxes, strict=True):
        in_x = np.diff(erf((edges_x - x) / sigma / np.sqrt(2))) / 2
        in_y = np.diff(erf((edges_y - y) / sigma / np.sqrt(2))) / 2
        image += flux * np.outer(in_y, in_x)
    return image


@pytest.fixture
def star_field(write_image: WriteImage) -> tuple[Path, NDArray[Any], NDArray[Any]]:
    """An image of 25 stars per pixel, with their sky positions and fluxes."""
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2)
    places = 30.0 + 35.0 * grid + rng.uniform(-3, 3, grid.shape)
    fluxes = rng.uniform(100, 1000, len(grid))
    path = write_image(
        "stars.fits", stars((200, 200), places, fluxes), rotation=27.0, projection="SIN", BUNIT="DN"
    )
    return path, WCS(fits.getheader(path)).wcs_pix2world(places, 0), fluxes


@pytest.mark.parametrize("projection", ["TAN", "ZEA", "CAR", "AIT", "HPX", "TSC"])
def test_every_stars_flux_is_kept(
    star_field: tuple[Path, NDArray[Any], NDArray[Any]], make_mosaic: MakeMosaic, projection: str
) -> None:
    path, sky, fluxes = star_field
    made = make_mosaic(
        [path],
        center="150 20",
        width=0.07,
        projection=projection,
        pixel_scale=0.8,
        background="none",
        pixel_type="float64",
    )
    with made.open() as hdus:
        image, wcs = np.nan_to_num(hdus[0].data), WCS(hdus[0].header)
    area = fits.getdata(made.area)
    x, y = np.round(wcs.world_to_pixel_values(sky[:, 0], sky[:, 1])).astype(int)
    # 16 pixels are more than 8 sigma of the star: what is outside is below 1e-9. The bound is the
    # map's 1e-5 pixel against the star's own slope.
    for star_x, star_y, flux in zip(x, y, fluxes, strict=True):
        box = np.s_[star_y - 16 : star_y + 17, star_x - 16 : star_x + 17]
        assert (image[box] * area[box]).sum() == pytest.approx(flux, rel=1e-5)


@pytest.mark.parametrize("pixel_scale", [0.37, 1.0, 2.9])
def test_the_sum_of_pixels_is_kept_at_any_scale(
    star_field: tuple[Path, NDArray[Any], NDArray[Any]],
    make_mosaic: MakeMosaic,
    pixel_scale: float,
) -> None:
    path, _, fluxes = star_field
    made = make_mosaic([path], pixel_scale=pixel_scale, background="none")
    total = np.nansum(fits.getdata(made.mosaic).astype(float) * fits.getdata(made.area))
    assert total == pytest.approx(fluxes.sum(), rel=1e-6)


@pytest.mark.parametrize("kernel", ["square", "gaussian", "turbo", "lanczos3"])
def test_drizzles_kernels_keep_a_stars_flux_as_well_as_they_can(
    star_field: tuple[Path, NDArray[Any], NDArray[Any]], make_mosaic: MakeMosaic, kernel: str
) -> None:
    path, sky, fluxes = star_field
    made = make_mosaic([path], kernel=kernel, background="none", pixel_scale=1.0)
    with made.open() as hdus:
        image, wcs = np.nan_to_num(hdus[0].data), WCS(hdus[0].header)
    x, y = np.round(wcs.world_to_pixel_values(sky[:, 0], sky[:, 1])).astype(int)
    found = [
        image[b - 16 : b + 17, a - 16 : a + 17].sum(dtype=float) for a, b in zip(x, y, strict=True)
    ]
    # Square is exact in area; the others are approximations, good to a percent at equal scales.
    assert np.max(np.abs(found / fluxes - 1)) < (1e-4 if kernel == "square" else 0.02)


def test_the_exact_kernel_equals_drizzles_square_one(
    star_field: tuple[Path, NDArray[Any], NDArray[Any]], make_mosaic: MakeMosaic
) -> None:
    path, *_ = star_field
    exact, square = (
        make_mosaic([path], kernel=kernel, background="none") for kernel in ("exact", "square")
    )
    one, two = (fits.getdata(made.mosaic) for made in (exact, square))
    area = fits.getdata(exact.area)
    # Drizzle works in float32 of values up to 100.
    assert np.nanmax(np.abs(one - two)[area > 0.99]) < 2e-4


def test_one_image_on_its_own_grid_is_itself(
    star_field: tuple[Path, NDArray[Any], NDArray[Any]], make_mosaic: MakeMosaic
) -> None:
    path, *_ = star_field
    made = make_mosaic([path], header=path, pixel_type="float64")
    assert fits.getdata(made.mosaic) == pytest.approx(fits.getdata(path), abs=1e-4)


def test_median_and_clip_remove_an_outlier_that_the_mean_keeps(
    write_image: WriteImage, make_mosaic: MakeMosaic
) -> None:
    rng = np.random.default_rng(5)
    paths = []
    for number in range(9):
        data = 10 + rng.normal(0, 0.1, (40, 40))
        if number == 4:
            data[20, 20] = 1000
        paths.append(write_image(f"{number}.fits", data))
    found = {
        combine: fits.getdata(
            make_mosaic(paths, header=paths[0], combine=combine, background="none").mosaic
        )[20, 20]
        for combine in ("mean", "median", "clip", "count")
    }
    assert found["mean"] > 100
    assert found["median"] == pytest.approx(10, abs=0.2)
    assert found["clip"] == pytest.approx(10, abs=0.2)
    assert found["count"] == 9


def test_weights_weigh(write_image: WriteImage, make_mosaic: MakeMosaic) -> None:
    images = [write_image(f"{v}.fits", np.full((20, 20), float(v))) for v in (1, 4)]
    weights = [write_image(f"w{v}.fits", np.full((20, 20), float(v))) for v in (3, 1)]
    variances = [write_image(f"v{v}.fits", np.full((20, 20), 1 / v)) for v in (3.0, 1.0)]
    options = {"header": images[0], "background": "none"}
    for given, kind in ((weights, "weight"), (variances, "variance")):
        made = make_mosaic(images, weights=given, weight_kind=kind, **options)
        assert fits.getdata(made.mosaic) == pytest.approx(np.full((20, 20), 1.75))
        assert fits.getdata(made.area) == pytest.approx(np.full((20, 20), 4.0))


def test_masked_and_blank_pixels_are_left_out(
    write_image: WriteImage, make_mosaic: MakeMosaic
) -> None:
    data = np.arange(400, dtype=np.int16).reshape(20, 20)
    data[3, 4] = -99
    image = write_image("image.fits", data, BLANK=-99)
    # astropy takes the scale out when it writes, so it is put in afterwards.
    for keyword, value in (("BSCALE", 2.0), ("BZERO", 5.0)):
        fits.setval(image, keyword, value=value)
    flags = np.zeros((20, 20), np.int32)
    flags[10, 11], flags[12, 13] = 4, 2
    mask = write_image("mask.fits", flags)
    made = make_mosaic([image], masks=[mask], mask_bits=4, header=image, background="none")
    found = fits.getdata(made.mosaic)
    assert np.argwhere(np.isnan(found)).tolist() == [[3, 4], [10, 11]]
    assert found[12, 13] == pytest.approx(2.0 * (12 * 20 + 13) + 5.0)
