"""Friends of friends where it could go wrong or take for ever: symmetries and crowds."""

from __future__ import annotations

import numpy as np
import particles
import pytest
from particles import Floats, in_order

from hven.kernels.percolation import Method, friends_of_friends
from hven.kernels.percolation.groups import extents
from hven.kernels.percolation.lattice import lay_out
from hven.kernels.percolation.marks import full_mask, mark_numbers, may_be_near

FAST: tuple[Method, ...] = ("grid", "tree")
LENGTH = 0.02


@pytest.fixture(scope="module")
def positions() -> Floats:
    return particles.clustered(11, 4000)


@pytest.mark.parametrize("box", [None, [1.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
@pytest.mark.parametrize("method", FAST)
def test_the_order_of_particles_and_axes_does_not_matter(
    positions: Floats, box: list[float] | None, method: Method
) -> None:
    expected = friends_of_friends(positions, LENGTH, box=box, method=method)
    assert 100 < expected.max() < 3900
    order = np.random.default_rng(1).permutation(len(positions))
    shuffled = friends_of_friends(positions[order], LENGTH, box=box, method=method)
    assert shuffled.tolist() == in_order(expected[order]).tolist()
    turned = None if box is None else [box[2], box[0], box[1]]
    exchanged = friends_of_friends(positions[:, [2, 0, 1]], LENGTH, box=turned, method=method)
    assert exchanged.tolist() == expected.tolist()


@pytest.mark.usefixtures("no_share_too_small")
@pytest.mark.parametrize("threads", [2, 3, 7, 64])
@pytest.mark.parametrize("box", [None, [1.0, 1.0, 1.0]])
def test_the_number_of_threads_does_not_matter(
    positions: Floats, threads: int, box: list[float] | None
) -> None:
    for points in (positions, positions * [1.0, 1.0, 0.01], positions[:, :2].copy()):
        sides = None if box is None else box[: points.shape[1]]
        one, many = (
            friends_of_friends(points, LENGTH / 2, box=sides, threads=count)
            for count in (1, threads)
        )
        assert many.tolist() == one.tolist()


@pytest.mark.parametrize("method", FAST)
def test_a_shift_and_a_scale_by_a_power_of_two_do_not_matter(
    positions: Floats, method: Method
) -> None:
    # On a grid of 2^-30 a shift by 8 is exact.
    points = np.round(positions * 2.0**30) / 2.0**30
    expected = friends_of_friends(points, LENGTH, method=method).tolist()
    assert friends_of_friends(points + 8.0, LENGTH, method=method).tolist() == expected
    for scale in (2.0**-60, 2.0**90):
        assert (
            friends_of_friends(points * scale, LENGTH * scale, method=method).tolist() == expected
        )
    around = friends_of_friends(points, LENGTH, box=[1.0] * 3, method=method)
    rolled = friends_of_friends((points + 0.375) % 1.0, LENGTH, box=[1.0] * 3, method=method)
    assert rolled.tolist() == around.tolist()


@pytest.mark.parametrize("method", [*FAST, "brute"])
@pytest.mark.parametrize("box", [None, [1.0, 1.0]])
def test_a_plane_is_the_same_in_two_and_in_three_dimensions(
    method: Method, box: list[float] | None
) -> None:
    plane = particles.clustered(5, 2000, 2)
    space = np.column_stack([plane, np.zeros(len(plane))])
    flat = friends_of_friends(plane, LENGTH, box=box, method=method)
    deep = friends_of_friends(space, LENGTH, box=box and [*box, 0.0], method=method)
    assert flat.tolist() == deep.tolist()


@pytest.mark.parametrize("method", [*FAST, "brute"])
def test_float32_counts_as_the_same_values_in_float64(positions: Floats, method: Method) -> None:
    single = positions.astype(np.float32)
    double = single.astype(np.float64)
    expected = friends_of_friends(double, LENGTH)
    for points in (single, np.asfortranarray(single), single.astype(">f4")):
        found = friends_of_friends(points, LENGTH, method=method)
        assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("method", [*FAST, "brute"])
def test_none_and_one_particle_have_none_and_one_group(method: Method) -> None:
    for box in (None, [1.0, 1.0, 1.0]):
        none = friends_of_friends(np.empty((0, 3)), 0.1, box=box, method=method)
        one = friends_of_friends([[0.5, 0.5, 0.5]], 0.1, box=box, method=method)
        assert none.shape == (0,)
        assert one.tolist() == [0]
        assert none.dtype == one.dtype == np.int32


@pytest.mark.parametrize("method", FAST)
def test_a_million_particles_in_few_points_are_no_trouble(method: Method) -> None:
    """Comparing the pairs of two such points would take hours."""
    a, b = [0.5, 0.5, 0.5], [0.5, 0.5, 0.61]
    crowd = np.repeat([a, b], 500_000, axis=0)
    assert friends_of_friends(crowd, 0.1, method=method).max() == 1
    assert friends_of_friends(crowd, 0.12, method=method).max() == 0
    assert friends_of_friends(crowd[:, :2].copy(), 0.1, method=method).max() == 0


@pytest.mark.parametrize("method", FAST)
def test_two_dense_shells_that_do_not_quite_touch_are_no_trouble(method: Method) -> None:
    rng = np.random.default_rng(2)
    direction = rng.standard_normal((60_000, 3))
    direction[:, 0] = np.abs(direction[:, 0]) + 3
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    center = 1e-6 * rng.standard_normal((60_000, 3))
    shells = np.concatenate([center, direction * 1.00001])
    assert friends_of_friends(shells, 1.0, method=method).max() == 1
    assert friends_of_friends(shells, 1.00003, method=method).max() == 0
    sheet = np.column_stack([rng.random((60_000, 2)), np.repeat([0.0, 1.0001], 30_000)])
    assert friends_of_friends(sheet, 1.0, method=method).max() == 1


@pytest.mark.parametrize("method", FAST)
def test_coordinates_of_any_range_have_the_groups_of_scipy(method: Method) -> None:
    rng = np.random.default_rng(4)
    wide = 10.0 ** rng.uniform(-9, 6, (1500, 3)) * rng.choice([-1, 1], (1500, 3))
    near = np.concatenate([wide, wide + 1e-7 * rng.standard_normal((1500, 3))])
    for linking_length in (1e-8, 1e-6, 1e-3, 10.0, 1e5, 1e9):
        found = friends_of_friends(near, linking_length, method=method)
        assert found.tolist() == particles.by_scipy(near, linking_length).tolist()


@pytest.mark.parametrize("method", [*FAST, "brute"])
@pytest.mark.parametrize("side", [0.05, 0.11, 0.21, 0.35, 0.69, 0.71])
def test_a_box_of_few_linking_lengths_counts_images(method: Method, side: float) -> None:
    rng = np.random.default_rng(9)
    positions = rng.random((60, 3)) * [side, 1.0, 1.0]
    for box in ([side, 1.0, 1.0], [side, 0.0, 0.0]):
        found = friends_of_friends(positions, 0.1, box=box, method=method)
        assert found.tolist() == particles.by_comparing(positions, 0.1, box).tolist()


def test_a_chain_through_faces_and_corners_is_one_group() -> None:
    along = np.arange(0, 30, 0.05)[:, None] * [1.0, 0.61, 0.37] % 1.0
    for method in FAST:
        found = friends_of_friends(along, 0.0616, box=[1.0] * 3, method=method)
        assert found.max() == 0
    assert friends_of_friends(along, 0.0616).tolist() == particles.by_scipy(along, 0.0616).tolist()
    corners = np.array([[0.01, 0.01, 0.01], [0.99, 0.99, 0.99], [0.01, 0.99, 0.01], [0.5] * 3])
    assert friends_of_friends(corners, 0.04, box=[1.0] * 3).tolist() == [0, 0, 0, 1]


def test_a_particle_on_the_far_face_lies_in_the_box() -> None:
    points = np.array([[0.0, 0.5], [1.0, 0.5], [0.95, 0.5]])
    for method in FAST:
        assert friends_of_friends(points, 0.01, box=[1, 1], method=method).tolist() == [0, 0, 1]


def test_cells_are_given_up_only_where_they_do_not_fit(positions: Floats) -> None:
    none = np.full(3, np.inf)
    assert lay_out(extents(positions), none, 1e-6) is not None
    assert lay_out(extents(positions), none, 1e-8) is None
    assert lay_out(extents(positions), np.ones(3), 1 / 7.1) is not None
    assert lay_out(extents(positions), np.ones(3), 1 / 6.9) is None


@pytest.mark.parametrize("words", [1, 2, 3, 50, 64, 97])
def test_marks_miss_no_cell_and_leave_out_most_numbers_without_one(words: int) -> None:
    rng = np.random.default_rng(words)
    numbers = np.unique(rng.integers(1, 2**45, 40))
    # At the ends of words, too.
    numbers = np.unique(np.concatenate([numbers, numbers >> 6 << 6, numbers | 63]))
    marks = np.zeros(words, np.uint64)
    mark_numbers(numbers, 5, len(numbers) - 5, marks)
    mask = full_mask(words)
    marked = numbers[5:-5]
    for beside in (-1, 0, 1):
        assert all(may_be_near(marks, mask, number) for number in marked + beside)
    others = rng.integers(1, 2**45, 2000)
    others = others[np.abs(others[:, None] - marked).min(axis=1) > 1]
    said = np.mean([may_be_near(marks, mask, number) for number in others])
    assert said <= min(1.0, 1.5 * 3 * len(marked) / (64 * words))


@pytest.mark.usefixtures("no_share_too_small")
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_place_that_is_none_is_noticed_by_whichever_thread_meets_it(
    positions: Floats, wrong: float
) -> None:
    assert extents(positions, 3) == extents(positions)
    for at in (0, 2000, 3999):
        points = positions.copy()
        points[at, 1] = wrong
        assert np.isnan(extents(points, 3)).tolist() == [[False] * 2, [True] * 2, [False] * 2]
