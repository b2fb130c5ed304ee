"""Previews: means of blocks, and grey levels that an astronomer would choose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from hven.errors import ParameterError
from hven.kernels import stretch as module
from hven.kernels.stretch import Levels, display_levels, shrink, stretch


def star_field(seed: int = 1, level: float = 300.0, noise: float = 2.0) -> NDArray[np.float64]:
    """A level with noise, 40 stars, and a faint glow of three times the noise in one corner."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:200, :300]
    image = level + rng.normal(0, noise, x.shape)
    for _ in range(40):
        xs, ys, flux = rng.uniform(0, 300), rng.uniform(0, 200), rng.pareto(1.0) * 50 * noise
        image += flux * np.exp(-((x - xs) ** 2 + (y - ys) ** 2) / 4)
    image += 3 * noise * np.exp(-((x - 250) ** 2 + (y - 150) ** 2) / 800)
    return image


def test_blocks_by_hand_with_cut_ones_at_the_edges() -> None:
    image = np.array([[1, 2, 3], [5, np.nan, 7], [np.inf, np.nan, 4]])
    expected = [[(1 + 2 + 5) / 3, 5.0], [np.nan, 4.0]]
    np.testing.assert_array_equal(shrink(image, 2), np.array(expected, np.float32))


def test_blocks_can_be_weighted_by_area() -> None:
    image, area = np.array([[1.0, 4.0], [7.0, 100.0]]), np.array([[1.0, 2.0], [0.0, -1.0]])
    assert shrink(image, 2, area=area).tolist() == [[3.0]]


@pytest.mark.parametrize("factor", [1, 3, 7, 500])
@pytest.mark.parametrize("strip", [1, 10_000_000])
def test_blocks_are_those_of_the_slow_oracle(
    factor: int, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STRIP_PIXELS", strip)
    rng = np.random.default_rng(2)
    image = rng.normal(1000, 50, (50, 64))
    image[rng.random(image.shape) < 0.3] = np.nan
    shrunk = shrink(image, factor)
    for row, column in np.ndindex(shrunk.shape):
        block = image[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
        finite = block[np.isfinite(block)]
        expected = finite.mean() if finite.size else np.nan
        # The rounding of float32.
        assert shrunk[row, column] == pytest.approx(expected, rel=6e-8, nan_ok=True)


@pytest.mark.parametrize("kind", [">f4", ">i2", "<u2", ">f8", "i8", "u1"])
def test_images_of_any_type_can_be_shrunk(kind: str) -> None:
    image = np.arange(48).reshape(6, 8).astype(kind)
    assert shrink(image, 2)[0].tolist() == [4.5, 6.5, 8.5, 10.5]
    assert stretch(image, display_levels(image)).dtype == np.uint8


def test_an_image_of_no_rows_shrinks_to_none() -> None:
    assert shrink(np.empty((0, 0)), 2).shape == (0, 0)


def test_a_factor_below_one_is_refused() -> None:
    with pytest.raises(ParameterError, match="factor: must be at least 1, got 0"):
        shrink(np.ones((2, 2)), 0)


def test_the_background_lies_slightly_above_black() -> None:
    image = star_field()
    grey = stretch(image, display_levels(image))
    assert 20 < np.median(grey) < 50


def test_faint_structure_can_be_seen_and_stars_are_small() -> None:
    image = star_field()
    grey = stretch(image, display_levels(image)).astype(float)
    glow, sky = np.median(grey[140:160, 240:260]), np.median(grey[:50, :50])
    assert glow > 1.5 * sky
    assert (grey >= 250).mean() < 0.01
    assert grey.max() == 255


def test_another_unit_and_zero_point_give_the_same_picture() -> None:
    image = star_field()
    moved = image * 3e-7 - 1e-3
    one, other = (stretch(i, display_levels(i)).astype(int) for i in (image, moved))
    # A rounding may fall on the other side of a grey level.
    assert abs(one - other).max() <= 1


def test_the_background_is_found_although_a_nebula_covers_a_third() -> None:
    image = star_field()
    image[:, 200:] += np.linspace(50, 400, 100)
    levels = display_levels(image)
    assert levels.black == pytest.approx(300 - 2 * 2, abs=3)


def test_no_value_is_0_and_black_is_1() -> None:
    image = np.array([[np.nan, -np.inf, 0.0, 10.0, np.inf]])
    assert stretch(image, Levels(0.0, 10.0, 1.0)).tolist() == [[0, 1, 1, 255, 255]]


@pytest.mark.parametrize(
    "image",
    [
        np.full((5, 5), np.nan),
        np.full((4, 4), np.inf),
        np.zeros((0, 0)),
        np.zeros((5, 5)),
        np.full((5, 5), -7.0),
        np.full((3, 3), 1e30),
        np.arange(25).reshape(5, 5),
        -np.arange(25.0).reshape(5, 5),
        np.array([[0.0, 0, 0, 0, 0, 0, 0, 5]]),
        np.array([[3.0]]),
        np.array([[1e-40, 2e-40, 5e-40]]),
        np.array([[True, False]]),
    ],
)
def test_odd_images_have_a_picture(image: NDArray[np.float64]) -> None:
    levels = display_levels(image)
    assert levels.black < levels.white
    assert levels.softening > 0
    grey = stretch(image, levels)
    assert grey.shape == image.shape
    assert ((grey == 0) == np.isnan(image.astype(float))).all()


def test_a_constant_image_is_dark_grey() -> None:
    for value in (0.0, 5.0, -1e6):
        image = np.full((9, 9), value)
        assert 5 < stretch(image, display_levels(image))[0, 0] < 100


@given(arrays(np.float32, st.integers(1, 40), elements=st.floats(-1e6, 1e6, width=32)))
def test_brighter_is_never_darker(values: NDArray[np.float32]) -> None:
    grey = stretch(np.sort(values), display_levels(values))
    assert (np.diff(grey.astype(int)) >= 0).all()


@pytest.mark.filterwarnings("ignore:The following header keyword is invalid")  # of image.fits
@pytest.mark.parametrize(
    "name",
    [
        "mosaic/m17_2mass_j/2mass-atlas-990502s-j1420186.fits",
        "mosaic/galactic_center/gc_2mass_k.fits",
        "extract/w5_wise/w5.fits",
        "extract/sdss_ngc6976/reprojected_sdss_r.fits.bz2",
        "extract/m13_small/m13.fits",
        "extract/sep_na36/image.fits",
    ],
)
def test_real_images_have_a_dark_sky_and_few_white_pixels(name: str, shared_data: Path) -> None:
    image = fits.getdata(shared_data / name)
    levels = display_levels(image)
    grey = stretch(image, levels)
    assert 20 < np.median(grey[grey > 0]) < 80
    assert (grey == 255).mean() < 0.005
    # Nothing of note is lost below black.
    assert (grey == 1).mean() < 0.2
