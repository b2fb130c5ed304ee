"""What cannot be grouped is refused with all its reasons, and what is odd but legal is done."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "formats"))
import particle_files as files
from points import clustered

from hven.apps.fof import fof
from hven.apps.fof.resources import bricks_for, check_disk
from hven.errors import InputError, ParameterError, ResourceError

FindGroups = Callable[..., Any]


def faults(**values: Any) -> list[str]:
    with pytest.raises(ParameterError) as caught:
        fof.parse({"particles": ["p.npy"], **values})
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("length", [0, -0.2, float("nan"), float("inf")])
def test_a_radius_that_is_none_is_refused(length: float) -> None:
    (text,) = faults(linking_length=length)
    assert text.startswith("linking_length: must be")


def test_bounds_are_said() -> None:
    assert faults(linking_length=-1, minimum_size=0, box=-3, memory=0) == [
        "box: must be at least 0, got -3",
        "linking_length: must be above 0, got -1",
        "minimum_size: must be at least 1, got 0",
        "memory: must be at least 0.1 Gbyte, got 0",
    ]


def test_parameters_that_do_not_go_together_are_named() -> None:
    assert faults(line_of_sight_length=1, scaling="density", cosmology="WMAP5") == [
        "line_of_sight_length: must be left out where space is not sky",
        "scaling: must be left out where space is not sky",
    ]
    assert faults(
        space="sky", box=3, velocity_columns=["v"], linking_length=[1, 2], legacy_text=True,
        densest=True, hubble_constant=70,
    ) == [
        "legacy_text: must be asked for one linking length only, got 2",
        "line_of_sight_length: must be given, or line_of_sight_velocity, where space is sky, "
        "got neither",
        "linking_length: must be a single one where space is sky",
        "hubble_constant: must be given together with matter_density",
        "box: must be left out where space is sky",
        "velocity_columns: must be left out where space is sky",
        "legacy_text: must be left out where space is sky",
        "densest: must be left out where space is sky",
    ]  # fmt: skip
    both = {"line_of_sight_length": 1, "line_of_sight_velocity": 500}
    assert "got both" in faults(space="sky", **both)[0]
    assert faults(linking_length=[0.2, 0.2]) == [
        "linking_length: must be different lengths, got one of them twice"
    ]
    assert faults(columns=list("abcd"), box=[1, 2, 3, 4]) == [
        "box: must be one side or one an axis, got 4",
        "columns: must be at most three, got 4",
    ]


def test_faults_of_all_files_come_at_once(tmp_path: Path, find_groups: FindGroups) -> None:
    arrays = files.sample()
    arrays["positions"][3] = np.nan
    one = files.write_counted(tmp_path / "one", arrays)
    two = files.write_counted(tmp_path / "two", files.sample(), promised=60)
    with pytest.raises(InputError) as caught:
        find_groups([one, two])
    assert [str(fault) for fault in caught.value.faults] == [
        f"{one}: positions must be finite numbers, 1 row is not: line 5 (nan, nan, nan)",
        f"{two}, line 1: must be the number of rows, 50, got 60; the file is truncated",
    ]


def test_positions_outside_of_the_box_are_shown_or_wrapped(
    tmp_path: Path, find_groups: FindGroups
) -> None:
    positions = clustered(100, side=10.0)
    np.save(tmp_path / "inside.npy", positions)
    moved = positions.copy()
    moved[[4, 7, 9, 20]] += [[10, 0, 0], [-10, 0, 0], [0, 0, 20], [0, -10, 10]]
    path = tmp_path / "outside.npy"
    np.save(path, moved)
    with pytest.raises(InputError) as caught:
        find_groups(path, box=10)
    text = str(caught.value)
    assert text.startswith(
        f"{path}: positions must lie in the periodic box from 0 to 10 x 10 x 10, 4 rows are not: "
        "row 5 ("
    )
    assert text.endswith("), ...; outside wrap takes them into it")
    wrapped = find_groups(path, box=10, outside="wrap")
    plain = find_groups(tmp_path / "inside.npy", box=10)
    for name in ("size", "x", "y", "z"):
        # Wrapping rounds.
        np.testing.assert_allclose(
            Table.read(wrapped.groups)[name], Table.read(plain.groups)[name], atol=1e-13
        )
    # Open along z, a particle may be anywhere there.
    with pytest.raises(InputError, match=r"from 0 to 10 x 10 x open, 3 rows are not: row 5"):
        find_groups(path, box=[10, 10, 0])


def test_a_particle_on_the_far_face_is_inside(tmp_path: Path, find_groups: FindGroups) -> None:
    np.save(tmp_path / "p.npy", [[10.0, 5, 5], [0.0, 5, 5], [5.0, 5, 5]])
    result = find_groups(tmp_path / "p.npy", box=10, densest=True)
    assert list(Table.read(result.groups)["size"]) == [2]


def test_wrong_columns_are_named_with_those_there_are(
    tmp_path: Path, find_groups: FindGroups
) -> None:
    suffix, write = files.WRITERS["fits"]
    path = write(tmp_path / f"p{suffix}", files.sample())
    with pytest.raises(InputError) as caught:
        find_groups(path, columns=["x", "why", "z"], mass_column="weight")
    there = "id, x, y, z, vx, vy, vz, mass"
    assert [fault.text for fault in caught.value.faults] == [
        f"columns must be columns of the file, got why; it has {there}",
        f"mass_column must be columns of the file, got weight; it has {there}",
    ]


def test_files_that_do_not_belong_together_are_refused(
    tmp_path: Path, find_groups: FindGroups
) -> None:
    plane, space = tmp_path / "plane.npy", tmp_path / "space.npy"
    np.save(plane, clustered(50)[:, :2])
    np.save(space, clustered(50))
    with pytest.raises(InputError, match=r"must be as plane.npy: dimensions 2, has 3"):
        find_groups([plane, space])
    with pytest.raises(InputError, match="must be given once, is given twice"):
        find_groups([plane, plane])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="must hold files of particles, holds none"):
        find_groups(tmp_path / "empty")
    with pytest.raises(InputError, match="must be one side or 2, one an axis, got 3"):
        find_groups(plane, box=[1, 1, 1])


def test_a_part_of_a_snapshot_is_refused(tmp_path: Path, find_groups: FindGroups) -> None:
    for number in range(2):
        path = tmp_path / f"snap.{number}.hdf5"
        files.write_gadget4(path, files.sample(seed=number), files=2, total=100)
    with pytest.raises(InputError, match="must be given with all 2 files of its snapshot, 1 are"):
        find_groups(tmp_path / "snap.0.hdf5")
    result = find_groups(tmp_path / "snap.*.hdf5", minimum_size=1)
    assert Table.read(result.groups)["size"].sum() == 100
    files.write_gadget4(tmp_path / "snap.1.hdf5", files.sample(40), files=2, total=100)
    with pytest.raises(
        InputError, match=r"must hold 100 particles with the other files .* hold 90"
    ):
        find_groups(tmp_path / "snap.*.hdf5")


@pytest.mark.parametrize("box", [[], [1.0]])
@pytest.mark.parametrize("members", ["group", "positions"])
def test_no_particles_are_an_empty_catalogue(
    box: list[float], members: str, tmp_path: Path, find_groups: FindGroups
) -> None:
    np.save(tmp_path / "p.npy", np.empty((0, 3)))
    result = find_groups(tmp_path / "p.npy", box=box, members=members, legacy_text=True)
    assert len(Table.read(result.groups)) == len(Table.read(result.membership)) == 0
    assert result.legacy.read_text() == "0 0 \n"
    assert result.preview.stat().st_size > 0


@pytest.mark.parametrize("box", [[], [2.0]])
def test_one_particle_and_many_at_one_place_are_groups(
    box: list[float], tmp_path: Path, find_groups: FindGroups
) -> None:
    np.save(tmp_path / "one.npy", [[1.0, 1.0, 1.0]])
    result = find_groups(tmp_path / "one.npy", box=box, minimum_size=1)
    (row,) = Table.read(result.groups)
    assert (row["size"], row["x"], row["rms_radius"]) == (1, 1.0, 0.0)
    np.save(tmp_path / "many.npy", np.ones((40, 3)))
    result = find_groups(tmp_path / "many.npy", box=box, densest=True)
    (row,) = Table.read(result.groups)
    assert (row["size"], row["x"], row["densest_x"]) == (40, 1.0, 1.0)


def test_groups_without_members_of_the_asked_size_are_an_empty_catalogue(
    tmp_path: Path, find_groups: FindGroups
) -> None:
    np.save(tmp_path / "p.npy", clustered(100))
    result = find_groups(tmp_path / "p.npy", minimum_size=200)
    assert len(Table.read(result.groups)) == 0
    assert (Table.read(result.membership)["group"] == 0).all()


def test_particles_without_mass_have_no_centre(tmp_path: Path, find_groups: FindGroups) -> None:
    np.savez(tmp_path / "p.npz", pos=[[1.0, 1, 1], [1.1, 1, 1]], mass=[0.0, 0.0])
    result = find_groups(tmp_path / "p.npz", box=3, linking_length=0.2, length_in="absolute")
    (row,) = Table.read(result.groups)
    assert row["size"] == 2
    assert np.ma.is_masked(row["x"])  # NaN, as astropy reads it.


def test_memory_and_disk_are_counted(tmp_path: Path) -> None:
    assert bricks_for(10**6, 1e9) == 1
    assert bricks_for(10**8, 3e9) >= 3
    with pytest.raises(ResourceError, match=r"disk: 1,000,000,000,000,000 particles need"):
        check_disk(tmp_path, tmp_path, 10**15, 1, 1)
