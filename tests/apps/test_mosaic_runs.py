"""Mosaics over the engine: reuse, interruption, executors, strips, tables, compression."""

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
from astropy.io import fits
from astropy.table import Table

from hven.apps.mosaic import mosaic
from hven.engine import Inline, Local, Run, Store
from hven.errors import InputError
from hven.formats.montage_tables import read_images

MakeMosaic = Callable[..., Any]
WriteImage = Callable[..., Path]


@pytest.fixture
def tiles(write_image: WriteImage) -> list[Path]:
    """Twelve overlapping images with levels of their own."""
    rng = np.random.default_rng(8)
    return [
        write_image(
            f"tile{row}{column}.fits",
            (rng.normal(0, 1, (120, 100)) + 10 * row + column).astype(np.float32),
            crval=(150.0 + column * 80 / 3600, 20.0 + row * 100 / 3600),
            rotation=float(rng.uniform(-3, 3)),
        )
        for row in range(3)
        for column in range(4)
    ]


def test_a_second_run_reuses_every_step(tiles: list[Path], make_mosaic: MakeMosaic) -> None:
    first, second = make_mosaic(tiles), make_mosaic(tiles)
    steps = second.provenance["steps"]
    assert steps
    assert all(step["reused"] == step["calls"] for step in steps)
    assert first.mosaic.read_bytes() == second.mosaic.read_bytes()


def test_another_region_of_one_grid_reuses_the_projected_images(
    tiles: list[Path], make_mosaic: MakeMosaic, tmp_path: Path
) -> None:
    whole = make_mosaic(tiles)
    header = fits.getheader(whole.mosaic)
    part = header.copy()
    part["NAXIS1"], part["NAXIS2"] = 150, 120
    part["CRPIX1"] -= 40
    part["CRPIX2"] -= 60
    (tmp_path / "part.hdr").write_bytes(
        b"\r\n".join(card.image.rstrip().encode() for card in part.cards) + b"\r\nEND\r\n"
    )
    made = make_mosaic(tiles, header=tmp_path / "part.hdr", on_bad="skip")
    steps = {step["name"].rpartition(".")[2]: step for step in made.provenance["steps"]}
    assert steps["project_image"]["reused"] == steps["project_image"]["calls"] > 0
    one = fits.getdata(whole.mosaic)[60:180, 40:190]
    left = fits.getdata(made.mosaic) - one
    # Fewer images are matched, so the level and slope that are free may differ.
    y, x = np.indices(left.shape)
    design = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
    assert np.isfinite(left).all()
    plane, *_ = np.linalg.lstsq(design, left.ravel(), rcond=None)
    assert np.abs(left.ravel() - design @ plane).max() < 0.2


def test_the_order_of_the_images_changes_nothing_but_rounding(
    tiles: list[Path], make_mosaic: MakeMosaic
) -> None:
    one, two = (fits.getdata(make_mosaic(t).mosaic) for t in (tiles, tiles[::-1]))
    assert np.nanmax(np.abs(one - two)) < 1e-4


def test_processes_give_the_same_bytes_as_one_thread(
    tiles: list[Path], make_mosaic: MakeMosaic, tmp_path: Path
) -> None:
    alone = make_mosaic(tiles)
    pool = make_mosaic(tiles, executor=Local(2), store=Store(tmp_path / "other"))
    for name in ("mosaic", "area", "corrections", "fits"):
        assert getattr(alone, name).read_bytes() == getattr(pool, name).read_bytes()


def test_a_killed_run_is_taken_up_and_gives_the_same_bytes(
    tiles: list[Path], make_mosaic: MakeMosaic, tmp_path: Path
) -> None:
    whole = make_mosaic(tiles)
    store, folder = tmp_path / "cut", tmp_path / "again"
    command = [str(Path(sys.executable).with_name("hven")), "mosaic", *map(str, tiles)]
    command += ["-o", str(folder), "--store", str(store), "--workers", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        # Killed in the middle of the projections, workers and all.
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if sum(1 for _ in store.glob("products/*/*")) >= 16:
                break
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "reused" in finished.stdout + finished.stderr
    assert (folder / "mosaic.fits").read_bytes() == whole.mosaic.read_bytes()


def test_strips_do_not_show(
    tiles: list[Path], make_mosaic: MakeMosaic, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = make_mosaic(tiles, combine="median")
    monkeypatch.setattr("hven.apps.mosaic.region._STRIP_PIXELS", (1000, 4000))
    cut = make_mosaic(tiles, combine="median", store=Store(tmp_path / "other"))
    steps = {step["name"].rpartition(".")[2]: step for step in cut.provenance["steps"]}
    assert steps["coadd_strip"]["calls"] > 10
    np.testing.assert_array_equal(fits.getdata(whole.mosaic), fits.getdata(cut.mosaic))


def test_a_table_of_images_is_an_input(
    tiles: list[Path], make_mosaic: MakeMosaic, tmp_path: Path
) -> None:
    first = make_mosaic(tiles)
    table = tmp_path / "images.tbl"
    table.write_bytes(first.images.read_bytes())
    second = make_mosaic([table])
    assert first.mosaic.read_bytes() == second.mosaic.read_bytes()
    rows = read_images(first.images)
    assert [row.fname for row in rows] == [str(path) for path in tiles]
    assert len(Table.read(first.images_ecsv)) == 12


def test_a_table_names_no_file_beyond_those_that_the_run_may_read(
    tiles: list[Path], make_mosaic: MakeMosaic, tmp_path: Path
) -> None:
    table = tmp_path / "images.tbl"
    table.write_bytes(make_mosaic(tiles).images.read_bytes())
    with Run(Inline(), Store(tmp_path / "store"), tmp_path / "out") as run:
        run.confined = tmp_path / "inputs"
        with pytest.raises(InputError, match="must name files that are inputs as well"):
            mosaic.body(run, **mosaic.parse({"images": [table]}))


def test_a_folder_of_images_is_an_input(tiles: list[Path], make_mosaic: MakeMosaic) -> None:
    folder = tiles[0].parent
    assert make_mosaic([folder]).mosaic.read_bytes() == make_mosaic(tiles).mosaic.read_bytes()


@pytest.mark.parametrize(("compress", "tolerance"), [("gzip", 0.0), ("rice", 0.5)])
def test_compressed_mosaics_read_back(
    tiles: list[Path], make_mosaic: MakeMosaic, compress: str, tolerance: float
) -> None:
    plain, packed = make_mosaic(tiles), make_mosaic(tiles, compress=compress)
    one, two = fits.getdata(plain.mosaic), fits.getdata(packed.mosaic)
    np.testing.assert_array_equal(np.isnan(one), np.isnan(two))
    # Rice rounds to a sixteenth of the noise, which is 1 here.
    assert np.nanmax(np.abs(one - two)) <= tolerance
    np.testing.assert_array_equal(fits.getdata(plain.area), fits.getdata(packed.area))


def test_every_image_of_a_file_and_planes_of_a_cube(
    write_image: WriteImage, make_mosaic: MakeMosaic, tmp_path: Path
) -> None:
    first = write_image("first.fits", np.full((30, 30), 1.0))
    header = fits.getheader(first)
    second = header.copy()
    second["CRVAL1"] += 20 / 3600
    units = [
        fits.PrimaryHDU(),
        fits.ImageHDU(np.full((30, 30), 1.0), header),
        fits.ImageHDU(np.full((30, 30), 5.0), second),
    ]
    fits.HDUList(units).writeto(tmp_path / "units.fits")
    made = make_mosaic([tmp_path / "units.fits"], hdu="all", background="none")
    assert [row.hdu for row in read_images(made.images)] == [1, 2]
    cube = header.copy()
    cube["CTYPE3"], cube["CRVAL3"], cube["CRPIX3"], cube["CDELT3"] = "FREQ", 1.4e9, 1.0, 1e6
    cube["CTYPE4"], cube["CRVAL4"], cube["CRPIX4"], cube["CDELT4"] = "STOKES", 1.0, 1.0, 1.0
    planes = np.arange(3.0).reshape(1, 3, 1, 1) * np.ones((1, 3, 30, 30))
    fits.writeto(tmp_path / "cube.fits", planes, cube)
    made = make_mosaic([tmp_path / "cube.fits"], plane=3, header=first, background="none")
    assert np.nanmedian(fits.getdata(made.mosaic)) == pytest.approx(2.0)


def test_the_files_are_sound_fits(tiles: list[Path], make_mosaic: MakeMosaic) -> None:
    made = make_mosaic(tiles, frame="galactic", projection="CAR")
    for path in (made.mosaic, made.area):
        with fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")
            assert hdus[0].header["CTYPE1"] == "GLON-CAR"
            assert "tile00.fits" in str(hdus[0].header["HISTORY"])
            # A part can be read without the rest.
            assert hdus[0].section[10:20, 10:20].shape == (10, 10)
