"""Fetched files as the objects that astronomers work with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from PIL import Image
from pyarrow import parquet

from hven.client.download import file_name
from hven.client.opening import opened

CARDS = """\
SIMPLE  =                    T
BITPIX  =                  -32
NAXIS   =                    2
NAXIS1  =                  100
NAXIS2  =                   50
CTYPE1  = 'RA---TAN'
CTYPE2  = 'DEC--TAN'
CRVAL1  =                275.2
CRVAL2  =                -16.2
CRPIX1  =                 50.5
CRPIX2  =                 25.5
CDELT1  =              -0.0005
CDELT2  =               0.0005
END
"""


def test_an_image_is_opened_by_astropy(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    fits.writeto(path, np.arange(6.0).reshape(2, 3))
    with opened(path, "image/fits", memmap=False) as found:
        assert found[0].data.sum() == 15


@pytest.mark.parametrize(
    ("name", "form", "media_type"),
    [
        ("t.ecsv", "ascii.ecsv", "text/csv"),
        ("t.csv", "ascii.csv", "text/csv"),
        ("t.tbl", "ascii.ipac", "text/plain"),
        ("t.vot", "votable", "application/octet-stream"),
        ("t", "votable", "application/x-votable+xml; content=datalink"),
        ("t.parquet", "parquet", "application/vnd.apache.parquet"),
    ],
)
def test_tables_are_opened_by_astropy(
    tmp_path: Path, name: str, form: str, media_type: str
) -> None:
    path = tmp_path / name
    columns = {"x": [1, 2, 3], "y": [0.5, 1.5, 2.5]}
    if form == "parquet":
        parquet.write_table(pyarrow.table(columns), path)
    else:
        Table(columns).write(path, format=form)
    found = opened(path, media_type)
    assert isinstance(found, Table)
    assert (list(found["x"]), list(found["y"])) == ([1, 2, 3], [0.5, 1.5, 2.5])


def test_a_header_is_opened_as_a_wcs(tmp_path: Path) -> None:
    path = tmp_path / "region.hdr"
    path.write_text(CARDS)
    found = opened(path, "text/plain")
    assert isinstance(found, WCS)
    assert found.pixel_shape == (100, 50)
    # CRPIX counts from 1, pixel_to_world from 0.
    place = found.pixel_to_world(49.5, 24.5)
    assert (place.ra.deg, place.dec.deg) == pytest.approx((275.2, -16.2), abs=1e-12)


def test_pictures_json_and_text_are_what_python_has_for_them(tmp_path: Path) -> None:
    Image.new("L", (3, 2)).save(tmp_path / "p.png")
    assert opened(tmp_path / "p.png", "image/png").size == (3, 2)
    (tmp_path / "j.json").write_text(json.dumps({"a": 1}))
    assert opened(tmp_path / "j.json", "application/problem+json") == {"a": 1}
    (tmp_path / "t.txt").write_text("words")
    assert opened(tmp_path / "t.txt", "text/plain; charset=utf-8") == "words"
    assert opened(tmp_path / "t.txt", "application/octet-stream") == b"words"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="m17.fits"', "m17.fits"),
        ("attachment; filename*=utf-8''%C3%A9toile.fits", "\u00e9toile.fits"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="..\\\\evil.exe"', "evil.exe"),
        ('attachment; filename=".bashrc"', "bashrc"),
        ('attachment; filename=".."', "mosaic"),
        ("", "mosaic"),
    ],
)
def test_a_name_of_the_service_leads_nowhere_else(header: str, name: str) -> None:
    assert file_name({"Content-Disposition": header}, "mosaic") == name
