"""IPAC tables: round trips, real tables, and Montage's programs reading and being read."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from hven.errors import InputError
from hven.formats.montage_tables import (
    CorrectionRow,
    DifferenceRow,
    FitRow,
    ImageRow,
    image_layout,
    image_row,
    read_corrections,
    read_differences,
    read_fits,
    read_images,
    write_corrections,
    write_differences,
    write_fits,
    write_images,
)
from hven.formats.tables import Column, astropy_table, ipac_text, read_ipac, write_ipac

HEADER = """CTYPE1  = 'RA---TAN'
CTYPE2  = 'DEC--TAN'
CRVAL1  = 274.7
CRVAL2  = -13.8
CRPIX1  = 50.5
CRPIX2  = 30.5
CDELT1  = -0.001
CDELT2  = 0.001
CROTA2  = 15.0
RADESYS = 'ICRS'"""


def rows(count: int) -> list[ImageRow]:
    row = image_row(0, HEADER, 100, 60, "tile.fits", size=28800)
    return [row._replace(cntr=number, fname=f"tile {number}.fits") for number in range(count)]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    columns = [
        Column("n", "int", "%6d"),
        Column("flux", "double", "%12.5e", "Jy"),
        Column("name", "char", "%-s"),
    ]
    cells = [(1, 2.5, "a b"), (-20, None, "long name with blanks.fits"), (None, float("nan"), "x")]
    write_ipac(tmp_path / "t.tbl", columns, cells, {"datatype": "test"})
    table = read_ipac(tmp_path / "t.tbl")
    assert table.columns == {
        "n": [1, -20, None],
        "flux": [2.5, None, None],
        "name": ["a b", "long name with blanks.fits", "x"],
    }
    assert table.kinds == {"n": "int", "flux": "double", "name": "char"}
    assert table.units["flux"] == "Jy"
    assert table.keywords == {"datatype": "test"}
    assert len(table) == 3
    assert table.rows()[1] == {"n": -20, "flux": None, "name": "long name with blanks.fits"}


def test_astropy_reads_what_we_write(tmp_path: Path) -> None:
    write_images(tmp_path / "images.tbl", rows(3))
    ours = read_ipac(tmp_path / "images.tbl")
    table = Table.read(tmp_path / "images.tbl", format="ascii.ipac")
    assert table.colnames == list(ours.columns)
    assert [str(name) for name in table["fname"]] == ["tile 0.fits", "tile 1.fits", "tile 2.fits"]
    np.testing.assert_array_equal(np.array(table["crval1"]), ours.columns["crval1"])


def test_we_read_what_astropy_writes(tmp_path: Path) -> None:
    table = Table({"cntr": [1, 2], "file": ["a.fits", "b c.fits"], "scale": [1.5, 2.5]})
    table.write(tmp_path / "t.tbl", format="ascii.ipac")
    images = read_images(tmp_path / "t.tbl")
    assert [(row.cntr, row.fname, row.scale) for row in images] == [
        (1, "a.fits", 1.5),
        (2, "b c.fits", 2.5),
    ]


@pytest.mark.parametrize("form", ["ascii.ecsv", "fits"])
def test_a_table_goes_to_ecsv_and_fits(tmp_path: Path, form: str) -> None:
    columns, cells = image_layout([*rows(2), rows(1)[0]._replace(scale=2.0, size=None)])
    path = tmp_path / "images.out"
    astropy_table(columns, cells, {"datatype": "fitshdr"}).write(path, format=form)
    back = Table.read(path, format=form)
    np.testing.assert_allclose(back["ra"], [row[1] for row in cells], rtol=0)
    assert [str(name) for name in back["fname"]] == [str(row[-1]) for row in cells]
    assert back["size"].mask.tolist() == [False, False, True]
    assert np.isnan(np.ma.filled(back["scale"], np.nan)).tolist() == [True, True, False]


def test_columns_without_types_are_guessed(tmp_path: Path) -> None:
    (tmp_path / "t.tbl").write_text("| a | b   | c    |\n  1   1.5   x y  \n  2   3     z    \n\n")
    table = read_ipac(tmp_path / "t.tbl")
    assert table.columns == {"a": [1, 2], "b": [1.5, 3.0], "c": ["x y", "z"]}
    assert table.to_astropy().colnames == ["a", "b", "c"]


def test_nothing_is_what_the_fourth_line_says(tmp_path: Path) -> None:
    header = "|  a  |  b   |\n| int | char |\n|     |      |\n| -99 | null |\n"
    (tmp_path / "t.tbl").write_text(header + "  -99   x    \n   5    null \n")
    assert read_ipac(tmp_path / "t.tbl").columns == {"a": [None, 5], "b": ["x", None]}


def test_faulty_tables_say_where(tmp_path: Path) -> None:
    path = tmp_path / "t.tbl"
    with pytest.raises(InputError, match=r"t\.tbl: must be readable"):
        read_ipac(path)
    path.write_text("no table\n")
    with pytest.raises(InputError, match=r"t\.tbl: must have a line of column names"):
        read_ipac(path)
    path.write_text("| a   | b      |\n| int | double |\n  x     1.0    \n  2     y      \n")
    with pytest.raises(InputError) as caught:
        read_ipac(path)
    assert [str(fault) for fault in caught.value.faults] == [
        "t.tbl: a, line 3: must be a whole number, got 'x'",
        "t.tbl: b, line 4: must be a number, got 'y'",
    ]
    path.write_text("| a   |\n| int |\n  2    \n")
    with pytest.raises(InputError, match=r"t\.tbl: fname: must be a column, got a"):
        read_images(path)
    with pytest.raises(InputError, match=r"t\.tbl: rms: must be a column"):
        read_fits(path)
    path.write_text("| cntr | fname   |\n| int  | char    |\n  2      null    \n")
    with pytest.raises(InputError, match=r"fname: must be a file name, got nothing in row 1"):
        read_images(path)


def test_an_image_row_says_what_the_header_says() -> None:
    row = rows(1)[0]
    assert (row.naxis1, row.naxis2, row.ctype1, row.ctype2) == (100, 60, "RA---TAN", "DEC--TAN")
    assert row.crota2 == pytest.approx(15.0, abs=1e-12)
    assert (row.cdelt1, row.cdelt2) == pytest.approx((-0.001, 0.001), rel=1e-12)
    assert (row.ra, row.dec) == pytest.approx((274.7, -13.8), abs=1e-9)
    cells = dict(
        zip((c.name for c in image_layout([row])[0]), image_layout([row])[1][0], strict=True)
    )
    assert (cells["cra"], cells["cdec"]) == ("18h 18m 48.00s", "-13d 48m 00.0s")


def test_optional_columns_come_and_go(tmp_path: Path) -> None:
    row = rows(1)[0]._replace(scale=0.99339, extra=(("magzp", 20.9), ("band", "J"), ("scan", 42)))
    write_images(tmp_path / "t.tbl", [row, rows(1)[0]])
    first, second = read_images(tmp_path / "t.tbl")
    assert first.scale == pytest.approx(0.99339, rel=1e-8)
    assert first.extra == row.extra
    assert (second.scale, second.extra[0][1], first.weight) == (None, None, None)
    np.testing.assert_allclose(first.corners, row.corners, atol=5e-8)
    write_images(tmp_path / "u.tbl", rows(1))
    assert "scale" not in (tmp_path / "u.tbl").read_text()


def test_fits_corrections_and_differences_come_back(tmp_path: Path) -> None:
    fit = FitRow(0, 1, 1.5e-3, -2e-4, -1.05, 38.0, -73.5, -37, 38, 74, 894, 0.34, 478.71, 49823.0,
                 0.76, 0.0, 484.5, 822.0, 76.0, 90.0)  # fmt: skip
    write_fits(tmp_path / "fits.tbl", [fit])
    assert read_fits(tmp_path / "fits.tbl") == [fit]
    corrections = [CorrectionRow(0, 1e-3, -2e-4, 3.5), CorrectionRow(12, 0.0, 0.0, -1e9)]
    write_corrections(tmp_path / "corrections.tbl", corrections)
    assert read_corrections(tmp_path / "corrections.tbl") == corrections
    pair = DifferenceRow(0, 1, "a b.fits", "c.fits", "diff.000000.000001.fits")
    write_differences(tmp_path / "diffs.tbl", [pair])
    assert read_differences(tmp_path / "diffs.tbl") == [pair]


def test_real_tables_of_montage_are_read(shared_data: Path) -> None:
    folder = shared_data / "mosaic" / "m17_2mass_j"
    for name, letter in (("cimages.tbl", "c"), ("pimages.tbl", "p")):
        images = read_images(folder / name)
        assert [row.cntr for row in images] == [1, 2, 3, 4]
        assert images[0].fname == f"{letter}2mass-atlas-990502s-j1420198.fits"
        assert (images[3].naxis1, images[3].naxis2, images[3].crpix2) == (513, 1025, -180.51)
        assert images[0].ra is None
    stat = read_ipac(folder / "statfile.tbl")
    assert stat.columns["stat"][4] == "fit.000003.000004.txt"


# --- beside Montage's programs -----------------------------------------------------------------


def _run(*command: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], check=True, capture_output=True, text=True
    )
    assert 'stat="OK"' in done.stdout, done.stdout
    return done.stdout


def test_montage_and_we_read_each_other(
    shared_data: Path, tmp_path: Path, require_program: Callable[[str, str], str]
) -> None:
    """All of Montage's chain on four real tiles, each table in it written again by us."""
    program = {
        name: require_program(name, "montage")
        for name in ("mImgtbl", "mOverlaps", "mProjExec", "mDiffFitExec", "mBgModel", "mBgExec")
    }
    raw, projected = tmp_path / "raw", tmp_path / "projected"
    raw.mkdir()
    projected.mkdir()
    for path in (shared_data / "mosaic" / "m17_2mass_j").glob("*.fits"):
        # Montage's shell commands do not stand blanks in names, so these have none.
        shutil.copy(path, raw)
    images = tmp_path / "images.tbl"
    _run(program["mImgtbl"], "-c", raw, images)
    theirs = read_images(images)
    ours = [_row_of(raw / row.fname, row) for row in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        # Montage's centre and corners lie up to a pixel (2.8e-4 deg) aside.
        np.testing.assert_allclose([mine.ra, mine.dec], [other.ra, other.dec], atol=2e-4, rtol=0)
        np.testing.assert_allclose(mine.corners, other.corners, atol=4e-4, rtol=0)
        assert mine.ctype1 == other.ctype1
        np.testing.assert_allclose(mine[7:14], other[7:14], atol=6e-8, rtol=1e-6)
    write_images(tmp_path / "ours.tbl", ours)
    found = {}
    for name in ("images", "ours"):
        _run(program["mOverlaps"], tmp_path / f"{name}.tbl", tmp_path / f"diffs_{name}.tbl")
        found[name] = read_differences(tmp_path / f"diffs_{name}.tbl")
    assert found["ours"] == found["images"]
    assert len(found["ours"]) == 5

    template = shared_data / "mosaic" / "m17_2mass_j" / "big_region.hdr"
    stats = tmp_path / "stats.tbl"
    _run(
        program["mProjExec"],
        "-x",
        "scale",
        "-p",
        raw,
        tmp_path / "ours.tbl",
        template,
        projected,
        stats,
    )
    _run(program["mImgtbl"], projected, tmp_path / "p.tbl")
    _run(program["mOverlaps"], tmp_path / "p.tbl", tmp_path / "d.tbl")
    write_differences(tmp_path / "d2.tbl", read_differences(tmp_path / "d.tbl"))
    _run(
        program["mDiffFitExec"],
        "-p",
        projected,
        tmp_path / "d2.tbl",
        template,
        tmp_path,
        tmp_path / "f.tbl",
    )
    write_fits(tmp_path / "f2.tbl", read_fits(tmp_path / "f.tbl"))
    rewritten = (tmp_path / "f2.tbl").read_text().splitlines()[2:]
    assert rewritten == (tmp_path / "f.tbl").read_text().splitlines()[1:]

    write_images(tmp_path / "p2.tbl", read_images(tmp_path / "p.tbl"))
    for number in ("", "2"):
        files = [tmp_path / f"{letter}{number}.tbl" for letter in "pfc"]
        _run(program["mBgModel"], *files)
    assert (tmp_path / "c.tbl").read_text() == (tmp_path / "c2.tbl").read_text()
    corrections = read_corrections(tmp_path / "c.tbl")
    write_corrections(tmp_path / "c3.tbl", corrections)
    assert read_corrections(tmp_path / "c3.tbl") == corrections
    corrected = tmp_path / "corrected"
    corrected.mkdir()
    _run(program["mBgExec"], "-p", projected, tmp_path / "p2.tbl", tmp_path / "c3.tbl", corrected)
    assert len(list(corrected.glob("*_area.fits"))) == 4


def _row_of(path: Path, row: ImageRow) -> ImageRow:
    header = fits.getheader(path)
    text = header.tostring(sep="\n", endcard=False, padding=False)
    return image_row(
        row.cntr, text, header["NAXIS1"], header["NAXIS2"], path.name, size=row.size, scale=1.0
    )


def test_the_text_of_a_table_is_aligned() -> None:
    text = ipac_text([Column("a", "int", "%4d"), Column("b", "char", "%-s")], [(1, "x")])
    assert text == "| a  | b  |\n|int |char|\n    1 x    \n"
    assert len({len(line) for line in text.splitlines()}) == 1
