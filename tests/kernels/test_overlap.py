"""Overlap areas against a case by hand, polygon clipping, symmetries and reproject."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from reproject import reproject_exact
from skies import between, field_wcs, pixel_solid_angles

from hven.errors import ParameterError, ResourceError
from hven.kernels.overlap import Projected, project
from hven.kernels.pixel_map import PixelMap, build_pixel_map

Array = NDArray[Any]
Point = tuple[float, float]

#: float64 sums of some ten thousand terms of order 1000.
ROUNDING = 1e-9


def affine(matrix: Any, shift: Any = (0.0, 0.0)) -> Callable[[Array, Array], tuple[Array, Array]]:
    (a, b), (c, d) = matrix
    return lambda x, y: (a * x + b * y + shift[0], c * x + d * y + shift[1])


def turned(degrees: float, scale: float = 1.0) -> Array:
    c, s = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return np.array([[c, -s], [s, c]])


def mapped(shape: tuple[int, int], matrix: Any, shift: Any = (0.0, 0.0)) -> PixelMap:
    return build_pixel_map(affine(matrix, shift), shape)


def noise(shape: tuple[int, int], seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(100, 10, shape)


def flux(projected: Projected) -> float:
    return float(np.nansum(projected.image.astype(float) * projected.area))


def clipped_area(polygon: list[Point], x: int, y: int) -> float:
    """Area of a polygon within a pixel; Sutherland & Hodgman, doi:10.1145/360767.360802."""
    for axis, side, limit in ((0, 1, x - 0.5), (0, -1, x + 0.5), (1, 1, y - 0.5), (1, -1, y + 0.5)):
        kept: list[Point] = []
        for one, two in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            in_one, in_two = (side * (point[axis] - limit) >= 0 for point in (one, two))
            if in_one:
                kept.append(one)
            if in_one != in_two:
                t = (limit - one[axis]) / (two[axis] - one[axis])
                kept.append((one[0] + t * (two[0] - one[0]), one[1] + t * (two[1] - one[1])))
        polygon = kept
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return abs(sum(a[0] * b[1] - a[1] * b[0] for a, b in pairs)) / 2


def by_clipping(image: Array, weight: Array, matrix: Any, shift: Any, window: Any) -> Array:
    """Sums of value x weight x area and of weight x area, (2, ny, nx), the slow way."""
    x_min, y_min, x_max, y_max = window
    sums = np.zeros((2, y_max - y_min, x_max - x_min))
    move = affine(matrix, shift)
    corners = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
    for (j, i), value in np.ndenumerate(image):
        if not math.isfinite(value) or not weight[j, i] > 0:
            continue
        polygon = [move(i + dx, j + dy) for dx, dy in corners]  # type: ignore[arg-type]
        xs, ys = zip(*polygon, strict=True)
        for y in range(max(round(min(ys)), y_min), min(round(max(ys)) + 1, y_max)):
            for x in range(max(round(min(xs)), x_min), min(round(max(xs)) + 1, x_max)):
                area = clipped_area(polygon, x, y) * weight[j, i]  # type: ignore[arg-type]
                sums[:, y - y_min, x - x_min] += value * area, area
    return sums


def test_one_pixel_between_four_gives_each_its_share() -> None:
    result = project([[8.0]], mapped((1, 1), np.eye(2), (2.25, 5.5)), dtype=np.float64)
    assert (result.x0, result.y0) == (2, 5)
    np.testing.assert_allclose(result.image, [[8, 8], [8, 8]])
    np.testing.assert_allclose(result.area, [[0.375, 0.125], [0.375, 0.125]])


def test_pixels_that_fall_on_pixels_are_copied() -> None:
    image = noise((40, 50))
    result = project(image, mapped(image.shape, np.eye(2), (3, -7)), dtype=np.float64)
    inner = result.image[-7 - result.y0 :, 3 - result.x0 :][:40, :50]
    np.testing.assert_allclose(inner, image, atol=ROUNDING)


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.7])
@pytest.mark.parametrize("degrees", [0, 3, 45, 90, 161, 270])
@pytest.mark.parametrize("flip", [1, -1])
def test_any_turn_and_scale_agrees_with_polygon_clipping(
    scale: float, degrees: float, flip: int
) -> None:
    image = noise((13, 11))
    image[3, 4] = np.nan
    weight = np.random.default_rng(2).uniform(0, 2, image.shape)
    weight[weight < 0.3] = 0
    matrix, shift = turned(degrees, scale) @ np.diag([flip, 1]), (4.3, 3.8)
    window = (-3, -2, 17, 12)
    value, area = by_clipping(image, weight, matrix, shift, window)
    pixel_map = mapped(image.shape, matrix, shift)
    result = project(image, pixel_map, weight=weight, window=window, dtype=np.float64)
    part = (
        slice(result.y0 + 2, result.y0 + 2 + len(result.image)),
        slice(result.x0 + 3, result.x0 + 3 + result.image.shape[1]),
    )
    assert np.isclose(area.sum(), area[part].sum())
    # A sliver of area is all rounding.
    np.testing.assert_allclose(result.area, area[part], atol=1.1e-7)
    np.testing.assert_allclose(np.nan_to_num(result.image * result.area), value[part], atol=2e-5)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0, 360),
    st.floats(0.2, 4),
    st.floats(-0.6, 0.6),
    st.booleans(),
    st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
)
def test_flux_and_area_are_kept_by_any_linear_map(
    degrees: float, scale: float, shear: float, flip: bool, shift: Point
) -> None:
    image = noise((37, 70))
    matrix = turned(degrees, scale) @ np.array([[-1.0 if flip else 1.0, shear], [0, 1]])
    pixel_map = mapped(image.shape, matrix, shift)
    size = scale**2
    result = project(image, pixel_map, dtype=np.float64)
    amounts = project(image, pixel_map, per_pixel=True, dtype=np.float64)
    # Output pixels covered by less than 1e-7 are left out.
    assert result.area.sum() == pytest.approx(size * image.size, rel=1e-6)
    assert flux(result) == pytest.approx(size * image.sum(), rel=1e-6)
    assert flux(amounts) == pytest.approx(image.sum(), rel=1e-6)


@pytest.mark.parametrize("degrees", [0.0, 1.5, -2.0, 30.0])
@pytest.mark.parametrize("scale", [1.0, 0.99])
def test_the_size_of_the_cells_does_not_matter(degrees: float, scale: float) -> None:
    # Pixels in a row of a cell are added together where they lie alike, in runs of many lengths.
    image = noise((150, 150))
    image[40, 70:90] = np.nan
    place = affine(turned(degrees, scale), (0.3, 0.7))
    small, large = (
        project(image, build_pixel_map(place, image.shape, spacing=size), dtype=np.float64)
        for size in (4, 128)
    )
    assert large[2:] == small[2:]
    np.testing.assert_allclose(large.area, small.area, rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(
        large.image * large.area, small.image * small.area, rtol=0, atol=ROUNDING
    )


def test_a_whole_shift_moves_the_result_and_no_more() -> None:
    image, matrix = noise((50, 60)), turned(17, 1.1)
    one = project(image, mapped(image.shape, matrix, (0.3, 0.4)), dtype=np.float64)
    two = project(image, mapped(image.shape, matrix, (100.3, -49.6)), dtype=np.float64)
    assert (two.x0 - one.x0, two.y0 - one.y0) == (100, -50)
    np.testing.assert_allclose(two.image, one.image, rtol=1e-6)


def test_transposed_and_mirrored_images_give_transposed_and_mirrored_results() -> None:
    image, matrix, shift = noise((50, 60)), turned(31, 0.9), np.array([0.3, 0.4])
    one = project(image, mapped(image.shape, matrix, shift), dtype=np.float64, window=(1, 1, 30, 9))
    swap, mirror = np.array([[0, 1], [1, 0]]), np.diag([-1, 1])
    moved = mapped((60, 50), swap @ matrix @ swap, swap @ shift)
    two = project(image.T, moved, dtype=np.float64, window=(1, 1, 9, 30))
    np.testing.assert_allclose(two.image.T, one.image, rtol=1e-6)
    moved = mapped(image.shape, mirror @ matrix, mirror @ shift)
    two = project(image, moved, dtype=np.float64, window=(-29, 1, 0, 9))
    np.testing.assert_allclose(two.image[:, ::-1], one.image, rtol=1e-6)


@pytest.mark.parametrize("window", [(0, 0, 20, 30), (-90, 10, 11, 12), (7, -300, 9, 300)])
def test_a_window_is_exactly_cut_from_the_whole(window: tuple[int, int, int, int]) -> None:
    image = noise((80, 90))
    pixel_map = mapped(image.shape, turned(33), (4.4, -11.3))
    whole = project(image, pixel_map, dtype=np.float64)
    part = project(image, pixel_map, dtype=np.float64, window=window)
    y, x = part.y0 - whole.y0, part.x0 - whole.x0
    rows, columns = part.image.shape
    assert rows
    assert columns
    cut = (slice(y, y + rows), slice(x, x + columns))
    np.testing.assert_allclose(part.area, whole.area[cut], atol=1e-7)
    np.testing.assert_allclose(part.image, whole.image[cut], rtol=1e-6)
    assert np.nansum(part.area) == pytest.approx(
        whole.area[
            max(window[1] - whole.y0, 0) : max(window[3] - whole.y0, 0),
            max(window[0] - whole.x0, 0) : max(window[2] - whole.x0, 0),
        ].sum()
    )


def test_a_window_beside_the_image_gives_nothing() -> None:
    result = project(noise((8, 8)), mapped((8, 8), np.eye(2)), window=(100, 0, 120, 20))
    assert result.image.shape == result.area.shape == (0, 0)


@pytest.mark.parametrize("kind", [">f4", "<f4", ">f8", "<f8", ">i2", "i4", "u1", "?", "f2"])
def test_every_type_and_byte_order_gives_the_same(kind: str) -> None:
    # More rows than are converted at a time.
    image = np.random.default_rng(1).integers(0, 2, (700, 40))
    pixel_map = mapped(image.shape, turned(5), (0.2, 0.1))
    plain = project(image.astype(np.float64), pixel_map)
    other = project(image.astype(kind), pixel_map)
    np.testing.assert_allclose(other.image, plain.image, rtol=1e-6, atol=1e-6)
    assert other.image.dtype == other.area.dtype == np.float32


def test_views_and_read_only_images_are_taken() -> None:
    image = noise((64, 48))[::2, ::-1]
    image.flags.writeable = False
    pixel_map = mapped(image.shape, turned(5))
    np.testing.assert_array_equal(
        project(image, pixel_map).image, project(image.copy(), pixel_map).image
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_without_data_add_neither_value_nor_area(bad: float) -> None:
    image = np.full((40, 40), 7.0)
    image[10:14, 20:23] = bad
    result = project(image, mapped(image.shape, turned(20)), dtype=np.float64)
    np.testing.assert_allclose(result.image[np.isfinite(result.image)], 7)
    assert result.area.sum() == pytest.approx(40 * 40 - 12, rel=1e-6)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_bad_weight_is_the_same_as_no_data(bad: float) -> None:
    image, weight = noise((40, 40)), np.ones((40, 40), np.float32)
    weight[5:9, 3:30] = bad
    blank = np.where(weight == 1, image, np.nan)
    pixel_map = mapped(image.shape, turned(20))
    one = project(image, pixel_map, weight=weight, dtype=np.float64)
    two = project(blank, pixel_map, dtype=np.float64)
    np.testing.assert_allclose(one.image, two.image, rtol=1e-6)
    np.testing.assert_allclose(one.area, two.area, atol=1e-7)


def test_an_image_without_any_data_covers_nothing() -> None:
    result = project(np.full((9, 9), np.nan), mapped((9, 9), turned(20)))
    assert np.isnan(result.image).all()
    assert not result.area.any()


def test_weights_of_one_size_change_the_area_alone() -> None:
    image, pixel_map = noise((40, 40)), mapped((40, 40), turned(20))
    one = project(image, pixel_map, dtype=np.float64)
    two = project(image, pixel_map, weight=np.full(image.shape, 2.5), dtype=np.float64)
    np.testing.assert_allclose(two.area, 2.5 * one.area, atol=3e-7)
    np.testing.assert_allclose(two.image, one.image, rtol=1e-6)


def test_wrong_arrays_are_named_all_at_once() -> None:
    with pytest.raises(ParameterError) as caught:
        project(np.ones((3, 4), complex), mapped((4, 3), np.eye(2)), dtype="i4")
    assert str(caught.value).splitlines() == [
        "image: must have the map's shape (4, 3), got (3, 4)",
        "image: must be of real numbers, got complex128",
        "dtype: must be float32 or float64, got int32",
    ]


def test_a_map_to_infinity_wants_a_window() -> None:
    def horizon(x: Array, y: Array) -> tuple[Array, Array]:
        angle = np.where(np.abs(x) < 45.25, x, np.nan) * math.radians(2)
        return 30 * np.tan(angle), y / np.cos(angle)

    image = noise((20, 60))
    pixel_map = build_pixel_map(lambda x, y: horizon(x - 5.0, y), image.shape)
    with pytest.raises(ResourceError, match="window: must be given"):
        project(image, pixel_map._replace(nodes=pixel_map.nodes * 1e9))
    result = project(image, pixel_map, window=(-100, -50, 100, 50))
    assert np.nanmin(result.image) > image.min() - 1e-3
    assert np.nanmax(result.image) < image.max() + 1e-3


def field_of_stars(size: int) -> tuple[Array, list[Point], float]:
    """Stars of sigma 1.06 pixels (FWHM 2.5) that stand alone, their places, and their flux."""
    y, x = np.mgrid[0:size, 0:size].astype(float)
    rng = np.random.default_rng(3)
    image = np.zeros((size, size))
    places = []
    for j in range(16, size - 15, 26):
        for i in range(16, size - 15, 26):
            a, b = i + rng.uniform(-0.5, 0.5), j + rng.uniform(-0.5, 0.5)
            image += np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 1.06**2))
            places.append((a, b))
    image[image < 1e-12] = 0
    return image, places, float(image.sum() / len(places))


PROJECTIONS = (
    *("TAN", "SIN", "ZEA", "STG", "ARC", "AZP", "CAR", "AIT"),
    *("MOL", "HPX", "CEA", "SFL", "COE", "COP", "BON", "PAR"),
)


@pytest.mark.parametrize("scale", [1, 60])
@pytest.mark.parametrize("projection", PROJECTIONS)
def test_sixteen_projections_agree_with_reproject_exact(projection: str, scale: float) -> None:
    size = 70
    image = 20 * field_of_stars(size)[0] + noise((size, size)) / 100
    first = field_wcs("SIN", scale, size, rotation_deg=3)
    second = field_wcs(projection, scale, size)
    pixel_map = build_pixel_map(between(first, second), image.shape)
    ours = project(image, pixel_map, window=(0, 0, size, size), dtype=np.float64)
    image_exact, covered = reproject_exact((image, first), second, shape_out=(size, size))
    part = (slice(ours.y0, None), slice(ours.x0, None))
    rows, columns = ours.image.shape
    image_exact = image_exact[part][:rows, :columns]
    inner = ours.area > 0.99 * ours.area.max()
    assert inner.sum() > 0.5 * size**2
    # reproject weighs the parts of an output pixel by their areas on the sphere, ours are those
    # of the plane: equal but for the change of the pixel's size within one pixel.
    error = np.abs(image_exact - ours.image)[inner].max()
    assert error < 1e-5 * np.ptp(image)
    covered = covered[part][:rows, :columns]
    assert np.abs(covered / covered.max() - ours.area)[inner].max() < 0.05


@pytest.mark.parametrize(("projection", "scale"), [("TAN", 1), ("AIT", 1), ("ZEA", 60)])
def test_the_flux_of_every_star_is_kept(projection: str, scale: float) -> None:
    size = 120
    image, places, _ = field_of_stars(size)
    first = field_wcs("SIN", scale, size, rotation_deg=3)
    second = field_wcs(projection, scale, size)
    pixel_map = build_pixel_map(between(first, second), image.shape)
    window = (-60, -60, 180, 180)
    result = project(image, pixel_map, window=window, dtype=np.float64)
    before = image * pixel_solid_angles(first, image.shape)
    second.wcs.crpix -= (result.x0, result.y0)
    after = np.nan_to_num(result.image * result.area)
    after *= pixel_solid_angles(second, result.image.shape)
    xs, ys = between(first, second)(*np.array(places).T)
    for (x, y), x_out, y_out in zip(places, xs, ys, strict=True):
        one, two = (
            plane[max(round(b) - 13, 0) : round(b) + 14, max(round(a) - 13, 0) : round(a) + 14]
            for plane, a, b in ((before, x, y), (after, x_out, y_out))
        )
        # The stars' light ends well within the boxes; 1e-5 is what was promised.
        assert two.sum() == pytest.approx(one[one > 0].sum(), rel=1e-5)
