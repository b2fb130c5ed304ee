"""Particle files: each format gives back what another program wrote."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

sys.path.insert(0, str(Path(__file__).parent))
import particle_files as files

from hven.errors import InputError
from hven.formats.particles.columns import Wanted
from hven.formats.particles.reading import Summary, examine_particles, read_particles


def read(path: Path, **wanted: Any) -> dict[str, Any]:
    """All particles of a file; None where it holds none of a kind."""
    chunks = list(read_particles(path, Wanted(**wanted)))
    return {
        name: None if parts[0] is None else np.concatenate(parts)
        for name, parts in zip(
            ("positions", "velocities", "masses", "identifiers"), zip(*chunks, strict=True),
            strict=True,
        )
    }  # fmt: skip


def summary(path: Path, **wanted: Any) -> Summary:
    return examine_particles(path, Wanted(**wanted))


@pytest.mark.parametrize("form", files.WRITERS)
def test_every_format_gives_back_what_was_written(form: str, tmp_path: Path) -> None:
    arrays = files.sample()
    suffix, write = files.WRITERS[form]
    path = write(tmp_path / f"stars and \u03a9{suffix}", arrays)
    found = read(path)
    for name, values in arrays.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    if form not in ("csv", "blanks", "npz", "npy-records", "parquet-vectors"):
        chosen = summary(path).chosen
        assert (chosen.unit, chosen.velocity_unit.replace(" ", "")) in (
            ("Mpc", "km/s"), ("Mpc", "kms-1"), ("Mpc", "kms**-1"), ("Mpc", "km.s**-1"),
        )  # fmt: skip


@pytest.mark.parametrize("columns", [7, 8])
def test_the_counted_text_is_read(columns: int, tmp_path: Path) -> None:
    arrays = files.sample()
    path = files.write_counted(tmp_path / "galaxies", arrays, columns=columns)
    found = read(path)
    np.testing.assert_array_equal(found["positions"], arrays["positions"])
    np.testing.assert_array_equal(found["velocities"], arrays["velocities"])
    np.testing.assert_array_equal(found["identifiers"], arrays["identifiers"])
    assert summary(path).rows == 50


def test_blocks_put_together_are_the_file(tmp_path: Path, monkeypatch: Any) -> None:
    arrays = files.sample(1000)
    monkeypatch.setattr("hven.formats.particles.text._BLOCK_BYTES", 4096)
    for module in ("arrays", "binary_tables", "hdf5", "gadget"):
        monkeypatch.setattr(f"hven.formats.particles.{module}.BLOCK_ROWS", 128)
    paths = [
        write(tmp_path / f"{form}{suffix}", arrays)
        for form, (suffix, write) in files.WRITERS.items()
    ]
    paths.append(files.write_counted(tmp_path / "counted", arrays))
    for path in paths:
        assert len(list(read_particles(path, Wanted()))) >= 8, path.name
        np.testing.assert_array_equal(read(path)["positions"], arrays["positions"])


def test_a_plain_array_is_positions(tmp_path: Path) -> None:
    positions = files.sample()["positions"]
    for dtype, dimensions in (("f4", 3), (">f8", 3), ("f8", 2), ("u2", 3)):
        path = tmp_path / "positions.npy"
        values = positions[:, :dimensions].astype(dtype)
        np.save(path, values)
        found = read(path)["positions"]
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, values.astype(np.float64))
    np.save(path, np.asfortranarray(positions))
    np.testing.assert_array_equal(read(path)["positions"], positions)


def test_columns_are_found_by_name_in_any_case(tmp_path: Path) -> None:
    table = Table({"A": [1.0, 2.0], "b": [3.0, 4.0], "C": [5.0, 6.0], "w": [7.0, 8.0]})
    table.write(tmp_path / "t.csv", format="ascii.csv")
    found = read(tmp_path / "t.csv", positions=("a", "B", "c"), mass="w")
    np.testing.assert_array_equal(found["positions"], [[1, 3, 5], [2, 4, 6]])
    np.testing.assert_array_equal(found["masses"], [7, 8])
    with pytest.raises(InputError, match=r"columns must be columns of the file, got Z; it has A,"):
        read(tmp_path / "t.csv", positions=("A", "b", "Z"))
    with pytest.raises(InputError, match=r"must have columns of positions .* it has A, b, C, w"):
        read(tmp_path / "t.csv")


def test_sky_columns_become_degrees_and_redshift(tmp_path: Path) -> None:
    table = Table({"RA": [1.0, 2.0], "Dec": [10.0, -20.0], "cz": [3000.0, 6000.0]})
    path = tmp_path / "galaxies.fits"
    table.write(path)
    light = 299_792.458
    expected = np.array([[1, 10, 3000 / light], [2, -20, 6000 / light]])
    np.testing.assert_allclose(read(path, sky=True)["positions"], expected, rtol=1e-15)
    table["RA"].unit, table["cz"].unit = "hourangle", "m/s"
    table["RA"] /= 15
    table["cz"] *= 1000
    table.write(tmp_path / "units.ecsv")
    found = read(tmp_path / "units.ecsv", sky=True)["positions"]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    table["RA"].unit = "m"
    table.write(tmp_path / "wrong.ecsv")
    with pytest.raises(InputError, match="RA must be in a unit of deg, is in m"):
        read(tmp_path / "wrong.ecsv", sky=True)


def test_no_rows_are_an_empty_catalogue(tmp_path: Path) -> None:
    none = files.sample(0)
    for form in ("csv", "ecsv", "fits", "votable", "parquet", "hdf5", "npz", "npy-records"):
        suffix, write = files.WRITERS[form]
        path = write(tmp_path / f"{form}{suffix}", none)
        assert sum(len(chunk.positions) for chunk in read_particles(path, Wanted())) == 0
    assert list(read_particles(files.write_counted(tmp_path / "c", none), Wanted())) == []
    (tmp_path / "zero").write_text("0\n")
    assert list(read_particles(tmp_path / "zero", Wanted())) == []


def test_one_row_is_read(tmp_path: Path) -> None:
    one = files.sample(1)
    for form, (suffix, write) in files.WRITERS.items():
        found = read(write(tmp_path / f"{form}{suffix}", one))
        np.testing.assert_array_equal(found["positions"], one["positions"])


def test_windows_line_ends_comments_and_blank_lines_are_text_too(tmp_path: Path) -> None:
    path = tmp_path / "dos.csv"
    path.write_bytes(b"# made elsewhere\r\nx,y,z\r\n1,2,3\r\n\r\n# a comment\r\n4,5,6\r\n")
    np.testing.assert_array_equal(read(path)["positions"], [[1, 2, 3], [4, 5, 6]])


def test_published_catalogues_are_read(shared_data: Path) -> None:
    galaxies = read(shared_data / "fof/zcosmos/zcosmos_galaxy.dat", sky=True)
    assert len(galaxies["positions"]) == 30328
    np.testing.assert_array_equal(galaxies["positions"][0], [149.65384, 2.7029, 0.4188])
    mock = read(shared_data / "fof/sdss_mr19_mock/mr19_mock.fits", sky=True)
    assert len(mock["positions"]) == 84383
