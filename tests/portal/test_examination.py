"""The process that looks into files: whatever they are, it says so, within its limits."""

from __future__ import annotations

import base64
import gzip
import io
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from astropy.io import fits
from astropy.table import Table
from PIL import Image

from hven.portal.examination import looking
from hven.portal.examination.looking import Seen, look_at
from hven.portal.examination.sky import plot


def seen(*paths: Path) -> list[Seen]:
    return look_at([(path, path.name) for path in paths])


def test_each_kind_is_known(tmp_path: Path) -> None:
    Table({"a": [1, 2], "b": ["x", "y"]}).write(tmp_path / "t.vot", format="votable")
    Table({"a": [1, 2]}).write(tmp_path / "t.ecsv")
    pyarrow.parquet.write_table(pyarrow.table({"a": [1, 2]}), tmp_path / "t.parquet")
    with h5py.File(tmp_path / "t.hdf5", "w") as file:
        file["group/positions"] = np.zeros((5, 3))
    np.save(tmp_path / "t.npy", np.zeros((4, 2), np.float32))
    Image.new("RGB", (30, 20)).save(tmp_path / "t.png")
    fits.CompImageHDU(np.arange(10000.0, dtype=np.float32).reshape(100, 100)).writeto(
        tmp_path / "t.fits.fz"
    )
    packed = io.BytesIO()
    fits.PrimaryHDU(np.zeros((5, 7), np.int16)).writeto(packed)
    (tmp_path / "t.fits.gz").write_bytes(gzip.compress(packed.getvalue()))
    names = ["t.vot", "t.ecsv", "t.parquet", "t.hdf5", "t.npy", "t.png", "t.fits.fz", "t.fits.gz"]
    found = seen(*(tmp_path / name for name in names[:6]))
    found += seen(*(tmp_path / name for name in names[6:]))
    assert [each.fault for each in found] == [""] * len(names)
    assert [each.kind for each in found] == [
        "VOTable", "ECSV", "Parquet", "HDF5", "NumPy", "PNG", "FITS", "FITS",
    ]  # fmt: skip
    assert found[0].columns == ("a", "b")
    assert found[3].rows == (("group/positions", "5 × 3", "float64"),)
    assert ("Array", "4 × 2, float32") in found[4].facts
    assert Image.open(io.BytesIO(base64.b64decode(found[5].picture))).size == (30, 20)
    assert Image.open(io.BytesIO(base64.b64decode(found[6].picture))).size == (100, 100)


def test_what_cannot_be_used_says_why(tmp_path: Path) -> None:
    header = fits.Header({"SIMPLE": True, "BITPIX": -32, "NAXIS": 2})
    header.update(NAXIS1=2_000_000, NAXIS2=2_000_000)
    files = {
        "empty.fits": b"",
        "huge.fits": header.tostring().encode(),
        "objects.npy": b"",
        "bomb.png": b"",
        "evil.zip": b"",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    Image.new("1", (12_000, 12_000)).save(tmp_path / "bomb.png")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../evil", "x")
    told = [each.fault for each in seen(*(tmp_path / name for name in files))]
    assert told[0] == "is empty (0 bytes)"
    assert "must be" in told[1]
    assert told[2] == "must be numbers, holds Python objects"
    assert "must have at most 100,000,000 pixels" in told[3]
    assert told[4] == ""  # Of a kind that is not known; nothing in it is opened.


def test_a_file_that_grows_without_end_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "bomb.fits.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        header = fits.Header({"SIMPLE": True, "BITPIX": 8, "NAXIS": 2})
        header.update(NAXIS1=2**15, NAXIS2=2**15)
        file.write(header.tostring().encode())
        for _ in range(16):
            file.write(bytes(2**20))
    assert "must" in seen(path)[0].fault


def test_who_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "WALL_SECONDS", 1)
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(hanging))
    first, second = seen(tmp_path / "a.txt", tmp_path / "b.txt")
    assert first.fault == "takes more than 1 s to look into"
    assert second.fault == "was not looked at, after the one before"


def test_who_takes_too_much_memory_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "MEMORY_BYTES", 2**26)
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((5, 7), np.int16)).writeto(path)
    assert seen(path)[0].fault != ""


def test_north_is_up_and_east_is_left() -> None:
    square = ((10.1, -0.1), (9.9, -0.1), (9.9, 0.1), (10.1, 0.1))
    east = tuple((ra + 0.4, dec) for ra, dec in square)
    north = tuple((ra, dec + 0.4) for ra, dec in square)
    sky = plot(
        [Seen("here", corners=square), Seen("east", corners=east), Seen("north", corners=north)]
    )
    assert sky is not None
    middles = {}
    for outline in sky.outlines:
        points = [tuple(map(float, pair.split(","))) for pair in outline.points.split()]
        middles[outline.name] = np.mean(points, axis=0)
    assert middles["east"][0] < middles["here"][0] - 20
    assert middles["north"][1] < middles["here"][1] - 20
    assert abs(middles["east"][1] - middles["here"][1]) < 1


def test_places_at_the_pole_and_at_0h_are_places_like_any_other() -> None:
    pole = ((0.0, 89.9), (90.0, 89.9), (180.0, 89.9), (270.0, 89.9))
    sky = plot([Seen("pole", corners=pole)])
    assert sky is not None
    # A square of 0.2 degrees from corner to corner, turned in some way.
    assert 0.14 < sky.width_deg < 0.21
    zero = ((0.1, 0.0), (359.9, 0.0), (359.9, 0.2), (0.1, 0.2))
    sky = plot([Seen("zero", corners=zero)])
    assert sky is not None
    assert 0.19 < sky.width_deg < 0.21
    assert plot([Seen("none")]) is None
