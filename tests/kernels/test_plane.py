"""The plane by which two images differ: by hand, against lstsq, mFitplane and known truth."""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from hven.kernels.pieces import Piece
from hven.kernels.plane import NoFit, PlaneFit, fit_difference

Floats = NDArray[np.float64]


def plane(shape: tuple[int, int], x0: int, y0: int, a: float, b: float, c: float) -> Floats:
    """Values of a x + b y + c at the pixels of a piece."""
    y, x = np.mgrid[y0 : y0 + shape[0], x0 : x0 + shape[1]]
    return a * x + b * y + c


def piece(image: NDArray[np.floating], x0: int = 0, y0: int = 0) -> Piece:
    """A piece that is covered fully where it has a value."""
    return image, np.isfinite(image).astype(image.dtype), x0, y0


def fitted(first: Piece, second: Piece, **options: object) -> PlaneFit:
    fit = fit_difference(first, second, **options)  # type: ignore[arg-type]
    assert isinstance(fit, PlaneFit)
    return fit


def refused(first: Piece, second: Piece, **options: object) -> NoFit:
    fit = fit_difference(first, second, **options)  # type: ignore[arg-type]
    assert isinstance(fit, NoFit)
    return fit


def noisy_pair(seed: int, shape: tuple[int, int] = (300, 90)) -> tuple[Piece, Piece]:
    """Two overlapping pieces with noise 1 and planes of their own, difference 0.02, -0.03, 150."""
    rng = np.random.default_rng(seed)
    one = plane(shape, 0, 0, 0.03, -0.01, 400) + rng.normal(0, 1, shape)
    two = plane(shape, 30, 40, 0.01, 0.02, 250) + rng.normal(0, 1, shape)
    return piece(one), piece(two, 30, 40)


def test_a_plane_over_four_by_three_common_pixels_by_hand() -> None:
    first = piece(plane((3, 6), 0, 0, 2.0, -1.0, 5.0))
    second = piece(np.zeros((5, 8)), 2, 0)
    fit = fitted(first, second, min_pixels=1)
    assert (fit.a, fit.b) == pytest.approx((2.0, -1.0), abs=1e-14)
    # Columns 2 to 5 and rows 0 to 2: the middle is (3.5, 1), the value there 2 * 3.5 - 1 + 5.
    assert (fit.x_ref, fit.y_ref, fit.c) == pytest.approx((3.5, 1.0, 11.0), abs=1e-14)
    assert fit.about(0, 0) == pytest.approx((2.0, -1.0, 5.0), abs=1e-13)
    assert (fit.pixels, fit.x_min, fit.x_max, fit.y_min, fit.y_max) == (12, 2, 5, 0, 2)
    # Sum of (x - 3.5)^2: 3 rows of 2.25 + 0.25 + 0.25 + 2.25; of (y - 1)^2: 4 columns of 1 + 0 + 1.
    assert fit.moments * fit.scale**2 == pytest.approx(
        np.diag([15.0, 8.0, 12.0 * fit.scale**2]), abs=1e-12
    )
    assert fit.rms == pytest.approx(0.0, abs=1e-13)
    assert fit.box == pytest.approx((3.5, 1.0, 3.0, 2.0, 0.0), abs=1e-13)


def test_a_level_is_the_mean_of_the_difference() -> None:
    first, second = noisy_pair(1)
    fit = fitted(first, second, order=0, clip_sigma=1e9)
    difference = first[0][40:, 30:] - second[0][:260, :60]
    assert (fit.a, fit.b, fit.c) == pytest.approx((0, 0, difference.mean()), rel=1e-13)
    assert fit.rms == pytest.approx(difference.std(), rel=1e-12)
    assert fit.moments.tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, difference.size]]


def test_without_clipping_it_is_the_least_squares_plane() -> None:
    first, second = noisy_pair(2)
    first[0][np.random.default_rng(3).random(first[0].shape) < 0.3] = np.nan
    fit = fitted(first, second, clip_sigma=1e9)
    difference = (first[0][40:, 30:] - second[0][:260, :60]).ravel()
    y, x = (index.ravel() for index in np.mgrid[40:300, 30:90])
    good = np.isfinite(difference)
    design = np.column_stack([x - fit.x_ref, y - fit.y_ref, np.ones(x.size)])[good]
    oracle, square, *_ = np.linalg.lstsq(design, difference[good])
    assert (fit.a, fit.b, fit.c) == pytest.approx(tuple(oracle), rel=1e-10)
    assert fit.rms == pytest.approx(math.sqrt(square[0] / good.sum()), rel=1e-10)
    design[:, :2] /= fit.scale
    # Sums of 15,600 terms of order one.
    assert fit.moments == pytest.approx(design.T @ design, abs=1e-8)
    assert fit.pixels == good.sum()


def test_stars_on_a_quarter_of_the_pixels_do_not_move_it() -> None:
    rng = np.random.default_rng(4)
    first, second = noisy_pair(5, (900, 100))
    stars = rng.random(first[0].shape) < 0.25
    first[0][stars] += rng.exponential(100.0, stars.sum())
    fit = fitted(first, second)
    # 60,000 pixels of noise sqrt(2): level 0.006, slopes 0.0003 and 0.00002 (1 sigma); the faint
    # stars that look like noise are on one side only and shift the level by some 0.03.
    assert fit.about(65, 470) == pytest.approx((0.02, -0.03, 0.02 * 65 - 0.03 * 470 + 150), abs=0.1)
    assert fit.a == pytest.approx(0.02, abs=0.0015)
    assert fit.b == pytest.approx(-0.03, abs=0.0002)
    assert fit.rms == pytest.approx(math.sqrt(2), rel=0.1)


def test_an_outlier_beyond_the_clipping_limit_is_not_used() -> None:
    first, second = noisy_pair(6)
    clean = fitted(first, second)
    before = first[0][100, 50]
    first[0][100, 50] = 1e6
    fit = fitted(first, second)
    assert abs(before - 400) < 20
    assert fit.pixels in (clean.pixels, clean.pixels - 1)
    assert fit.c == pytest.approx(clean.c, abs=1e-3)


def test_exactly_equal_differences_are_all_used_and_outliers_are_not() -> None:
    # Half of the deviations are 0, so the clipping limit is float32's rounding.
    image = np.random.default_rng(7).normal(500, 20, (60, 60)).astype(np.float32)
    other = image + np.float32(0.25)
    other[10:12, 5:30] += 3
    fit = fitted(piece(image), piece(other))
    assert fit.pixels == 3600 - 50
    assert fit.c == pytest.approx(-0.25, abs=3e-5)


def test_the_difference_the_other_way_round_is_the_negative() -> None:
    first, second = noisy_pair(8)
    one, other = fitted(first, second), fitted(second, first)
    # The rounding of the same sums with the other sign.
    assert (one.a, one.b, one.c) == pytest.approx((-other.a, -other.b, -other.c), rel=1e-12)
    assert (one.pixels, one.box) == (other.pixels, other.box)


def test_a_shift_of_the_grid_shifts_the_positions_only() -> None:
    first, second = noisy_pair(9)
    moved = fitted((*first[:2], -1000, 70), (*second[:2], -970, 110))
    fit = fitted(first, second)
    assert moved[:3] == fit[:3]
    assert (moved.x_ref, moved.y_ref) == pytest.approx((fit.x_ref - 1000, fit.y_ref + 70))
    assert (moved.x_min, moved.y_max) == (fit.x_min - 1000, fit.y_max + 70)
    assert moved.box[:2] == pytest.approx((fit.box[0] - 1000, fit.box[1] + 70))


def test_transposed_images_give_the_transposed_plane() -> None:
    first, second = noisy_pair(10)
    fit = fitted(first, second)
    turned = fitted(*((i.T.copy(), a.T.copy(), y0, x0) for i, a, x0, y0 in (first, second)))
    assert (turned.b, turned.a, turned.c) == pytest.approx((fit.a, fit.b, fit.c), rel=1e-9)


def test_the_unit_of_the_area_does_not_matter() -> None:
    first, second = noisy_pair(11)
    fit = fitted(first, second)
    steradian = fitted((first[0], first[1] * 2.35e-11, 0, 0), (second[0], second[1] * 40, 30, 40))
    assert steradian[:6] == fit[:6]


def test_barely_covered_pixels_are_not_used() -> None:
    first, second = noisy_pair(12)
    first[1][100], first[1][110], second[1][5] = 0.3, 0.04, 0.0
    first[0][100:111] += 2.0
    assert fitted(first, second, clip_sigma=1e9).pixels == 60 * (260 - 3)
    assert fitted(first, second, clip_sigma=1e9, min_area=0.1).pixels == 60 * (260 - 2)


def test_a_corner_of_little_weight_is_still_used() -> None:
    first, second = noisy_pair(16)
    first[1][40:, 30:] *= 0.2
    first[1][40] *= 0.4
    assert fitted(first, second, clip_sigma=1e9).pixels == 60 * 259


def test_nan_and_infinite_pixels_are_not_used() -> None:
    first, second = noisy_pair(13)
    first[0][60, 40:50], second[0][60, 40:45], first[0][70, 40:42] = np.nan, np.inf, -np.inf
    second[0][30, 10] = -np.inf  # the same pixel as first[70, 40]
    assert fitted(first, second, clip_sigma=1e9).pixels == 60 * 260 - 10 - 5 - 2


@pytest.mark.parametrize("axis", [0, 1])
def test_a_strip_one_pixel_wide_has_no_slope_across_and_no_weight_for_it(axis: int) -> None:
    shape = (200, 1) if axis == 0 else (1, 200)
    fit = fitted(piece(plane(shape, 0, 0, 0.5, -0.25, 3.0)), piece(np.zeros(shape)))
    along, across = (fit.b, fit.a) if axis == 0 else (fit.a, fit.b)
    # cos(90 degrees) is 6e-17 to the machine.
    assert (across, fit.moments[axis, axis]) == pytest.approx((0.0, 0.0), abs=1e-15)
    assert along == pytest.approx(-0.25 if axis == 0 else 0.5, rel=1e-12)
    assert fit.moments[1 - axis, 1 - axis] > 0


def test_a_diagonal_line_of_pixels_has_no_slope_across() -> None:
    image = np.full((200, 200), np.nan)
    np.fill_diagonal(image, np.arange(200.0))
    fit = fitted(piece(image), piece(np.zeros((200, 200))))
    # One a pixel along x and y together; the smallest plane that has it is 0.5 and 0.5.
    assert (fit.a, fit.b) == pytest.approx((0.5, 0.5), rel=1e-9)
    assert np.linalg.matrix_rank(fit.moments, tol=1e-6) == 2
    assert sorted(fit.box[2:4]) == pytest.approx([0.0, 199 * math.sqrt(2)], abs=1e-9)
    assert abs(fit.box[4]) == pytest.approx(45.0)


def test_a_line_of_pixels_that_a_coarse_sample_misses_is_fitted() -> None:
    image = np.full((1500, 1500), np.nan)
    image[np.arange(1499), np.arange(1499) + 1] = 4.0
    fit = fitted(piece(image), piece(np.zeros(image.shape)))
    assert (fit.pixels, fit.c) == (1499, pytest.approx(4.0))


def test_the_box_of_a_turned_rectangle_is_turned() -> None:
    y, x = np.mgrid[:300, :300] - 150.0
    angle = math.radians(20.0)
    along, across = (
        x * math.cos(angle) + y * math.sin(angle),
        y * math.cos(angle) - x * math.sin(angle),
    )
    image = np.where((abs(along) <= 120) & (abs(across) <= 20), 1.0, np.nan)
    fit = fitted(piece(image), piece(np.zeros((300, 300))))
    # The rectangle goes through pixel centres: a corner lies up to a pixel within the true one.
    assert fit.box == pytest.approx((150.0, 150.0, 240.0, 40.0, 20.0), abs=1.5)


def test_pieces_apart_give_a_reason() -> None:
    ones = np.ones((10, 10))
    assert refused(piece(ones), piece(ones, 10, 0)) == NoFit(0, "no common pixels")
    assert refused(piece(ones[:0, :0]), piece(ones)).pixels == 0


def test_too_few_common_pixels_give_a_reason() -> None:
    ones = np.ones((10, 10))
    few = refused(piece(ones), piece(ones, 8, 4))
    assert few == NoFit(12, "12 pixels in common, fewer than 64")
    assert fitted(piece(ones), piece(ones, 8, 4), min_pixels=12).pixels == 12


def test_arrays_of_any_kind_give_the_same(tmp_path: Path) -> None:
    first, second = noisy_pair(14)
    rounded = [(i.astype(np.float32), a.astype(np.float32), x, y) for i, a, x, y in (first, second)]
    fit = fitted(*rounded)
    swapped = fitted(*((i.astype(">f4"), a.astype(">f4"), x, y) for i, a, x, y in rounded))
    assert swapped[:7] == fit[:7]
    np.save(tmp_path / "image.npy", rounded[0][0])
    mapped = np.load(tmp_path / "image.npy", mmap_mode="r")
    assert fitted((mapped, *rounded[0][1:]), rounded[1])[:7] == fit[:7]
    double = fitted(*((i.astype(float), a.astype(float), x, y) for i, a, x, y in rounded))
    # Differences are taken in float64: the same, but for the limit of what counts as equal.
    assert double[:7] == pytest.approx(fit[:7], rel=1e-12)


def test_two_2mass_tiles_of_one_scan_differ_by_a_constant(shared_data: Path) -> None:
    """They share pixels, 970 rows apart; the constants are those of the tiles' calibration."""
    for lower, upper, constant in (("420198", "420186", 0.249), ("430080", "430092", 0.672)):
        pieces = []
        for tile, row in ((lower, 0), (upper, 970)):
            name = f"mosaic/m17_2mass_j/2mass-atlas-990502s-j1{tile}.fits"
            image, header = fits.getdata(shared_data / name, header=True)
            pieces.append(piece(image * 10 ** (-0.4 * (header["MAGZP"] - 20.9044)), 0, row))
        fit = fitted(pieces[1], pieces[0]) if lower == "420198" else fitted(pieces[0], pieces[1])
        assert fit.c == pytest.approx(constant, abs=1e-3)  # given to three digits
        assert max(abs(fit.a) * 250, abs(fit.b) * 27) < 0.005
        assert fit.rms < 0.003


def test_tiles_with_known_planes_differ_by_these(shared_data: Path) -> None:
    """Tiles of a nebula that fills the field: the emission cancels."""
    folder = shared_data / "mosaic" / "derived_w5_tiles"
    truth = {t["file"]: t for t in json.loads((folder / "truth.json").read_text())["tiles"]}
    pieces, planes = {}, {}
    for name, tile in truth.items():
        pieces[name] = piece(fits.getdata(folder / name), tile["x0"], tile["y0"])
        planes[name] = np.array(
            [tile["a"], tile["b"], tile["c"] - tile["a"] * tile["xc"] - tile["b"] * tile["yc"]]
        )
    names = sorted(pieces)
    for one, other in pairwise(names):
        if truth[one]["y0"] != truth[other]["y0"]:
            continue
        fit = fitted(pieces[one], pieces[other])
        a, b, c = planes[one] - planes[other]
        at = a * fit.x_ref + b * fit.y_ref + c
        # float32 of values up to 7,400 rounds by 2e-4, on 40,000 pixels.
        assert (fit.a, fit.b, fit.c) == pytest.approx((a, b, at), abs=1e-5)


def test_montages_mfitplane_finds_the_same(
    require_program: Callable[[str, str], str], tmp_path: Path
) -> None:
    program = require_program("mFitplane", "montage")
    rng = np.random.default_rng(15)
    y, x = np.mgrid[:240, :180]
    difference = 0.013 * x - 0.021 * y + 7 + rng.uniform(-1, 1, x.shape)
    difference[abs(x - 0.4 * y - 40) > 35] = np.nan  # a slanting strip
    difference[rng.random(x.shape) < 0.01] += 500
    header = fits.Header(
        {"CRPIX1": 31.0, "CRPIX2": -12.0, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}
    )
    fits.PrimaryHDU(difference, header).writeto(tmp_path / "diff.fits")
    answer = subprocess.run(
        [program, str(tmp_path / "diff.fits")], capture_output=True, text=True, check=True
    ).stdout
    theirs = {k: float(v) for k, v in re.findall(r"(\w+)=([-+.\de]+)", answer)}
    ours = fitted(piece(difference), piece(np.zeros(x.shape)))
    # Montage's x is the 0-based column minus CRPIX. All uniform noise lies within 2 rms: both
    # use the same pixels. It prints six digits.
    a, b, c = ours.about(31.0, -12.0)
    assert (theirs["a"], theirs["b"], theirs["c"]) == pytest.approx((a, b, c), rel=2e-5)
    assert theirs["rms"] == pytest.approx(ours.rms, rel=2e-5)
    assert theirs["npixel"] == ours.pixels
    limits = (ours.x_min - 31, ours.x_max - 31, ours.y_min + 12, ours.y_max + 12)
    assert tuple(theirs[k] for k in ("xmin", "xmax", "ymin", "ymax")) == limits
    assert theirs["xcenter"] == pytest.approx(ours.x_ref - 31, rel=2e-5)
    assert theirs["ycenter"] == pytest.approx(ours.y_ref + 12, rel=2e-5)
    x, y, width, height, angle = ours.box
    assert (theirs["boxx"], theirs["boxy"]) == pytest.approx((x - 31, y + 12), rel=1e-4)
    assert sorted((theirs["boxwidth"], theirs["boxheight"])) == pytest.approx(
        sorted((width, height)), rel=1e-4
    )
    turn = (theirs["boxang"] - angle) % 90
    assert min(turn, 90 - turn) < 1e-3
