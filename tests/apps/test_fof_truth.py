"""Groups against published counts, other programs and cases done by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

sys.path.insert(0, str(Path(__file__).parent))
from points import clustered, components, same_groups

FindGroups = Callable[..., Any]


def header(path: Path) -> fits.Header:
    return fits.getheader(path, 1)


def labels(result: Any) -> Any:
    """The group of each particle, those in none as groups of their own."""
    found = np.asarray(Table.read(result.membership)["group"], dtype=np.int64)
    alone = found == 0
    found[alone] = -1 - np.flatnonzero(alone)
    return found


def test_published_counts_of_groups(
    shared_data: Path, tmp_path: Path, find_groups: FindGroups
) -> None:
    folder = shared_data / "fof/cosmo32768"
    positions = np.fromfile(folder / "cosmo32768.dat", np.uint16).reshape(-1, 3) / 65536.0
    np.save(tmp_path / "cosmo.npy", positions)
    expected = json.loads((folder / "expected.json").read_text())
    for box, counts in (([], "n_groups_isolated"), ([1.0], "n_groups_periodic")):
        lengths = list(map(float, expected[counts]))
        result = find_groups(
            tmp_path / "cosmo.npy", box=box, linking_length=lengths, length_in="absolute",
            members="none",
        )  # fmt: skip
        cards = header(result.groups)
        found = [cards[f"NGROUP{n + 1}"] for n in range(len(lengths))]
        assert found == list(expected[counts].values())


@pytest.mark.parametrize("method", ["grid", "tree", "brute"])
@pytest.mark.parametrize("box", [[], [1.0], [1.0, 0.0, 1.0]])
def test_groups_are_connected_components(
    method: str, box: list[float], tmp_path: Path, find_groups: FindGroups
) -> None:
    positions = clustered(1500)
    np.save(tmp_path / "p.npy", positions)
    result = find_groups(
        tmp_path / "p.npy", box=box, linking_length=0.03, length_in="absolute", method=method
    )
    sides = None if not box else (box * 3)[:3] if len(box) == 1 else box
    assert same_groups(labels(result), components(positions, 0.03, sides))


def test_two_controlled_inputs(tmp_path: Path, find_groups: FindGroups) -> None:
    """47 particles that are four groups and 50 that are one, at 1.7, as counted text.

    In the second a forward scan through the rows never meets the whole chain: it is one group only
    to who expands friends that lie behind.
    """
    rng = np.random.default_rng(2)
    four = [
        np.array(center) + np.cumsum(rng.uniform(0.3, 0.9, (size, 3)), axis=0) / [1, 2, 4]
        for center, size in (((0, 0, 0), 12), ((40, 0, 0), 15), ((0, 40, 0), 19), ((0, 0, 40), 1))
    ]
    chain = np.zeros((50, 3))
    chain[:, 0] = 1.5 * np.arange(50)
    for positions, groups, above_one in ((np.concatenate(four), 4, 3), (chain, 1, 1)):
        count = len(positions)
        order = rng.permutation(count)
        rows = [
            f"{n} {x:.6f} {y:.6f} {z:.6f} 0 0 0 1" for n, (x, y, z) in enumerate(positions[order])
        ]
        path = tmp_path / f"entry{count}"
        path.write_text(f"{count}\n" + "\n".join(rows) + "\n")
        result = find_groups(path, linking_length=1.7, length_in="absolute", legacy_text=True)
        assert count == {4: 47, 1: 50}[groups]
        assert (header(result.groups)["NGROUP"], header(result.groups)["NMULTI"]) == (
            groups, above_one
        )  # fmt: skip
        lines = result.legacy.read_text().splitlines()
        assert lines[0] == f"{count} {groups} "
        assert len(lines) == count + 1
        numbers = np.array([line.split() for line in lines[1:]], dtype=float)
        np.testing.assert_array_equal(numbers[:, 0], np.arange(1, count + 1))
        assert len(np.unique(numbers[:, 1])) == groups
        np.testing.assert_allclose(numbers[:, 2:5], positions[order], atol=1e-5)


def test_a_group_by_hand_across_a_periodic_face(tmp_path: Path, find_groups: FindGroups) -> None:
    table = Table({
        "id": [5, 6, 7, 8],
        "x": [9.8, 0.2, 0.4, 5.0], "y": [5.0, 5.0, 5.3, 5.0], "z": [5.0, 5.0, 5.0, 5.0],
        "vx": [10.0, 20.0, 30.0, 7.0], "vy": [0.0, 0.0, 0.0, 0.0], "vz": [0.0, 0.0, 0.0, 0.0],
        "mass": [1.0, 1.0, 2.0, 1.0],
    })  # fmt: skip
    for name, unit in (("x", "Mpc"), ("y", "Mpc"), ("z", "Mpc"), ("mass", "solMass")):
        table[name].unit = unit
    for name in ("vx", "vy", "vz"):
        table[name].unit = "km/s"
    table.write(tmp_path / "p.fits")
    result = find_groups(
        tmp_path / "p.fits", box=10, linking_length=0.45, length_in="absolute", densest=True
    )
    (row,) = Table.read(result.groups)
    assert (row["group"], row["size"], row["mass"]) == (1, 3, 4.0)
    # Centre: (-0.2 + 0.2 + 2 x 0.4) / 4; offsets -0.4, 0, 0.2 along x, -0.15, -0.15, 0.15 along y.
    assert (row["x"], row["y"], row["z"]) == pytest.approx((0.2, 5.15, 5.0), abs=1e-12)
    rms = np.sqrt((0.4**2 + 0 + 2 * 0.2**2 + 4 * 0.15**2) / 4)
    assert row["rms_radius"] == pytest.approx(rms, rel=1e-12)
    assert row["vx"] == pytest.approx(22.5, rel=1e-12)
    speeds = (12.5**2 + 2.5**2 + 2 * 7.5**2) / 4
    assert row["dispersion"] == pytest.approx(np.sqrt(speeds / 3), rel=1e-12)
    assert (row["extent_x"], row["extent_y"]) == pytest.approx((0.6, 0.3), abs=1e-12)
    # The sphere of 4 solar masses at 200 times the density of 5 in 1000.
    radius = np.cbrt(4 / (4 / 3 * np.pi * 200 * 5 / 1000))
    assert row["virial_radius"] == pytest.approx(radius, rel=1e-12)
    assert (row["densest_id"], row["densest_x"]) == (6, 0.2)
    members = Table.read(result.membership)
    assert list(members["id"]) == [5, 6, 7, 8]
    assert list(members["group"]) == [1, 1, 1, 0]
    units = {name: str(Table.read(result.groups)[name].unit) for name in ("x", "vx", "mass")}
    assert units == {"x": "Mpc", "vx": "km / s", "mass": "solMass"}


def test_properties_are_those_of_a_loop(tmp_path: Path, find_groups: FindGroups) -> None:
    """Away from the faces a group's numbers are plain weighted means of its members."""
    rng = np.random.default_rng(9)
    positions = rng.normal(0, 0.3, (300, 3)) + rng.integers(0, 3, (300, 1)) * 5.0
    arrays = {
        "pos": positions,
        "vel": rng.normal(100, 30, (300, 3)),
        "mass": rng.uniform(1, 3, 300),
    }
    np.savez(tmp_path / "p.npz", **arrays)
    result = find_groups(tmp_path / "p.npz", linking_length=0.4, length_in="absolute")
    found, group = Table.read(result.groups), labels(result)
    assert len(found) >= 3
    for row in found:
        inside = group == row["group"]
        mass, place, speed = arrays["mass"][inside], positions[inside], arrays["vel"][inside]
        center = np.average(place, axis=0, weights=mass)
        mean = np.average(speed, axis=0, weights=mass)
        np.testing.assert_allclose([row["x"], row["y"], row["z"]], center, rtol=1e-11)
        np.testing.assert_allclose([row["vx"], row["vy"], row["vz"]], mean, rtol=1e-11)
        rms = np.sqrt(np.average(((place - center) ** 2).sum(axis=1), weights=mass))
        sigma = np.sqrt(np.average(((speed - mean) ** 2).sum(axis=1), weights=mass) / 3)
        assert row["rms_radius"] == pytest.approx(rms, rel=1e-11)
        assert row["dispersion"] == pytest.approx(sigma, rel=1e-11)
        assert row["mass"] == pytest.approx(mass.sum(), rel=1e-12)


def test_lengths_in_separations_are_those_of_the_box(
    tmp_path: Path, find_groups: FindGroups
) -> None:
    positions = clustered(1000, side=8.0)
    np.save(tmp_path / "p.npy", positions)
    one = find_groups(tmp_path / "p.npy", box=8, linking_length=0.2)
    two = find_groups(tmp_path / "p.npy", box=8, linking_length=0.16, length_in="absolute")
    assert header(one.groups)["MEANSEP"] == pytest.approx(0.8, rel=1e-15)
    np.testing.assert_array_equal(labels(one), labels(two))


def test_a_hierarchy_names_the_group_around_each_group(
    tmp_path: Path, find_groups: FindGroups
) -> None:
    np.save(tmp_path / "p.npy", clustered(2000))
    lengths = [0.02, 0.04, 0.01]
    result = find_groups(
        tmp_path / "p.npy", box=1, linking_length=lengths, length_in="absolute", minimum_size=3
    )
    found, members = Table.read(result.groups), Table.read(result.membership)
    for level, length in enumerate(lengths, 1):
        alone = find_groups(
            tmp_path / "p.npy", box=1, linking_length=length, length_in="absolute", minimum_size=3
        )
        single, own = Table.read(alone.groups), found[found["level"] == level]
        for name in single.colnames:
            np.testing.assert_array_equal(single[name], own[name])
        above = {1: 2, 2: None, 3: 1}[level]
        for row in own:
            inside = members[f"group_{level}"] == row["group"]
            around = set(members[f"group_{above}"][inside]) if above else {0}
            assert around == {row["parent"]}


def test_the_multiplicity_counts_every_group(tmp_path: Path, find_groups: FindGroups) -> None:
    positions = clustered(1500)
    np.save(tmp_path / "p.npy", positions)
    result = find_groups(tmp_path / "p.npy", linking_length=0.03, length_in="absolute")
    table = Table.read(result.multiplicity)
    sizes, counts = np.unique(np.bincount(components(positions, 0.03)), return_counts=True)
    np.testing.assert_array_equal(table["size"], sizes)
    np.testing.assert_array_equal(table["groups"], counts)
    assert table["groups_at_least"][0] == counts.sum()
    assert table["particles"].sum() == 1500


def test_two_dimensions_are_three_with_one_that_is_the_same(
    tmp_path: Path, find_groups: FindGroups
) -> None:
    plane = clustered(800)[:, :2]
    np.save(tmp_path / "two.npy", plane)
    np.save(tmp_path / "three.npy", np.column_stack([plane, np.full(800, 0.5)]))
    two, three = (
        find_groups(tmp_path / f"{name}.npy", box=1, linking_length=0.01, length_in="absolute")
        for name in ("two", "three")
    )
    np.testing.assert_array_equal(labels(two), labels(three))
    one, other = Table.read(two.groups), Table.read(three.groups)
    for name in ("size", "x", "y", "rms_radius", "extent_x"):
        np.testing.assert_array_equal(one[name], other[name])
