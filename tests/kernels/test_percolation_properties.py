"""Sums over groups: by hand, by numpy, and the same to the last bit in any order."""

from __future__ import annotations

import numpy as np
import particles
import pytest

from hven.errors import ParameterError
from hven.kernels.percolation import friends_of_friends, group_properties, order_groups


def test_a_group_of_three_and_one_alone_by_hand() -> None:
    positions = [[0.0, 0.0], [3.0, 0.0], [5.0, 5.0], [0.0, 4.0]]
    found = group_properties(
        np.array([0, 0, 1, 0]),
        positions,
        masses=[1.0, 2.0, 7.0, 1.0],
        velocities=[[1.0, 0.0], [2.0, 0.0], [9.0, 9.0], [3.0, 0.0]],
    )
    assert found.size.tolist() == [3, 1]
    assert found.reference.tolist() == [0, 2]
    assert found.mass.tolist() == [4.0, 7.0]
    assert found.center.tolist() == [[1.5, 1.0], [5.0, 5.0]]
    assert found.extent.tolist() == [[3.0, 4.0], [0.0, 0.0]]
    assert found.velocity.tolist() == [[2.0, 0.0], [9.0, 9.0]]
    # Squared distances from the centre 3.25, 3.25 (twice) and 11.25.
    assert found.rms_radius.tolist() == [(21 / 4) ** 0.5, 0.0]
    # Along x velocities are -1, 0 (twice) and 1 off the mean.
    assert found.dispersion.tolist() == [(2 / 4 / 2) ** 0.5, 0.0]


def test_a_group_across_faces_has_its_centre_where_it_is() -> None:
    positions = np.array([[9.5, 0.25, 3.0], [0.25, 9.75, 3.0], [9.75, 9.5, 3.0]])
    labels = friends_of_friends(positions, 1.0, box=[10.0, 10.0, 0.0])
    found = group_properties(labels, positions, box=[10.0, 10.0, 0.0])
    assert labels.tolist() == [0, 0, 0]
    np.testing.assert_allclose(found.center, [[29.5 / 3, 29.5 / 3, 3.0]], rtol=1e-15)
    assert found.extent.tolist() == [[0.75, 0.75, 0.0]]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_properties_are_those_of_numpy(kind: type) -> None:
    positions = particles.clustered(2, 3000).astype(kind) + kind(1000)
    rng = np.random.default_rng(5)
    masses, velocities = rng.random(3000), 300 * rng.standard_normal((3000, 3))
    labels = friends_of_friends(positions, 0.02)
    found = group_properties(labels, positions, masses=masses, velocities=velocities)
    for group in np.argsort(-found.size)[:20]:
        own = labels == group
        points, weights = positions[own].astype(np.float64), masses[own]
        center = np.average(points, axis=0, weights=weights)
        mean = np.average(velocities[own], axis=0, weights=weights)
        spread = np.average(((velocities[own] - mean) ** 2).sum(axis=1), weights=weights)
        radius = np.average(((points - center) ** 2).sum(axis=1), weights=weights)
        # Numpy's sums are rounded at coordinates of 1000.
        np.testing.assert_allclose(found.center[group], center, rtol=1e-14)
        np.testing.assert_allclose(found.velocity[group], mean, rtol=0, atol=1e-11)
        np.testing.assert_allclose(found.dispersion[group], (spread / 3) ** 0.5, rtol=1e-13)
        np.testing.assert_allclose(found.rms_radius[group], radius**0.5, rtol=1e-9)
        assert found.mass[group] == pytest.approx(weights.sum(), rel=1e-14)
        assert found.extent[group].tolist() == np.ptp(points, axis=0).tolist()


@pytest.mark.parametrize("box", [None, [1.0] * 3])
def test_the_order_of_the_particles_changes_no_bit(box: list[float] | None) -> None:
    positions = particles.clustered(2, 3000)
    rng = np.random.default_rng(6)
    masses, velocities = rng.random(3000), 10.0 ** rng.uniform(-8, 8, (3000, 3))
    expected = None
    for order in (np.arange(3000), rng.permutation(3000), rng.permutation(3000)):
        points = positions[order]
        labels = order_groups(friends_of_friends(points, 0.03, box=box), points, smallest=2)
        found = group_properties(
            labels, points, masses=masses[order], velocities=velocities[order], box=box
        )
        rows = [found.size, found.mass, found.center, found.rms_radius, found.extent]
        digest = [row.tobytes() for row in (*rows, found.velocity, found.dispersion)]
        members = labels[np.argsort(order)].tolist()
        expected = expected or (digest, members)
        assert (digest, members) == expected
        assert (found.size >= 2).all()


def test_groups_are_ordered_by_size_and_then_by_their_lowest_member() -> None:
    positions = np.array([[5.0, 1], [1, 9], [1, 2], [5, 0], [0, 0], [7, 7], [7, 7], [7, 7]])
    labels = np.array([0, 1, 1, 0, 2, 3, 3, 3])
    ordered = order_groups(labels, positions, smallest=2)
    assert ordered.tolist() == [2, 1, 1, 2, -1, 0, 0, 0]
    assert order_groups(ordered, positions).tolist() == ordered.tolist()
    assert order_groups(labels, positions).tolist() == [2, 1, 1, 2, 3, 0, 0, 0]
    assert order_groups(labels, positions, smallest=4).tolist() == [-1] * 8


def test_groups_without_mass_or_velocities_have_no_centre_and_no_dispersion() -> None:
    found = group_properties(np.zeros(2, np.int32), [[0.0, 1.0], [1.0, 1.0]], masses=[0.0, 0.0])
    assert np.isnan(found.center).all()
    assert np.isnan(found.velocity).all()
    assert np.isnan(found.dispersion).all()


def test_nothing_has_no_groups() -> None:
    found = group_properties(np.empty(0, np.int32), np.empty((0, 3)), velocities=np.empty((0, 3)))
    assert found.center.shape == (0, 3)
    assert order_groups(np.empty(0, np.int32), np.empty((0, 3))).tolist() == []


def test_values_that_are_not_one_a_particle_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"masses: must be \(2,\), got \(3,\)"):
        group_properties(np.zeros(2, np.int32), np.zeros((2, 3)), masses=[1.0, 1.0, 1.0])
