"""The corrections of all images against known planes of real tiles, and Montage's mBgModel."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits as fits_files
from fields import Field, Floats, values_at

from hven.kernels.background import solve_background
from hven.kernels.pieces import Piece
from hven.kernels.plane import PlaneFit, fit_difference


def test_planes_put_on_real_tiles_are_taken_off_again(shared_data: Path) -> None:
    folder = shared_data / "mosaic" / "derived_w5_tiles"
    tiles = json.loads((folder / "truth.json").read_text())["tiles"]
    pieces: list[Piece] = []
    for tile in tiles:
        image = fits_files.getdata(folder / tile["file"])
        pieces.append((image, np.isfinite(image).astype(np.float32), tile["x0"], tile["y0"]))
    found = {}
    for i in range(len(pieces)):
        for j in range(i + 1, len(pieces)):
            fit = fit_difference(pieces[i], pieces[j])
            if isinstance(fit, PlaneFit):
                found[i, j] = fit
    centers = np.array([(t["xc"], t["yc"]) for t in tiles])
    result = solve_background(
        list(found), list(found.values()), centers, np.tile([400, 400], (9, 1))
    )
    truth = np.array([(t["a"], t["b"], t["c"]) for t in tiles])
    assert len(found) == 20  # 12 neighbours and 8 at corners
    for x, y in ((0, 0), (999, 0), (0, 999), (500, 500)):
        level = values_at(truth + result.planes, centers, x, y)
        # Planes of up to 76 DN; float32 rounds the tiles' 400 to 7,400 by up to 2e-4 a pixel.
        assert level - level.mean() == pytest.approx(np.zeros(9), abs=2e-3)
    assert result.mismatch.max() < 1e-4


def test_montages_mbgmodel_goes_to_the_same_planes(
    require_program: Callable[[str, str], str], tmp_path: Path
) -> None:
    program = require_program("mBgModel", "montage")
    field = Field(3, 3, overlap=30.0)
    images = [
        montage_image(i, *at) for i, at in enumerate(zip(field.centers, field.sizes, strict=True))
    ]
    write_table(tmp_path / "images.tbl", images)
    write_table(tmp_path / "fits.tbl", list(map(montage_fit, field.pairs, field.fits)))
    command = [program, "-i", "20000", "-a", "images.tbl", "fits.tbl", "corrections.tbl"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    rows = [line.split() for line in (tmp_path / "corrections.tbl").read_text().splitlines()]
    found = {int(r[0]): r[1:] for r in rows if r[0].isdigit()}
    theirs = np.array([found[i] for i in range(9)], float)
    zero = np.zeros((9, 2))
    ours = field.solve(order=1)
    for x, y in ((0, 0), (230, 0), (0, 180)):
        one = -values_at(theirs, zero, x, y)
        other = values_at(ours.planes, field.centers, x, y)
        # Montage writes six digits, of 600, and has not quite come to rest.
        assert one - one.mean() == pytest.approx(other - other.mean(), abs=0.05)


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """An IPAC table, as wide as it needs to be."""
    names, width = list(rows[0]), 17
    types = ["char" if isinstance(rows[0][n], str) else "double" for n in names]
    lines = ["|" + "|".join(f"{n:>{width}}" for n in line) + "|" for line in (names, types)]
    lines += [" " + " ".join(f"{row[n]:>{width}}" for n in names) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def montage_image(number: int, center: Floats, size: Floats) -> dict[str, object]:
    """A row of Montage's table of images."""
    wcs = {"crval1": 10.0, "crval2": 20.0, "cdelt1": -1e-4, "cdelt2": 1e-4, "crota2": 0.0}
    crpix = {
        "crpix1": round(size[0] / 2 - center[0], 3),
        "crpix2": round(size[1] / 2 - center[1], 3),
    }
    shape = {"naxis1": round(size[0]), "naxis2": round(size[1])}
    kind = {"ctype1": "RA---TAN", "ctype2": "DEC--TAN", "equinox": 2000, "fname": f"{number}.fits"}
    return {"cntr": number, **shape, **crpix, **wcs, **kind}


def montage_fit(pair: tuple[int, int], fit: PlaneFit) -> dict[str, object]:
    """A row of Montage's table of fits, positions and planes about the grid's origin."""
    limits = {
        name[0] + name[2:]: getattr(fit, name) for name in ("x_min", "x_max", "y_min", "y_max")
    }
    box = dict(zip(("boxx", "boxy", "boxwidth", "boxheight", "boxang"), fit.box, strict=True))
    numbers = dict(zip("abc", fit.about(0, 0), strict=True)) | limits | box
    numbers |= {"xcenter": fit.x_ref, "ycenter": fit.y_ref, "npixel": fit.pixels, "rms": fit.rms}
    numbers |= {"crpix1": 0.0, "crpix2": 0.0}
    rounded = {name: float(f"{value:.9g}") for name, value in numbers.items()}
    return {"plus": pair[0], "minus": pair[1], **rounded}
