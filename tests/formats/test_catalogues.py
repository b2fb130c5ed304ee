"""Tables of results: every format is read back by another program, and is the same each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from pyarrow import parquet

from hven.errors import HvenError, ParameterError
from hven.formats.catalogues import (
    SUFFIXES,
    Description,
    TableColumn,
    TableFormat,
    write_catalogue,
)
from hven.formats.particles.columns import Wanted
from hven.formats.particles.reading import examine_particles, read_particles

COLUMNS = [
    TableColumn("group", "i4", "", "number of the group", "meta.id"),
    TableColumn("id", "i8", "", "identifier"),
    TableColumn("x", "f8", "Mpc", "centre", "pos.cartesian.x"),
    TableColumn("y", "f8", "Mpc", "centre", "pos.cartesian.y"),
    TableColumn("vx", "f4", "km/s", "velocity"),
]
DESCRIPTION = Description(
    "groups", {"NPART": (7, "particles"), "LINKLEN": (0.2, "length"), "CREATOR": ("Hven", "who")},
    ["linking_length: 0.2"],
)  # fmt: skip


def rows(count: int) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    return {
        "group": np.arange(count, dtype="i4"),
        "id": 2**40 + np.arange(count),
        "x": rng.normal(size=count),
        "y": rng.normal(size=count),
        "vx": rng.normal(size=count).astype("f4"),
    }


def write(path: Path, form: TableFormat, count: int, step: int = 40) -> dict[str, Any]:
    values = rows(count)
    parts = [
        {name: v[start : start + step] for name, v in values.items()}
        for start in range(0, count, step)
    ]
    write_catalogue(path, form, COLUMNS, count, parts, DESCRIPTION)
    return values


def read(path: Path, form: TableFormat) -> dict[str, Any]:
    if form == "hdf5":
        with h5py.File(path) as file:
            return {name: file[name][:] for name in file}
    if form == "parquet":
        return {n: c.to_numpy() for n, c in zip(*_columns(path), strict=True)}
    table = Table.read(path)
    return {name: np.asarray(table[name]) for name in table.colnames}


def _columns(path: Path) -> tuple[list[str], Any]:
    table = parquet.read_table(path)
    return table.column_names, table.columns


@pytest.mark.parametrize("form", SUFFIXES)
@pytest.mark.parametrize("count", [0, 1, 100])
def test_every_format_is_read_back(form: TableFormat, count: int, tmp_path: Path) -> None:
    path = tmp_path / f"t{SUFFIXES[form]}"
    values = write(path, form, count)
    found = read(path, form)
    assert list(found) == list(values) or form == "hdf5"
    for name, wanted in values.items():
        np.testing.assert_array_equal(found[name], wanted)
        assert found[name].dtype.itemsize == wanted.dtype.itemsize


@pytest.mark.parametrize("form", SUFFIXES)
def test_parts_do_not_show_and_units_are_kept(form: TableFormat, tmp_path: Path) -> None:
    one, two = tmp_path / f"a{SUFFIXES[form]}", tmp_path / f"b{SUFFIXES[form]}"
    write(one, form, 100)
    write(two, form, 100)
    assert one.read_bytes() == two.read_bytes()
    wanted = Wanted(velocities=("vx", "vx"))
    chosen = examine_particles(one, wanted).chosen
    assert (chosen.positions, chosen.unit, chosen.identifier) == (("x", "y"), "Mpc", "id")
    assert chosen.velocity_unit.replace(" ", "") in ("km/s", "kms-1", "km.s**-1")
    (chunk,) = read_particles(one, wanted)
    np.testing.assert_array_equal(chunk.positions[:, 0], rows(100)["x"])


def test_fits_is_sound_and_says_how_it_was_made(tmp_path: Path) -> None:
    write(tmp_path / "t.fits", "fits", 1000)
    with fits.open(tmp_path / "t.fits", checksum=True) as hdus:
        hdus.verify("exception")
        header = hdus[1].header
        assert (header["EXTNAME"], header["NPART"], header["LINKLEN"]) == ("GROUPS", 7, 0.2)
        assert "linking_length: 0.2" in str(header["HISTORY"])
        assert header["TUCD3"] == "pos.cartesian.x"


def test_parquet_and_votable_carry_descriptions_too(tmp_path: Path) -> None:
    write(tmp_path / "t.parquet", "parquet", 10)
    content = parquet.read_schema(tmp_path / "t.parquet").metadata[b"IVOA.VOTable-Parquet.content"]
    write(tmp_path / "t.xml", "votable", 10)
    for text in (content, (tmp_path / "t.xml").read_bytes()):
        assert b'name="LINKLEN"' in text
        assert b'ucd="pos.cartesian.x"' in text
        assert b"linking_length: 0.2" in text


def test_stilts_reads_every_format(tmp_path: Path, require_program: Any) -> None:
    import subprocess

    stilts = require_program("stilts", "stilts")
    for form in ("fits", "votable"):
        path = tmp_path / f"t{SUFFIXES[form]}"
        values = write(path, form, 100)
        command = [stilts, "tpipe", f"in={path}", "cmd=keepcols 'group x'", "ofmt=csv"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        assert lines[0] == "group,x"
        assert float(lines[100].split(",")[1]) == values["x"][-1]


def test_a_votable_that_would_not_fit_into_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="table_format: must be fits, parquet or hdf5"):
        write_catalogue(tmp_path / "t.xml", "votable", COLUMNS, 10_000_000, [], DESCRIPTION)


def test_rows_that_do_not_come_are_a_fault(tmp_path: Path) -> None:
    for form in SUFFIXES:
        with pytest.raises(HvenError, match="must be 5 in all, were 0"):
            write_catalogue(tmp_path / "t", form, COLUMNS, 5, [], DESCRIPTION)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", SUFFIXES)
def test_units_of_any_spelling_are_written(form: TableFormat, tmp_path: Path) -> None:
    columns = [
        TableColumn("mass", "f8", "Msun"),
        TableColumn("x", "f8", "code length"),
        TableColumn("v", "f8", "km s^-1"),
    ]
    path = tmp_path / f"t{SUFFIXES[form]}"
    part = {name: np.ones(3) for name in ("mass", "x", "v")}
    write_catalogue(path, form, columns, 3, [part], DESCRIPTION)
    chosen = examine_particles(path, Wanted(positions=("x", "x"), velocities=("v", "v"))).chosen
    assert chosen.mass == "mass"
    assert chosen.mass_unit in ("solMass", "Msun")
    assert chosen.unit == "code length"
