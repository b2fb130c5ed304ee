"""The pixel map against exact positions, and whole skies with their cuts, poles and horizons."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import polynomial
from numpy.typing import NDArray
from skies import WHOLE_SKY, between, field_wcs, on_the_sky, whole_sky

from hven.errors import ParameterError
from hven.kernels.overlap import Projected, project
from hven.kernels.pixel_map import PixelMap, PixelTransform, build_pixel_map

Array = NDArray[Any]


class Counted:
    """A transform that counts the positions it is asked for."""

    def __init__(self, transform: PixelTransform) -> None:
        self.transform, self.positions = transform, 0

    def __call__(self, x: Array, y: Array) -> tuple[Array, Array]:
        self.positions += x.size
        return self.transform(x, y)


def largest_error(pixel_map: PixelMap, transform: PixelTransform) -> float:
    """Of all vertices of whole cells, in output pixels; polynomials fitted, not interpolated."""
    worst = 0.0
    for cells, places in (
        (pixel_map.flat, pixel_map.corners),
        (pixel_map.curved, pixel_map.nodes),
    ):
        for (x, y, size), nodes in zip(cells, places, strict=True):
            t = np.arange(size + 1) / size
            order = nodes.shape[0] - 1
            at = np.arange(order + 1) / order
            guess = nodes
            for axis in (0, 1):
                flat = np.moveaxis(guess, axis, 0).reshape(order + 1, -1)
                values = polynomial.polyval(t, polynomial.polyfit(at, flat, order)).T
                shape = (size + 1, *np.delete(guess.shape, axis))
                guess = np.moveaxis(values.reshape(shape), 0, axis)
            yy, xx = np.mgrid[0 : size + 1, 0 : size + 1]
            exact = np.stack(transform(xx + x - 0.5, yy + y - 0.5), axis=-1)
            worst = max(worst, float(np.abs(guess - exact).max()))
    return worst


def times_held(pixel_map: PixelMap) -> Array:
    """How often each pixel is in a cell or, by shares, in fragments: 1 or 0."""
    held = np.zeros(pixel_map.shape)
    for x, y, size in np.concatenate([pixel_map.flat, pixel_map.curved]):
        held[y : y + size, x : x + size] += 1
    parts = pixel_map.fragments
    for pixel, share in ((parts.pixel, parts.share), (parts.point_pixel, parts.point_share)):
        np.add.at(held, (pixel[:, 1], pixel[:, 0]), share)
    return held


def flux(projected: Projected) -> float:
    return float(np.nansum(projected.image * projected.area))


def bent(amount: float, power: int) -> PixelTransform:
    return lambda x, y: (x + amount * (y / 100) ** power, y - amount * (x / 100) ** power)


def test_a_linear_map_has_only_whole_bilinear_cells() -> None:
    transform = Counted(lambda x, y: (2 * x - y, x + 3))
    pixel_map = build_pixel_map(transform, (96, 64))
    assert pixel_map.flat.tolist() == [[x, y, 32] for y in (0, 32, 64) for x in (0, 32)]
    assert not len(pixel_map.curved)
    # One wide cell: 9 positions, 16 more, 9 to compare with.
    assert transform.positions == 34


@pytest.mark.parametrize("accuracy", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("power", [2, 3, 5, 9])
def test_every_vertex_is_as_accurate_as_asked(accuracy: float, power: int) -> None:
    transform = bent(0.3, power)
    pixel_map = build_pixel_map(transform, (128, 128), accuracy=accuracy)
    # Checked at few places in a cell, so a little more may lie between them.
    assert largest_error(pixel_map, transform) < 1.5 * accuracy


@settings(max_examples=40, deadline=None)
@given(st.floats(-3, 3), st.floats(-2, 2), st.floats(0.5, 3), st.floats(0, 6))
def test_waves_of_any_kind_are_followed(a: float, b: float, frequency: float, phase: float) -> None:
    def transform(x: Array, y: Array) -> tuple[Array, Array]:
        wave = np.sin(frequency * (a * x + b * y) / 60 + phase)
        return 1.3 * x + wave, 0.8 * y - 2 * wave

    pixel_map = build_pixel_map(transform, (64, 96))
    assert largest_error(pixel_map, transform) < 2e-5
    np.testing.assert_array_equal(times_held(pixel_map), 1)


@pytest.mark.parametrize("scale", [1, 60])
@pytest.mark.parametrize("projection", ["TAN", "STG", "CAR", "AIT", "HPX", "COE"])
def test_fields_take_few_positions_and_are_accurate(projection: str, scale: float) -> None:
    transform = Counted(
        between(field_wcs("SIN", scale, 256, rotation_deg=3), field_wcs(projection, scale, 256))
    )
    pixel_map = build_pixel_map(transform, (256, 256))
    assert transform.positions < 256 * 256 / 25
    assert largest_error(pixel_map, transform) < 1e-5
    assert not len(pixel_map.fragments.pixel)


def test_neighbours_of_one_size_share_the_positions_on_their_edge() -> None:
    transform = between(field_wcs("SIN", 1, 128, rotation_deg=3), field_wcs("TAN", 1, 128))
    pixel_map = build_pixel_map(transform, (128, 128))
    grid = pixel_map.corners.reshape(4, 4, 2, 2, 2)
    np.testing.assert_array_equal(grid[:, 1:, :, 0], grid[:, :-1, :, 1])
    np.testing.assert_array_equal(grid[1:, :, 0], grid[:-1, :, 1])


def test_the_extent_is_that_of_the_image_not_of_its_cells() -> None:
    pixel_map = build_pixel_map(lambda x, y: (x + 10, 2 * y), (5, 40))
    assert pixel_map.extent() == (9.5, -1.0, 49.5, 9.0)
    pixel_map = build_pixel_map(bent(5, 2), (40, 50))
    x_min, y_min, x_max, y_max = pixel_map.extent()
    # A curved cell's box is widened by a sixteenth.
    assert -3 <= x_min <= -0.5
    assert -4 <= y_min <= -1.7
    assert 50.2 <= x_max <= 53
    assert 39.5 <= y_max <= 42


def test_a_window_leaves_out_what_cannot_reach_it() -> None:
    first, shape = whole_sky("CAR", 0.25)
    second = field_wcs("TAN", 300, 100)
    transform = Counted(between(first, second))
    window = (0, 0, 100, 100)
    part = build_pixel_map(transform, shape, window=window)
    # Cells about the field and along the horizon, not the million pixels of the sky.
    assert transform.positions < 0.9 * shape[0] * shape[1]
    image = np.random.default_rng(1).normal(size=shape)
    whole = build_pixel_map(between(first, second), shape)
    one = project(image, part, window=window, dtype=np.float64)
    two = project(image, whole, window=window, dtype=np.float64)
    np.testing.assert_allclose(one.image, two.image, atol=1e-12)
    assert one.area.min() > 0.999


def test_wrong_parameters_are_named_all_at_once() -> None:
    with pytest.raises(ParameterError) as caught:
        build_pixel_map(bent(1, 2), (0, 5), accuracy=0, spacing=33)
    assert str(caught.value).splitlines() == [
        "shape: must be at least one pixel each way, got (0, 5)",
        "accuracy: must be above 0 pixel, got 0",
        "spacing: must be a power of two, 4 to 512 pixels, got 33",
    ]


PAIRS = [
    *[(first, "CAR") for first in WHOLE_SKY],
    *[("CAR", second) for second in WHOLE_SKY if second != "CAR"],
    *[("AIT", "HPX"), ("HPX", "TSC"), ("TSC", "MOL"), ("MOL", "AIT"), ("ZEA", "AIT")],
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_all_sky_maps_keep_every_pixel_once_and_all_flux(first: str, second: str) -> None:
    one, shape = whole_sky(first, 3)
    other, window = whole_sky(second, 3, longitude=77)
    pixel_map = build_pixel_map(between(one, other), shape)
    held = times_held(pixel_map)
    whole = on_the_sky(one, shape, 3).reshape(shape)
    np.testing.assert_allclose(held[whole], 1)
    assert np.isin(held.round(9), (0, 1)).all()
    image = np.random.default_rng(2).uniform(1, 2, shape)
    amounts = project(
        image,
        pixel_map,
        per_pixel=True,
        window=(-9, -9, window[1] + 9, window[0] + 9),
        dtype=np.float64,
    )
    # What covers less than 1e-7 of an output pixel is left out.
    assert flux(amounts) == pytest.approx(image[held > 0.5].sum(), rel=1e-6)
    # No pixel is smeared over the map: the mean of values of 1 to 2 lies between them.
    brightness = project(image, pixel_map, window=(0, 0, *window[::-1]), dtype=np.float64)
    covered = brightness.area > 1e-5
    assert brightness.image[covered].min() > 1 - 1e-6
    assert brightness.image[covered].max() < 2 + 1e-6


@pytest.mark.parametrize("second", ["AIT", "MOL", "HPX", "TSC", "ZEA"])
def test_a_smooth_sky_looks_the_same_in_every_projection(second: str) -> None:
    def brightness(wcs: Any, shape: tuple[int, int]) -> Array:
        y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(float)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lon, lat = np.radians(wcs.wcs_pix2world(x.ravel(), y.ravel(), 0))
        found = np.cos(lat) * np.cos(lon - 1) + 2 * np.sin(lat) + 5
        return np.asarray(found.reshape(shape))

    one, shape = whole_sky("CAR", 1)
    other, window = whole_sky(second, 1, longitude=77)
    pixel_map = build_pixel_map(between(one, other), shape)
    result = project(
        brightness(one, shape), pixel_map, window=(0, 0, *window[::-1]), dtype=np.float64
    )
    expected = brightness(other, window)[result.y0 :, result.x0 :]
    expected = expected[: result.image.shape[0], : result.image.shape[1]]
    inner = (result.area > 0.9) & np.isfinite(expected)
    assert inner.sum() > 30_000
    # The sky changes by up to 0.04 a degree. The centroid of the pixels that make an output
    # pixel is off its center by up to a quarter, next to a cut by up to one.
    error = np.abs(result.image - expected)[inner]
    assert np.percentile(error, 99) < 0.01
    assert error.max() < 0.05


def test_coverage_of_the_whole_sky_has_no_holes_and_no_doubles() -> None:
    one, shape = whole_sky("AIT", 1)
    other, window = whole_sky("TSC", 1, longitude=30)
    pixel_map = build_pixel_map(between(one, other), shape)
    result = project(np.ones(shape), pixel_map, window=(0, 0, *window[::-1]), dtype=np.float64)
    # Six faces of 90 x 90 pixels; along the cut the smallest parts are only points.
    assert result.area.sum() == pytest.approx(6 * 90**2, rel=1e-3)
    whole = result.area[np.abs(result.area - 1) < 1e-4]
    assert whole.size > 0.88 * 6 * 90**2
    assert result.area.max() < 1.3


def test_a_pixel_on_the_pole_fills_the_whole_last_row() -> None:
    one = field_wcs("TAN", 3600, 21, center=(0.0, 90.0))
    one.wcs.crpix = 11, 11
    other, shape = whole_sky("CAR", 1)
    pixel_map = build_pixel_map(between(one, other), (21, 21))
    image = np.zeros((21, 21))
    image[10, 10] = 4
    image[10, 11] = 1
    result = project(image, pixel_map, window=(0, 0, *shape[::-1]), dtype=np.float64)
    top = 179 - result.y0
    np.testing.assert_array_equal(np.isfinite(result.image[top]), True)
    # The pole's pixel reaches 0.5 to 0.7 degrees down, its neighbours the rest.
    assert result.image[top].min() > 1.8
    counts = project(
        image, pixel_map, per_pixel=True, window=(0, 0, *shape[::-1]), dtype=np.float64
    )
    assert flux(counts) == pytest.approx(5, rel=1e-6)


def test_an_image_beyond_the_horizon_of_a_tangent_plane_stops_there() -> None:
    one, shape = whole_sky("CAR", 1)
    other = field_wcs("TAN", 3600, 40, center=(0.0, 0.0))
    pixel_map = build_pixel_map(between(one, other), shape, window=(0, 0, 40, 40))
    result = project(np.full(shape, 3.0), pixel_map, window=(0, 0, 40, 40), dtype=np.float64)
    assert result.image.shape == (40, 40)
    np.testing.assert_allclose(result.image, 3)
    # Straight sides of pixels of one degree: the plane is filled without gap or overlap.
    np.testing.assert_allclose(result.area, 1, atol=1e-6)


def test_a_wrap_between_two_columns_is_not_bridged() -> None:
    def wrap(x: Array, y: Array) -> tuple[Array, Array]:
        return np.mod(x + 100.37, 360.0), y

    pixel_map = build_pixel_map(wrap, (20, 360))
    assert np.ptp(pixel_map.nodes[..., 0], axis=(1, 2)).max(initial=0) < 40
    assert np.ptp(pixel_map.corners[..., 0], axis=(1, 2)).max() < 40
    image = np.random.default_rng(1).uniform(1, 2, (20, 360))
    result = project(image, pixel_map, per_pixel=True, dtype=np.float64)
    assert flux(result) == pytest.approx(image.sum(), rel=1e-6)
    assert np.nanmax(result.image) < 2 + 1e-6


def test_an_island_on_an_empty_map_is_found() -> None:
    def island(x: Array, y: Array) -> tuple[Array, Array]:
        there = (x - 70.3) ** 2 + (y - 41.8) ** 2 < 9.5**2
        return np.where(there, x, math.nan), np.where(there, y, math.nan)

    pixel_map = build_pixel_map(island, (100, 130))
    area = project(np.ones((100, 130)), pixel_map, dtype=np.float64).area
    # Parts of 1/16 pixel along the rim are counted whole or not at all.
    assert area.sum() == pytest.approx(math.pi * 9.5**2, rel=2e-3)


def test_a_map_to_nowhere_is_empty() -> None:
    nowhere = build_pixel_map(lambda x, y: (x * math.nan, y * math.nan), (50, 60))
    assert not len(nowhere.flat) + len(nowhere.curved) + len(nowhere.fragments.pixel)
    assert project(np.ones((50, 60)), nowhere).image.shape == (0, 0)
    assert nowhere.extent()[0] > nowhere.extent()[2]
