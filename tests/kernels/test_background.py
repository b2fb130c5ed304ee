"""The corrections of all images: by hand, against dense least squares, symmetries."""

from __future__ import annotations

import numpy as np
import pytest
from fields import Field, rectangle_fit, scaled, values_at

from hven.kernels.background import Corrections, solve_background
from hven.kernels.pieces import Piece
from hven.kernels.plane import PlaneFit, fit_difference


def test_two_equal_images_meet_half_way() -> None:
    fit = rectangle_fit((90, 0, 100, 80), 0, 0, 10.0)
    result = solve_background(
        [(0, 1)], [fit], [(50, 40), (140, 40)], [(100, 80), (100, 80)], order=0
    )
    assert result.planes == pytest.approx(np.array([[0, 0, -5.0], [0, 0, 5.0]]), abs=1e-12)
    assert result.mismatch_before == pytest.approx([10.0])
    assert result.mismatch == pytest.approx([0.0], abs=1e-12)


def test_the_larger_image_moves_less() -> None:
    fit = rectangle_fit((90, 0, 100, 80), 0, 0, 10.0)
    result = solve_background(
        [(0, 1)], [fit], [(50, 40), (190, 40)], [(100, 80), (200, 120)], order=0
    )
    # Areas 1 to 3: the mosaic's mean stays.
    assert result.planes[:, 2] == pytest.approx([-7.5, 2.5], abs=1e-12)


def test_a_triangle_of_levels_that_do_not_agree_shares_the_error_by_pixels() -> None:
    # Differences 1 - 2 = 3, 2 - 3 = 0, 1 - 3 = 0 on 100, 100 and 200 pixels: round the triangle
    # 3 is missing. Least squares puts residuals in inverse ratio to pixels: 1.2, 1.2, 0.6.
    boxes = ((0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 60, 10))
    fits = [rectangle_fit(box, 0, 0, c) for box, c in zip(boxes, (3.0, 0.0, 0.0), strict=True)]
    pairs = [(0, 1), (1, 2), (0, 2)]
    result = solve_background(pairs, fits, np.zeros((3, 2)), np.ones((3, 2)), order=0)
    assert result.mismatch == pytest.approx([1.2, 1.2, 0.6], rel=1e-12)


def test_known_planes_are_found_up_to_one_common_plane() -> None:
    field = Field(5, 4)
    result = field.solve()
    sums = field.planes + result.planes
    at = [values_at(sums, field.centers, x, y) for x, y in ((0, 0), (500, 0), (0, 300))]
    # 600 DN and slopes of 0.02, to the machine's precision times the size of the system.
    assert [values.std() for values in at] == pytest.approx([0, 0, 0], abs=1e-9)
    assert result.mismatch.max() < 1e-10 < 10 < result.mismatch_before.max()
    assert not result.held.any()


@pytest.mark.parametrize("order", [0, 1])
def test_it_is_the_least_squares_solution_over_all_common_pixels(order: int) -> None:
    rng = np.random.default_rng(3)
    pieces: list[Piece] = []
    for x0, y0 in ((0, 0), (25, 3), (4, 22), (28, 26), (12, 40)):
        image = 0.1 * rng.normal(size=(30, 40)) + rng.normal(0, 50)
        image[rng.random(image.shape) < 0.2] = np.nan
        pieces.append((image, np.isfinite(image).astype(float), x0, y0))
    pairs, fits, rows, right = [], [], [], []
    y, x = np.mgrid[0:80, 0:80]
    canvas = np.full((5, 80, 80), np.nan)
    for i, (image, _, x0, y0) in enumerate(pieces):
        canvas[i, y0 : y0 + 30, x0 : x0 + 40] = image
    for i in range(5):
        for j in range(i + 1, 5):
            fit = fit_difference(
                pieces[i], pieces[j], clip_sigma=1e9, min_pixels=20, order=1 if order else 0
            )
            if not isinstance(fit, PlaneFit):
                continue
            pairs.append((i, j))
            fits.append(fit)
            common = np.isfinite(canvas[i] - canvas[j])
            basis = np.column_stack([x[common], y[common], np.ones(common.sum())])[
                :, 2 - 2 * order :
            ]
            row = np.zeros((len(basis), 5, basis.shape[1]))
            row[:, i], row[:, j] = basis, -basis
            rows.append(row.reshape(len(basis), -1))
            right.append(-(canvas[i] - canvas[j])[common])
    oracle = np.linalg.lstsq(np.concatenate(rows), np.concatenate(right))[0].reshape(5, -1)
    if not order:
        oracle = np.column_stack([np.zeros((5, 2)), oracle])
    centers = np.array([(x0 + 19.5, y0 + 14.5) for _, _, x0, y0 in pieces])
    result = solve_background(
        pairs, fits, centers, np.tile([40, 30], (5, 1)), order=1 if order else 0
    )
    for x_at, y_at in ((0, 0), (70, 10), (20, 75)):
        ours = values_at(result.planes, centers, x_at, y_at)
        theirs = values_at(oracle, np.zeros((5, 2)), x_at, y_at)
        # Up to one plane. The oracle's own normal matrix is not so well conditioned.
        assert ours - ours[0] == pytest.approx(theirs - theirs[0], abs=1e-8)


def test_planes_can_be_told_about_one_point() -> None:
    field = Field(3, 2)
    result = field.solve()
    expected = values_at(result.planes, field.centers, 30.0, -7.0)
    assert result.about(30.0, -7.0)[:, 2] == pytest.approx(expected, rel=1e-12)
    assert (result.about(30.0, -7.0)[:, :2] == result.planes[:, :2]).all()


def test_the_order_of_images_and_pairs_changes_not_a_bit() -> None:
    field = Field(6, 5, noise=1.0)
    expected = field.solve()
    rng = np.random.default_rng(4)
    images, pairs = rng.permutation(30), rng.permutation(len(field.pairs))
    flip = rng.random(len(pairs)) < 0.5
    place = np.argsort(images)
    shuffled = solve_background(
        [(place[list(field.pairs[k])])[:: -1 if flip[k] else 1] for k in pairs],
        [scaled(field.fits[k], -1 if flip[k] else 1) for k in pairs],
        field.centers[images],
        field.sizes[images],
    )
    assert (shuffled.planes == expected.planes[images]).all()
    assert (shuffled.mismatch == expected.mismatch[pairs]).all()


def test_a_shift_of_the_grid_and_a_scale_of_the_values_go_through() -> None:
    field = Field(4, 3, noise=1.0)
    expected = field.solve()
    fits = [scaled(f, 3) for f in field.fits]
    moved = [f._replace(x_ref=f.x_ref + 1e4, y_ref=f.y_ref - 500) for f in fits]
    result = solve_background(
        field.pairs, moved, field.centers + np.array([1e4, -500]), field.sizes
    )
    # Positions of 10,000 leave 12 digits after the point.
    assert result.planes == pytest.approx(3 * expected.planes, abs=1e-7)


def test_the_mosaic_keeps_its_level_and_its_slope() -> None:
    field = Field(4, 4, noise=1.0)
    field.sizes[:4] *= 1.5
    result = field.solve()
    area = field.sizes.prod(axis=1)
    # Mean slopes and mean level over all images; without the choice they are of order 1e4.
    assert area @ result.planes == pytest.approx(np.zeros(3), abs=1e-6)


def test_levels_of_the_sky_do_not_become_a_slope_of_the_mosaic() -> None:
    field = Field(6, 2, slope=0.0)
    assert np.ptp(field.planes[:, 2]) > 200
    assert np.abs(field.solve().planes[:, :2]).max() < 1e-9


def test_a_reference_image_stays_as_it_is() -> None:
    field = Field(4, 3)
    free, fixed = field.solve(), field.solve(reference=5)
    assert fixed.planes[5] == pytest.approx(np.zeros(3), abs=1e-12)
    assert fixed.mismatch.max() < 1e-10
    assert (fixed.planes - free.planes)[:, :2].std(axis=0) == pytest.approx([0, 0], abs=1e-12)


def test_groups_are_solved_apart_and_lone_images_are_left_alone() -> None:
    one, other = Field(3, 2, seed=5), Field(2, 2, seed=6)
    pairs = [*one.pairs, *[(i + 7, j + 7) for i, j in other.pairs]]
    centers = np.vstack([one.centers, [(5000, 0)], other.centers + 9000])
    fits = [
        *one.fits,
        *(f._replace(x_ref=f.x_ref + 9000, y_ref=f.y_ref + 9000) for f in other.fits),
    ]
    result = solve_background(pairs, fits, centers, np.tile([100.0, 80.0], (11, 1)))
    assert result.component.tolist() == [0] * 6 + [1] + [2] * 4
    assert result.alone.tolist() == [False] * 6 + [True] + [False] * 4
    assert result.planes[6].tolist() == [0, 0, 0]
    assert result.planes[:6] == pytest.approx(one.solve().planes, abs=1e-9)
    assert result.planes[7:] == pytest.approx(other.solve().planes, abs=1e-8)


def test_a_reference_moves_its_own_group_only() -> None:
    fit = rectangle_fit((90, 0, 100, 80), 0, 0, 10.0)
    centers, sizes = [(0, 0), (90, 0), (900, 0), (990, 0)], np.tile([100, 80], (4, 1))
    result = solve_background([(0, 1), (2, 3)], [fit, fit], centers, sizes, order=0, reference=1)
    assert result.planes[:, 2] == pytest.approx([-10, 0, -5, 5], abs=1e-12)


def test_no_pairs_and_no_images_give_no_corrections() -> None:
    alone = solve_background([], [], [(0, 0), (5, 5)], [(10, 10), (10, 10)])
    assert alone.planes.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert (alone.component.tolist(), alone.alone.tolist()) == ([0, 1], [True, True])
    assert solve_background([], [], [], []).planes.shape == (0, 3)


def hanging(width: float, slope: float) -> tuple[Field, Corrections]:
    """A field with one more image that hangs on its right side by a strip of the given width."""
    field = Field(3, 3)
    x = field.centers[5, 0] + 100.0 - width
    field.centers = np.vstack([field.centers, [(x, field.centers[5, 1])]])
    field.sizes = np.vstack([field.sizes, [(100, 80)]])
    field.planes = np.vstack([field.planes, [(slope, 0.0, 300.0)]])
    y_min, y_max = field.centers[5, 1] - 40, field.centers[5, 1] + 40
    box = (x - 50, y_min, x - 50 + width, y_max)
    plane = field.at(5, field.middle(box)) - field.at(9, field.middle(box))
    field.pairs.append((5, 9))
    field.fits.append(rectangle_fit(box, *plane))
    return field, field.solve()


def test_a_slope_seen_over_two_pixels_is_not_believed_over_a_hundred() -> None:
    field, result = hanging(2.0, 0.5)
    assert result.held.tolist() == [False] * 9 + [True]
    usual = result.planes[:9, 0].mean()
    full = field.planes[5, 0] + result.planes[5, 0] - field.planes[9, 0]
    # The strip's 80 x 2 pixels hold 80 * 2^3 / 12 of the 50^2 that a slope is believed from.
    expected = usual + (full - usual) * (80 * 8 / 12) / 50**2
    # The image itself counts a millionth in the mean.
    assert result.planes[9, 0] == pytest.approx(expected, abs=1e-6 * abs(full - usual))
    assert abs(full - usual) > 0.4
    # The image turns about the strip, so its level there is right still.
    at = [
        values_at(field.planes + result.planes, field.centers, *field.fits[-1][3:5])[i]
        for i in (5, 9)
    ]
    assert at[0] == pytest.approx(at[1], abs=1e-6)


def test_what_is_well_determined_is_not_changed_by_what_is_not() -> None:
    field, result = hanging(2.0, 0.5)
    without = Field(3, 3)
    clean = without.solve()
    difference = result.planes[:9] - clean.planes
    for x, y in ((0, 0), (300, 0), (0, 200)):
        assert values_at(difference, field.centers[:9], x, y).std() < 1e-9
    assert result.mismatch[:-1].max() < 1e-9


def test_a_slope_seen_over_enough_pixels_is_believed() -> None:
    _, result = hanging(20.0, 0.5)
    assert not result.held.any()
    assert result.mismatch.max() < 1e-9


def test_overlaps_without_any_slope_give_levels() -> None:
    fits = [rectangle_fit((90, 0, 100, 80), 0, 0, 10.0)]
    fits[0].moments[:2, :2] = 0
    result = solve_background([(0, 1)], fits, [(50, 40), (140, 40)], np.tile([100, 80], (2, 1)))
    assert result.held.all()
    # Two levels, 5 DN either side, over 190 pixels: the mosaic's slope is taken from them.
    assert result.mismatch == pytest.approx([0.0], abs=1e-9)
    assert result.planes[0, 1] == pytest.approx(0.0, abs=1e-12)
