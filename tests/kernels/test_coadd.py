"""Coaddition: by hand, against slow oracles, Montage's mAdd, and whatever the windows are."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from hven.kernels.coadd import (
    Coadded,
    coadd_clip,
    coadd_count,
    coadd_mean,
    coadd_median,
    mean_bytes,
    stack_bytes,
)
from hven.kernels.pieces import Piece, Window

Floats = NDArray[np.float64]
WINDOW: Window = (-3, 2, 47, 42)
METHODS = (coadd_mean, coadd_median, coadd_clip)


def constant(
    value: float, area: float = 1.0, x0: int = 0, y0: int = 0, nx: int = 4, ny: int = 3
) -> Piece:
    return np.full((ny, nx), value), np.full((ny, nx), area), x0, y0


def scene(
    seed: int = 1, pieces: int = 8, kind: type = np.float64
) -> tuple[list[Piece], Floats, Floats]:
    """Pieces with holes and half-covered edges all over the window, and planes to add to them."""
    rng = np.random.default_rng(seed)
    made: list[Piece] = []
    for _ in range(pieces):
        ny, nx = rng.integers(15, 40, 2)
        image, area = rng.normal(100, 10, (ny, nx)), rng.uniform(0.8, 1.0, (ny, nx))
        area[0] *= 0.3
        holes = rng.random((ny, nx)) < 0.1
        image[holes], area[holes] = np.nan, 0.0
        x0, y0 = rng.integers(-20, 30, 2)
        made.append((image.astype(kind), area.astype(kind), int(x0), int(y0)))
    planes = np.column_stack([rng.normal(0, 0.1, (pieces, 2)), rng.normal(0, 20, pieces)])
    return made, planes, rng.uniform(-10, 50, (pieces, 2))


def stacks(pieces: Sequence[Piece], planes: Floats, centers: Floats) -> tuple[Floats, Floats]:
    """Corrected values and areas of each piece on the whole window, NaN and 0 outside it."""
    x_min, y_min, x_max, y_max = WINDOW
    values = np.full((len(pieces), y_max - y_min, x_max - x_min), np.nan)
    areas = np.zeros(values.shape)
    for k, ((image, area, x0, y0), (a, b, c), (xc, yc)) in enumerate(
        zip(pieces, planes, centers, strict=True)
    ):
        for row in range(image.shape[0]):
            for column in range(image.shape[1]):
                x, y = x0 + column, y0 + row
                if x_min <= x < x_max and y_min <= y < y_max:
                    values[k, y - y_min, x - x_min] = (
                        image[row, column] + a * (x - xc) + b * (y - yc) + c
                    )
                    areas[k, y - y_min, x - x_min] = area[row, column]
    return values, areas


def each_pixel(
    rule: Callable[[Floats, Floats, Floats], tuple[float, float]],
    pieces: Sequence[Piece],
    planes: Floats,
    centers: Floats,
) -> Coadded:
    """A rule of (values, areas, full areas) applied to the pieces of each pixel."""
    values, areas = stacks(pieces, planes, centers)
    full = np.array([np.median(area[area > 0]) for _, area, _, _ in pieces])
    image, total = np.full(values.shape[1:], np.nan), np.zeros(values.shape[1:])
    for at in np.ndindex(image.shape):
        good = areas[(slice(None), *at)] > 0
        if good.any():
            image[at], total[at] = rule(values[(good, *at)], areas[(good, *at)], full[good])
    return Coadded(image, total)


def mean_rule(values: Floats, areas: Floats, _: Floats) -> tuple[float, float]:
    return float((values * areas).sum() / areas.sum()), float(areas.sum())


def median_rule(values: Floats, areas: Floats, full: Floats) -> tuple[float, float]:
    well = areas > 0.5 * full
    return (
        (float(np.median(values[well])), float(areas[well].sum()))
        if well.any()
        else mean_rule(values, areas, full)
    )


def clip_rule(values: Floats, areas: Floats, full: Floats) -> tuple[float, float]:
    factors = [1, 1, 1.196, 1.495, 1.363, 1.206, 1.2, 1.14, 1.129, 1.107]
    well = areas > 0.5 * full
    if not well.any():
        return mean_rule(values, areas, full)
    values, areas = values[well], areas[well]
    for _ in range(5):
        if values.size < 3:
            break
        away = abs(values - np.median(values))
        near = away <= 2.0 * max(1.4826 * factors[values.size] * np.median(away), 1.0)
        values, areas = values[near], areas[near]
    return mean_rule(values, areas, full)


def same(one: Coadded, other: Coadded, tolerance: float) -> None:
    np.testing.assert_allclose(one.image, other.image, rtol=tolerance)
    np.testing.assert_allclose(one.area, other.area, rtol=1e-12)


def test_the_mean_is_weighted_by_area() -> None:
    image, area = coadd_mean([constant(10.0), constant(20.0, 3.0, 2)], (0, 0, 6, 1))
    assert image.tolist() == [[10, 10, 17.5, 17.5, 20, 20]]
    assert area.tolist() == [[1, 1, 4, 4, 3, 3]]
    assert image.dtype == np.float32


def test_the_median_is_not_weighted() -> None:
    pieces = [constant(1.0, 9.0), constant(2.0), constant(7.0)]
    image, area = coadd_median(pieces, (0, 0, 1, 1))
    assert (image.item(), area.item()) == (2.0, 11.0)


def test_the_median_of_two_is_their_mean() -> None:
    assert coadd_median([constant(1.0, 9.0), constant(2.0)], (0, 0, 1, 1)).image.item() == 1.5


def test_a_cosmic_ray_in_one_of_five_is_clipped_and_the_area_says_so() -> None:
    pieces = [constant(v) for v in (10.0, 10.2, 9.8, 10.1, 400.0)]
    image, area = coadd_clip(pieces, (0, 0, 1, 1))
    assert (image.item(), area.item()) == (pytest.approx(10.025), 4.0)


def test_two_values_are_never_clipped() -> None:
    assert coadd_clip([constant(10.0), constant(400.0)], (0, 0, 1, 1)).image.item() == 205.0


def test_known_noise_keeps_values_that_few_others_would_clip() -> None:
    pieces = [constant(v) for v in (10.0, 10.001, 11.0)]
    assert coadd_clip(pieces, (0, 0, 1, 1)).area.item() == 2.0
    assert coadd_clip(pieces, (0, 0, 1, 1), noise=1.0).area.item() == 3.0


def test_the_count_is_of_pieces_with_a_value() -> None:
    pieces = [constant(-1.0), constant(np.nan), constant(5.0, 0.0), constant(2.0, 0.5, 1)]
    image, area = coadd_count(pieces, (0, 0, 6, 1))
    assert image.tolist() == [[1, 2, 2, 2, 1, 0]]
    assert area.tolist() == [[1, 1.5, 1.5, 1.5, 0.5, 0]]


@pytest.mark.parametrize(("method", "rule"), [(coadd_mean, mean_rule), (coadd_median, median_rule)])
def test_mean_and_median_are_those_of_the_slow_oracle(method: Any, rule: Any) -> None:
    pieces, planes, centers = scene()
    result = method(pieces, WINDOW, planes=planes, centers=centers, dtype=np.float64)
    same(result, each_pixel(rule, pieces, planes, centers), 1e-13)


def test_the_clipped_mean_is_that_of_the_slow_oracle() -> None:
    pieces, planes, centers = scene(2)
    result = coadd_clip(
        pieces, WINDOW, planes=planes, centers=centers, sigma=2.0, noise=1.0, dtype=np.float64
    )
    same(result, each_pixel(clip_rule, pieces, planes, centers), 1e-13)


def test_a_clipped_mean_that_clips_nothing_is_the_mean() -> None:
    pieces, planes, centers = scene(3)
    options: dict[str, Any] = {"planes": planes, "centers": centers, "dtype": np.float64}
    clipped = coadd_clip(pieces, WINDOW, sigma=1e9, min_area=0.0, **options)
    same(clipped, coadd_mean(pieces, WINDOW, **options), 1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_windows_put_together_are_the_whole(method: Any) -> None:
    pieces, planes, centers = scene(4)
    options = {"planes": planes, "centers": centers, "dtype": np.float64}
    whole = method(pieces, WINDOW, **options)
    for x in (-3, 20):
        for y in (2, 9, 31):
            window = (x, y, {-3: 20, 20: 47}[x], {2: 9, 9: 31, 31: 42}[y])
            part = method(pieces, window, **options)
            cut = np.s_[window[1] - 2 : window[3] - 2, window[0] + 3 : window[2] + 3]
            np.testing.assert_array_equal(part.image, whole.image[cut])
            np.testing.assert_array_equal(part.area, whole.area[cut])


@pytest.mark.parametrize("method", METHODS)
def test_adding_planes_is_adding_them_to_the_pieces(method: Any) -> None:
    pieces, planes, centers = scene(5)
    corrected: list[Piece] = []
    for (image, area, x0, y0), (a, b, c), (xc, yc) in zip(pieces, planes, centers, strict=True):
        y, x = np.mgrid[y0 : y0 + image.shape[0], x0 : x0 + image.shape[1]]
        corrected.append((image + a * (x - xc) + b * (y - yc) + c, area, x0, y0))
    one = method(pieces, WINDOW, planes=planes, centers=centers, dtype=np.float64)
    same(one, method(corrected, WINDOW, dtype=np.float64), 1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_the_pieces_changes_the_last_bits_only(method: Any) -> None:
    pieces, planes, centers = scene(6)
    back = method(pieces[::-1], WINDOW, planes=planes[::-1], centers=centers[::-1], dtype=float)
    same(method(pieces, WINDOW, planes=planes, centers=centers, dtype=float), back, 1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_memory_mapped_and_big_endian_pieces_give_the_same(method: Any, tmp_path: Path) -> None:
    pieces, planes, centers = scene(7, kind=np.float32)
    expected = method(pieces, WINDOW, planes=planes, centers=centers)
    read: list[Piece] = []
    for k, (image, area, x0, y0) in enumerate(pieces):
        np.save(tmp_path / f"{k}.npy", image)
        image = np.load(tmp_path / f"{k}.npy", mmap_mode="r")
        read.append((image, area.astype(">f4"), x0, y0))
    result = method(read, WINDOW, planes=planes, centers=centers)
    np.testing.assert_array_equal(result.image, expected.image)
    np.testing.assert_array_equal(result.area, expected.area)


@pytest.mark.parametrize("method", METHODS)
def test_the_result_can_be_made_ready_for_a_fits_file(method: Any) -> None:
    pieces, _, _ = scene(8)
    ready = method(pieces, WINDOW, dtype=">f4").image
    assert ready.dtype == np.dtype(">f4")
    np.testing.assert_array_equal(ready, method(pieces, WINDOW).image)


@pytest.mark.parametrize("method", METHODS)
def test_where_there_is_no_piece_there_is_nothing(method: Any) -> None:
    empty = (np.empty((0, 0)), np.empty((0, 0)), 0, 0)
    for pieces in ([], [constant(1.0, x0=90)], [empty]):
        image, area = method(pieces, (0, 0, 5, 2))
        assert np.isnan(image).all()
        assert not area.any()
    assert not coadd_count([], (0, 0, 5, 2)).image.any()


@pytest.mark.parametrize("method", METHODS)
def test_images_that_meet_edge_to_edge_leave_no_gap(method: Any) -> None:
    left, right = constant(10.0, nx=5), constant(20.0, x0=4, nx=5)
    left[1][:, 4], right[1][:, 0] = 0.4, 0.45
    image, area = method([left, right], (0, 0, 9, 3))
    assert image[0, 3:6] == pytest.approx([10.0, (4 + 9) / 0.85, 20.0])
    assert area[0, 4] == pytest.approx(0.85)


def test_full_areas_can_be_given() -> None:
    pieces = [constant(1.0, 0.4), constant(5.0, 1.0), constant(6.0, 1.0)]
    assert coadd_median(pieces, (0, 0, 1, 1)).image.item() == 5.0
    assert coadd_median(pieces, (0, 0, 1, 1), full_areas=[1, 1, 1]).image.item() == 5.5


def test_memory_is_told_before_it_is_taken() -> None:
    assert mean_bytes((10, 10, 110, 60)) == 24 * 5000
    # Two of the three lie on one another somewhere; in the window no two do.
    pieces = [constant(1.0), constant(1.0, x0=3), constant(1.0, x0=50)]
    assert stack_bytes(pieces, (0, 0, 60, 3)) == (22 + 2 * 8 * 2) * 180
    assert stack_bytes(pieces, (4, 0, 60, 3)) == (22 + 2 * 8 * 1) * 168
    single = [(i.astype(np.float32), a.astype(np.float32), x, y) for i, a, x, y in pieces]
    assert stack_bytes(single, (0, 0, 60, 3)) == (22 + 2 * 4 * 2) * 180
    assert stack_bytes([], (0, 0, 60, 3)) == 22 * 180


def test_deep_stacks_have_the_medians_of_numpy() -> None:
    rng = np.random.default_rng(9)
    values = rng.normal(size=(41, 6, 7))
    pieces: list[Piece] = [(v, np.ones(v.shape), 0, 0) for v in values]
    image = coadd_median(pieces, (0, 0, 7, 6), dtype=np.float64).image
    np.testing.assert_array_equal(image, np.median(values, axis=0))


@pytest.mark.parametrize(
    ("name", "method"), [("mean", coadd_mean), ("median", coadd_median), ("count", coadd_count)]
)
def test_montages_madd_gives_the_same(
    name: str, method: Any, require_program: Callable[[str, str], str], tmp_path: Path
) -> None:
    table, add = (require_program(p, "montage") for p in ("mImgtbl", "mAdd"))
    rng = np.random.default_rng(10)
    header = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 20.0}
    header |= {"CDELT1": -1e-3, "CDELT2": 1e-3, "CRPIX1": 30.0, "CRPIX2": 25.0, "EQUINOX": 2000.0}
    (tmp_path / "pieces").mkdir()
    pieces: list[Piece] = []
    for k, (x0, y0) in enumerate(((0, 0), (10, 5), (5, 12))):
        image, area = rng.normal(50, 5, (30, 40)), np.ones((30, 40))
        area[0], area[:, 0] = 0.3, 0.2
        image[12, 20], area[12, 20] = np.nan, 0.0
        pieces.append((image, area, x0, y0))
        shifted = {**header, "CRPIX1": 30.0 - x0, "CRPIX2": 25.0 - y0}
        for suffix, plane in (("", image), ("_area", area * 3e-10)):
            fits.PrimaryHDU(plane, fits.Header(shifted)).writeto(
                tmp_path / "pieces" / f"p{k}{suffix}.fits"
            )
    template = fits.Header(
        {"SIMPLE": True, "BITPIX": -64, "NAXIS": 2, "NAXIS1": 50, "NAXIS2": 42, **header}
    )
    (tmp_path / "template.hdr").write_text(
        template.tostring(sep="\n", endcard=False, padding=False) + "\nEND\n"
    )
    subprocess.run([table, "pieces", "images.tbl"], cwd=tmp_path, check=True, capture_output=True)
    command = [add, "-e", "-a", name, "-p", "pieces", "images.tbl", "template.hdr", "out.fits"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    theirs = fits.getdata(tmp_path / "out.fits")
    ours = method(pieces, (0, 0, 50, 42), dtype=np.float64).image
    depth = coadd_count(pieces, (0, 0, 50, 42)).image
    if name == "count":
        np.testing.assert_array_equal(np.nan_to_num(theirs), ours)
        return
    if name == "median":
        # Montage takes the lower of two, and leaves out what nothing covers by half.
        well = coadd_count(
            [(np.where(a > 0.5, i, np.nan), a, x, y) for i, a, x, y in pieces], (0, 0, 50, 42)
        ).image
        comparable = (well == 1) | (well == 3)
    else:
        comparable = depth > 0
        assert (np.isnan(theirs) == (depth == 0)).all()
    assert comparable.sum() > 700
    np.testing.assert_allclose(theirs[comparable], ours[comparable], rtol=1e-12)
