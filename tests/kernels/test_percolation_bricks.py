"""Bricks give the groups of a single run, whatever the cuts; so do several lengths at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import particles
import pytest
from numpy.typing import NDArray
from particles import Floats

from hven.errors import ParameterError
from hven.kernels.percolation import (
    Boundary,
    friends_of_friends,
    hierarchy,
    join_bricks,
    name_groups,
    number_names,
    plan_bricks,
)

LENGTH = 0.02


def in_bricks(
    positions: Floats, linking_length: float, count: int, box: Sequence[float] | None
) -> NDArray[Any]:
    """Groups by bricks, as an application would have them made in many processes."""
    bricks = plan_bricks(positions[::7], count, linking_length, box=box)
    assert bricks.count == count
    # Chunks of what is read.
    homes = np.concatenate([bricks.homes(chunk) for chunk in np.array_split(positions, 3)])
    assert set(homes.tolist()) <= set(range(count))
    ghosts, hosts = bricks.ghosts(positions, homes)
    names = np.empty(len(positions), np.int64)
    boundaries, inside = [], []
    for brick in range(count):
        own, visitors = np.flatnonzero(homes == brick), ghosts[hosts == brick]
        ids = np.concatenate([own, visitors])
        named = name_groups(friends_of_friends(positions[ids], linking_length, box=box), ids)
        known = np.isin(own, ghosts)
        boundaries.append(
            Boundary(own[known], named[: len(own)][known], visitors, named[len(own) :])
        )
        inside.append((own, named[: len(own)]))
    renamed = join_bricks(boundaries)
    for own, named in inside:
        names[own] = renamed.apply(named)
    return number_names(names)


@pytest.mark.parametrize("count", [1, 2, 5, 16])
@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("periodic", [False, True])
def test_any_number_of_bricks_gives_the_groups_of_one_run(
    count: int, dimensions: int, periodic: bool
) -> None:
    box = [1.0] * dimensions if periodic else None
    for linking_length in (LENGTH, 0.08):
        positions = particles.clustered(3, 3000, dimensions)
        expected = friends_of_friends(positions, linking_length, box=box)
        found = in_bricks(positions, linking_length, count, box)
        assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("step", [1 / 8, 0.1])
def test_a_lattice_at_exactly_the_linking_length_hangs_together_across_bricks(
    step: float,
) -> None:
    lattice = np.stack(np.meshgrid(*[np.arange(8) * step] * 3), axis=-1).reshape(-1, 3)
    for box in (None, [8 * step] * 3):
        expected = friends_of_friends(lattice, step, box=box)
        assert in_bricks(lattice, step, 7, box).tolist() == expected.tolist()


def test_a_chain_through_all_bricks_and_around_the_box_is_one_group() -> None:
    chain = np.random.default_rng(1).permutation(
        np.arange(0, 60, 0.02)[:, None] * [1.0, 0.61, 0.37] % 1.0
    )
    assert in_bricks(chain, 0.0249, 12, [1.0] * 3).max() == 0


def test_a_brick_takes_ghosts_only_of_higher_bricks_within_a_linking_length() -> None:
    line = np.column_stack([np.linspace(0.05, 0.95, 10), np.full(10, 0.5)])
    # The cut is at 0.5, in the middle between two particles.
    bricks = plan_bricks(line, 2, 0.14)
    homes = bricks.homes(line)
    assert homes.tolist() == [0] * 5 + [1] * 5
    particle, brick = bricks.ghosts(line, homes)
    assert (particle.tolist(), brick.tolist()) == ([5], [0])
    around = plan_bricks(line, 2, 0.14, box=[1.0, 1.0])
    particle, brick = around.ghosts(line, homes)
    assert (particle.tolist(), brick.tolist()) == ([5, 9], [0, 0])


def test_bricks_without_particles_do_no_harm() -> None:
    one = np.full((5, 3), 0.25)
    assert in_bricks(one, 0.1, 6, [1.0] * 3).tolist() == [0] * 5
    nowhere = plan_bricks(np.empty((0, 3)), 4, 0.1)
    assert nowhere.homes(np.empty((0, 3))).tolist() == []


def test_a_ghost_that_is_nobodys_own_is_refused() -> None:
    none = np.empty(0, np.int64)
    with pytest.raises(ParameterError, match="lack particle 7"):
        join_bricks([Boundary(none, none, np.array([7]), np.array([3]))])


def test_no_bricks_are_refused() -> None:
    with pytest.raises(ParameterError, match="count: must be at least 1, got 0"):
        plan_bricks(np.zeros((1, 3)), 0, 0.1)


@pytest.mark.parametrize("box", [None, [1.0] * 3])
def test_several_lengths_at_once_give_what_each_gives_alone(box: list[float] | None) -> None:
    positions = particles.clustered(8, 3000)
    lengths = [0.02, 0.3, 0.001, 0.05, 0.02]
    found = hierarchy(positions, lengths, box=box)
    for row, length in zip(found, lengths, strict=True):
        expected = friends_of_friends(positions, length, box=box)
        assert row.tolist() == expected.tolist()


def test_groups_at_a_length_lie_within_groups_at_a_greater_one() -> None:
    inner, outer = hierarchy(particles.clustered(8, 3000), [0.01, 0.03])
    within = np.unique(np.column_stack([inner, outer]), axis=0)
    assert len(within) == inner.max() + 1


def test_no_lengths_and_no_particles_give_no_rows_and_no_columns() -> None:
    assert hierarchy(np.zeros((4, 3)), []).shape == (0, 4)
    assert hierarchy(np.empty((0, 3)), [1.0, 2.0]).shape == (2, 0)
