"""Galaxies linked by two lengths: by hand, by the formulas, and a survey of tens of thousands."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import particles
import pytest
from astropy.table import Table
from numpy.typing import NDArray
from particles import Floats

from hven.errors import ParameterError
from hven.kernels.percolation import Criterion, redshift_space_groups, unit_vectors

CRITERIA: tuple[Criterion, ...] = ("mean-angle", "mean-distance")
Survey = tuple[Floats, Floats, Floats, Floats]


def survey(seed: int, n: int) -> Survey:
    """Directions around the pole, distances, and lengths that grow with distance."""
    rng = np.random.default_rng(seed)
    ra = rng.uniform(0, 2 * np.pi, n)
    dec = np.pi / 2 - 0.3 * rng.random(n) ** 0.5
    distances = rng.uniform(50.0, 400.0, n)
    return unit_vectors(ra, dec), distances, 0.02 * distances, rng.uniform(5, 15, n)


def by_formula(directions: Floats, d: Floats, t: Floats, length: Floats, rule: str) -> Any:
    """Groups by the published criteria."""
    cosine = np.clip(directions @ directions.T, -1, 1)
    theta = np.arccos(cosine)
    if rule == "mean-angle":
        near = theta <= (t / d + (t / d)[:, None]) / 2
    else:
        near = 2 * np.sin(theta / 2) * (d + d[:, None]) / 2 <= (t + t[:, None]) / 2
    near &= np.abs(d - d[:, None]) <= (length + length[:, None]) / 2
    return particles.by_pairs(len(d), np.argwhere(near))


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("method", ["tree", "brute"])
def test_both_lengths_must_hold_for_a_pair(criterion: Criterion, method: Any) -> None:
    directions = unit_vectors([0.0, 0.009, 0.03, 0.0], [0.0, 0.0, 0.0, 0.0])
    found = redshift_space_groups(
        directions, [100.0, 104.0, 104.0, 106.0], 1.0, 5.0, criterion=criterion, method=method
    )
    # The first and the last are too far apart along the line of sight, but share a friend.
    assert found.tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("criterion", CRITERIA)
def test_groups_are_those_of_the_published_formulas(criterion: Criterion) -> None:
    galaxies = survey(1, 1500)
    expected = by_formula(*galaxies, criterion).tolist()
    for method in ("tree", "brute"):
        found = redshift_space_groups(*galaxies, criterion=criterion, method=method)  # type: ignore[arg-type]
        assert found.tolist() == expected
    assert 20 < max(expected) < 1450


@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_order_of_galaxies_and_the_unit_do_not_matter(criterion: Criterion) -> None:
    directions, distances, transverse, along = survey(2, 1500)
    expected = redshift_space_groups(directions, distances, transverse, along, criterion=criterion)
    order = np.random.default_rng(1).permutation(1500)
    shuffled = redshift_space_groups(
        directions[order],
        64 * distances[order],
        64 * transverse[order],
        64 * along[order],
        criterion=criterion,
    )
    assert shuffled.tolist() == particles.in_order(expected[order]).tolist()


@pytest.mark.parametrize("criterion", CRITERIA)
def test_many_galaxies_in_one_place_are_no_trouble(criterion: Criterion) -> None:
    directions = np.repeat(unit_vectors([0.0, 0.5], [0.1, 0.1]), 100_000, axis=0)
    found = redshift_space_groups(directions, 10.0, 1.0, 1.0, criterion=criterion)
    assert found.max() == 1
    whole = redshift_space_groups(directions, 10.0, 8.0, 1.0, criterion=criterion)
    assert whole.max() == 0


@pytest.mark.parametrize("criterion", CRITERIA)
def test_lengths_wider_than_the_sky_leave_the_line_of_sight(criterion: Criterion) -> None:
    directions = unit_vectors(np.linspace(0, 6, 7), np.linspace(-1.5, 1.5, 7))
    distances = [1.0, 2.0, 3.0, 10.0, 11.0, 20.0, 21.0]
    found = redshift_space_groups(directions, distances, 1000.0, 1.0, criterion=criterion)
    assert found.tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_a_mock_survey_has_the_same_groups_by_the_tree_and_pair_by_pair(shared_data: Path) -> None:
    table = Table.read(shared_data / "fof" / "sdss_mr19_mock" / "mr19_mock.fits")
    names: dict[str, str] = {name.lower(): name for name in table.colnames}
    ra, dec, cz = (np.asarray(table[names[key]], np.float64) for key in ("ra", "dec", "cz"))
    near: NDArray[Any] = (cz < 9000) & (ra < 180)
    directions = unit_vectors(np.radians(ra[near]), np.radians(dec[near]))
    groups = [
        redshift_space_groups(directions, cz[near], 60.0, 400.0, method=method)  # type: ignore[arg-type]
        for method in ("tree", "brute")
    ]
    assert groups[0].tolist() == groups[1].tolist()
    sizes = np.bincount(groups[0])
    assert sizes.max() > 10
    assert (sizes == 1).sum() > 100


def test_every_fault_of_the_galaxies_is_told_at_once() -> None:
    with pytest.raises(ParameterError) as caught:
        redshift_space_groups([[1.0, 1.0, 0.0]], [0.0], [1.0, 2.0], math.nan)
    assert [fault.name for fault in caught.value.faults] == [
        "directions",
        "distances",
        "transverse",
        "line_of_sight",
    ]


def test_a_criterion_and_a_method_that_there_are_not_are_named_together() -> None:
    # As from callers whose types nobody checks.
    wrong: dict[str, Any] = {"criterion": "mean", "method": "grid"}
    with pytest.raises(ParameterError) as found:
        redshift_space_groups([[1.0, 0.0, 0.0]], 1.0, 1.0, 1.0, **wrong)
    assert str(found.value).splitlines()[-2:] == [
        "criterion: must be one of mean-angle, mean-distance, got mean",
        "method: must be one of tree, brute, got grid",
    ]
