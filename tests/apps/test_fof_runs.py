"""Groups over the engine: the same bytes in any order, in bricks, by any executor, after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from pyarrow import parquet

sys.path.insert(0, str(Path(__file__).parent))
from points import clustered

from hven.engine import Local, Store

FindGroups = Callable[..., Any]
OUTPUTS = ("groups", "multiplicity", "preview", "multiplicity_plot")


def particles(count: int = 4000) -> dict[str, Any]:
    """Particles with all that can be summed up."""
    rng = np.random.default_rng(21)
    return {
        "pos": clustered(count),
        "vel": rng.normal(0, 300, (count, 3)),
        "mass": rng.uniform(0.1, 5, count),
        "id": rng.permutation(count),
    }


def save(folder: Path, arrays: dict[str, Any]) -> Path:
    """In a folder of its own, since names of files stand in the catalogue."""
    folder.mkdir()
    path = folder / "particles.npz"
    np.savez(path, **arrays)
    return path


def contents(result: Any, names: tuple[str, ...] = OUTPUTS) -> dict[str, bytes]:
    return {name: getattr(result, name).read_bytes() for name in names}


@pytest.mark.parametrize("box", [[], [1.0]])
def test_the_order_of_the_rows_changes_no_byte_of_the_catalogue(
    box: list[float], tmp_path: Path, find_groups: FindGroups
) -> None:
    arrays = particles()
    order = np.random.default_rng(1).permutation(len(arrays["id"]))
    shuffled = {name: values[order] for name, values in arrays.items()}
    options = {"box": box, "linking_length": 0.25, "densest": True}
    one = find_groups(save(tmp_path / "a", arrays), **options)
    two = find_groups(save(tmp_path / "b", shuffled), **options)
    assert contents(one) == contents(two)
    first, second = (Table.read(result.membership) for result in (one, two))
    np.testing.assert_array_equal(first["group"][order], second["group"])


@pytest.mark.parametrize("box", [[], [1.0]])
@pytest.mark.parametrize("lengths", [[0.25], [0.4, 0.2]])
def test_bricks_change_no_byte(
    box: list[float],
    lengths: list[float],
    tmp_path: Path,
    find_groups: FindGroups,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = save(tmp_path / "a", particles())
    options = {"box": box, "linking_length": lengths, "members": "positions"}
    whole = find_groups(path, **options)
    monkeypatch.setattr("hven.apps.fof.finding.bricks_for", lambda *_: 7)
    monkeypatch.setattr("hven.apps.fof.bricks._RANGE", 1024)
    monkeypatch.setattr("hven.apps.fof.bricks._CHUNK", 256)
    cut = find_groups(path, **options, store=Store(tmp_path / "other"))
    calls = {step["name"]: step["calls"] for step in cut.provenance["steps"]}
    assert calls["find_in_brick"] == 7 * len(lengths)
    assert calls["sort_particles"] == 4 * len(lengths)
    names = (*OUTPUTS, "membership")
    assert contents(whole, names) == contents(cut, names)


def test_memory_decides_on_bricks(tmp_path: Path, find_groups: FindGroups) -> None:
    count = 1_500_000
    rng = np.random.default_rng(4)
    np.save(tmp_path / "p.npy", rng.uniform(0, 1, (count, 3)))
    options = {"box": 1, "linking_length": 0.2, "members": "none", "minimum_size": 10}
    cut = find_groups(tmp_path / "p.npy", **options, memory=0.1)
    assert "find_in_brick" in {step["name"] for step in cut.provenance["steps"]}
    assert "particles are cut into 2 bricks" in (cut.folder / "log.txt").read_text()
    whole = find_groups(tmp_path / "p.npy", **options)
    assert contents(whole) == contents(cut)


def test_processes_methods_and_threads_give_the_same_bytes(
    tmp_path: Path, find_groups: FindGroups, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a", particles())
    whole = find_groups(path, box=1)
    for method, threads in (("tree", 1), ("brute", 2), ("grid", 2)):
        assert contents(find_groups(path, box=1, method=method, threads=threads)) == contents(whole)
    pool = find_groups(path, box=1, executor=Local(2), store=Store(tmp_path / "pool"))
    assert contents(pool) == contents(whole)
    monkeypatch.setattr("hven.apps.fof.finding.bricks_for", lambda *_: 4)
    cut = find_groups(path, box=1, executor=Local(2), store=Store(tmp_path / "cut"))
    assert contents(cut) == contents(whole)


def test_another_linking_length_reads_nothing_again(
    tmp_path: Path, find_groups: FindGroups
) -> None:
    path = save(tmp_path / "a", particles())
    find_groups(path, linking_length=0.2)
    again = find_groups(path, linking_length=0.3)
    steps = {step["name"]: step for step in again.provenance["steps"]}
    assert steps["read_file"]["reused"] == steps["read_file"]["calls"] == 1
    assert steps["find_labels"]["reused"] == 0


def test_several_files_are_one(tmp_path: Path, find_groups: FindGroups) -> None:
    arrays = particles()
    whole = find_groups(save(tmp_path / "whole", arrays), box=1)
    (tmp_path / "parts").mkdir()
    for number, part in enumerate(np.array_split(np.arange(4000), 3)):
        pieces = {name: values[part] for name, values in arrays.items()}
        np.savez(tmp_path / "parts" / f"part{number}.npz", **pieces)
    for given in (tmp_path / "parts", sorted((tmp_path / "parts").iterdir())):
        cut = find_groups(given, box=1)
        one, other = Table.read(whole.groups), Table.read(cut.groups)
        for name in one.colnames:
            np.testing.assert_array_equal(one[name], other[name])
        first, second = Table.read(whole.membership), Table.read(cut.membership)
        for name in first.colnames:
            np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize("form", ["fits", "votable", "parquet", "hdf5"])
def test_every_format_holds_the_same(form: str, tmp_path: Path, find_groups: FindGroups) -> None:
    path = save(tmp_path / "a", particles())
    one = find_groups(path, box=1, members="positions")
    two = find_groups(path, box=1, members="positions", table_format=form)
    for name in ("groups", "membership"):
        first = Table.read(getattr(one, name))
        second = _read(getattr(two, name), form)
        for column in first.colnames:
            np.testing.assert_array_equal(first[column], second[column])


def _read(path: Path, form: str) -> Any:
    if form == "parquet":
        return parquet.read_table(path).to_pydict()
    if form != "hdf5":
        return Table.read(path)
    import h5py

    with h5py.File(path) as file:
        return {name: file[name][:] for name in file}


def test_a_killed_run_is_taken_up_and_gives_the_same_bytes(
    tmp_path: Path, find_groups: FindGroups
) -> None:
    arrays = {"pos": np.random.default_rng(6).uniform(0, 1, (2_000_000, 3))}
    path = save(tmp_path / "a", arrays)
    store, folder = tmp_path / "cut", tmp_path / "again"
    command = [str(Path(sys.executable).with_name("hven")), "fof", str(path), "--box", "1"]
    command += ["--memory", "0.1", "--minimum-size", "20", "--members", "none"]
    command += ["-o", str(folder), "--store", str(store), "--workers", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        # Killed when some bricks are found, workers and all.
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if sum(1 for _ in store.glob("products/*/*")) >= 5:
                break
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "reused" in finished.stdout + finished.stderr
    whole = find_groups(path, box=1, minimum_size=20, members="none")
    assert (folder / "groups.fits").read_bytes() == whole.groups.read_bytes()


def test_the_log_has_the_lines_of_earlier_codes(tmp_path: Path, find_groups: FindGroups) -> None:
    np.save(tmp_path / "p.npy", clustered(500))
    result = find_groups(tmp_path / "p.npy", linking_length=0.1, length_in="absolute")
    log = (result.folder / "log.txt").read_text()
    for line in (
        "Radius: 0.1 = ", "Particles: 500", "Number of groups: ",
        "Groups with mass higher than 1: ", "Reading time: ", "FoF time: ",
    ):  # fmt: skip
        assert line in log
    everything = find_groups(tmp_path / "p.npy", linking_length=5, length_in="absolute")
    assert (
        "everything percolates: all particles are one group"
        in (everything.folder / "log.txt").read_text()
    )
    assert len(Table.read(everything.groups)) == 1
