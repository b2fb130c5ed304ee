"""Particle files that cannot be used: each fault is named with its row, line or column."""

from __future__ import annotations

import gzip
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

sys.path.insert(0, str(Path(__file__).parent))
import particle_files as files
from test_particles import read, summary

from hven.errors import InputError


def refusal(path: Path, **wanted: Any) -> str:
    try:
        summary(path, **wanted)
    except InputError as error:
        return str(error)
    with pytest.raises(InputError) as caught:
        read(path, **wanted)
    return str(caught.value)


@pytest.mark.parametrize("form", files.WRITERS)
def test_positions_that_are_not_finite_are_counted_and_shown(form: str, tmp_path: Path) -> None:
    arrays = files.sample()
    arrays["positions"][4, 1] = np.nan
    arrays["positions"][[9, 11, 12], 0] = np.inf
    suffix, write = files.WRITERS[form]
    text = refusal(write(tmp_path / f"bad{suffix}", arrays))
    assert f"bad{suffix}: positions must be finite numbers, 4 rows are not: " in text
    header = {"csv": 1, "blanks": 1, "ecsv": 13, "ecsv-comma": 14}
    place = f"line {5 + header[form]}" if form in header else "row 5"
    assert f"{place} ({arrays['positions'][4, 0]:g}, nan, " in text
    assert text.endswith("), ...")


def test_all_kinds_of_faulty_rows_are_told_together(tmp_path: Path) -> None:
    arrays = files.sample()
    arrays["positions"][4, 1], arrays["velocities"][7, 2] = np.nan, -np.inf
    arrays["masses"][[3, 8]] = np.nan, -1.0
    suffix, write = files.WRITERS["parquet"]
    lines = refusal(write(tmp_path / f"bad{suffix}", arrays)).splitlines()
    assert [line.partition(": ")[2].partition(":")[0] for line in lines] == [
        "positions must be finite numbers, 1 row is not",
        "velocities must be finite numbers, 1 row is not",
        "masses must be finite numbers, 1 row is not",
        "masses must not be negative, 1 row is not",
    ]


def test_a_count_line_that_disagrees_with_the_rows_is_told(tmp_path: Path) -> None:
    arrays = files.sample()
    path = files.write_counted(tmp_path / "short", arrays, promised=60)
    assert refusal(path) == (
        f"{path}, line 1: must be the number of rows, 50, got 60; the file is truncated"
    )
    path = files.write_counted(tmp_path / "long", arrays, promised=40)
    assert refusal(path) == f"{path}, line 1: must be the number of rows, 50, got 40"


def test_faulty_lines_of_text_are_numbered(tmp_path: Path) -> None:
    path = files.write_counted(tmp_path / "galaxies", files.sample(), promised=50)
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace(lines[3].split()[2], "1.2.3")
    lines[7] = "7 1.0 2.0"
    lines[9] = "x" + lines[9]
    path.write_text("\n".join(lines))
    assert refusal(path).splitlines() == [
        f"{path}, line 4: y must be a number, got '1.2.3'",
        f"{path}, line 8: must have 8 columns, has 3",
        f"{path}, line 10: id must be a whole number, got '{lines[9].split()[0]}'",
    ]


def test_a_row_cut_in_the_middle_is_told(tmp_path: Path) -> None:
    path = files.write_counted(tmp_path / "galaxies", files.sample())
    path.write_text(path.read_text()[:-40])
    assert "line 51: must have 8 columns, has " in refusal(path)
    path = tmp_path / "cut.csv"
    path.write_text("x,y,z\n1,2,3\n4,5\n6,a,7\n")
    assert refusal(path).splitlines() == [
        f"{path}, line 3: must have 3 columns, has 2",
        f"{path}, line 4: y must be a number, got 'a'",
    ]


def test_an_empty_cell_is_a_row_without_position(tmp_path: Path) -> None:
    path = tmp_path / "hole.csv"
    path.write_text("x,y,z\n1,2,3\n4,,6\n")
    assert refusal(path) == (
        f"{path}: positions must be finite numbers, 1 row is not: line 3 (4, nan, 6)"
    )


def test_masked_cells_are_rows_without_position(tmp_path: Path) -> None:
    table = pyarrow.table({"x": [1.0, None], "y": [2, None], "z": [3.0, 4.0]})
    parquet.write_table(table, tmp_path / "holes.parquet")
    assert "row 2 (nan, nan, 4)" in refusal(tmp_path / "holes.parquet")
    masked = files.table_of(files.sample(3))
    masked["x"] = np.ma.MaskedArray(masked["x"], mask=[False, True, False])
    masked["x"].unit = "Mpc"
    masked.write(tmp_path / "holes.xml", format="votable")
    assert "1 row is not: row 2 (nan, " in refusal(tmp_path / "holes.xml")


def test_other_content_is_refused_by_name(tmp_path: Path) -> None:
    for name, content, expected in (
        ("nothing", b"", "must hold particles, is empty (0 bytes)"),
        ("blank", b"\n\n", "must have rows or a line of column names, is empty"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "must be particles as text, CSV, ECSV,"),
        ("header.fits", b"SIMPLE  =                    T", "truncated inside the header"),
        ("half.parquet", b"PAR1\x15\x04", "must be a readable Parquet file"),
        ("half.h5", b"\x89HDF\r\n\x1a\n\0\0", "must be a readable HDF5 file"),
        ("half.npz", b"PK\x03\x04\0\0", "must be a readable npz file"),
        ("half.npy", b"\x93NUMPY\x01\0\x76\0{'descr'", "must be an array of NumPy"),
        ("half.xml", b"<?xml version='1.0'?><VOTABLE><RES", "must be a readable VOTable"),
        ("twice.csv", b"x,x,y\n1,2,3\n", "must have columns of different names, has x, x, y"),
        ("count", b"3\n1 2 3 4\n", "must have the 7 or 8 columns id x y z vx vy vz (last)"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert expected in refusal(path), name
    assert "must be an existing file, there is none" in refusal(tmp_path / "missing")
    assert "must be a file, is a folder" in refusal(tmp_path)


@pytest.mark.parametrize("form", ["fits", "parquet", "hdf5", "npz", "npy-records"])
def test_a_truncated_binary_file_is_refused(form: str, tmp_path: Path) -> None:
    suffix, write = files.WRITERS[form]
    path = write(tmp_path / f"cut{suffix}", files.sample(5000))
    path.write_bytes(path.read_bytes()[:-6000])
    assert str(path) in refusal(path)


def test_python_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([[print, 1, 2]], dtype=object))
    assert "holds Python objects, which are never read" in refusal(tmp_path / "objects.npy")
    np.savez(tmp_path / "objects.npz", pos=np.array([[print, 1, 2]], dtype=object))
    assert "holds Python objects, which are never read" in refusal(tmp_path / "objects.npz")


def test_files_that_unpack_without_end_are_refused(tmp_path: Path) -> None:
    rows = 12_000_000
    with (
        zipfile.ZipFile(tmp_path / "zeros.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("pos.npy", "w", force_zip64=True) as member,
    ):
        header = {"descr": "<f8", "fortran_order": False, "shape": (rows, 3)}
        np.lib.format.write_array_header_1_0(member, header)
        for _ in range(12):
            member.write(bytes(24_000_000))
    assert "must unpack to at most" in refusal(tmp_path / "zeros.npz")
    with h5py.File(tmp_path / "zeros.h5", "w") as file:
        file.create_dataset("pos", (rows, 3), "f8", chunks=(1000, 3), compression="gzip")
    assert "must unpack to at most" in refusal(tmp_path / "zeros.h5")
    promised = gzip.compress(b"SIMPLE  =" + bytes(100))
    (tmp_path / "bad.fits.gz").write_bytes(promised)
    assert "truncated inside the header" in refusal(tmp_path / "bad.fits.gz")


def test_a_votable_reads_nothing_but_itself(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("1 2 3")
    path = tmp_path / "table.xml"
    path.write_text(
        f'<?xml version="1.0"?><!DOCTYPE v [<!ENTITY s SYSTEM "file://{secret}">]>'
        "<VOTABLE><RESOURCE><TABLE/></RESOURCE></VOTABLE>"
    )
    assert "must not declare entities or a document type" in refusal(path)
    path.write_text(
        '<?xml version="1.0"?><VOTABLE><RESOURCE><TABLE><DATA><BINARY>'
        f'<STREAM href="file://{secret}"/></BINARY></DATA></TABLE></RESOURCE></VOTABLE>'
    )
    assert "must hold its data itself, in base64 or as cells" in refusal(path)


def test_columns_of_several_units_are_refused(tmp_path: Path) -> None:
    table = files.table_of(files.sample())
    table["y"].unit = "kpc"
    table.write(tmp_path / "mixed.fits")
    assert "must have these columns in one unit, has x in Mpc, y in kpc, z in Mpc" in refusal(
        tmp_path / "mixed.fits"
    )


def test_columns_without_numbers_are_refused(tmp_path: Path) -> None:
    table = files.table_of(files.sample(2))
    table["name"] = ["a", "b"]
    table.write(tmp_path / "t.fits")
    assert "columns must hold numbers, name does not" in refusal(
        tmp_path / "t.fits", positions=("x", "y", "name")
    )
    lines = refusal(tmp_path / "t.fits", positions=("x", "y", "q"), mass="w").splitlines()
    assert len(lines) == 2


def test_redshifts_and_declinations_out_of_range_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "sky.csv"
    path.write_text("ra,dec,z\n1,2,0.1\n3,95,0.2\n4,5,-0.01\n6,7,0\n")
    assert refusal(path, sky=True).splitlines() == [
        f"{path}: declinations must be from -90 to 90 degrees, 1 row is not: line 3 (95)",
        f"{path}: redshifts must be above 0, 2 rows are not: line 4 (-0.01); line 5 (0)",
    ]
