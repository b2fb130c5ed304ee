"""Background corrections of many tiles: Hven's closed solution beside Montage's mBgModel.

Tiles like those of 2MASS (512 x 1024 pixels, steps of 440 x 900, each with a plane of level 100 to
600 DN and slope up to 0.02 DN a pixel); the fits of their overlaps are made here, exact or with the
error that noise of 1 DN a pixel gives them. Both programs get the same fits. The residual is the
rms over all common pixels of the difference that is left between corrected tiles.

The error is that of the corrections themselves: rms over all tiles of their corrected planes about
the one plane that no differences can tell.

    python benchmarks/background_solve.py [--columns 32 --rows 32] [--iterations 100000]
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.kernels.background import solve_background
from hven.kernels.plane import PlaneFit
from report import interleaved, publish, spread, table

Floats = NDArray[np.float64]

SIZE = np.array([512.0, 1024.0])
STEP = np.array([440.0, 900.0])


class Field(NamedTuple):
    """Tiles, and the fits of their overlaps."""

    centers: Floats
    #: The true background of each tile about its centre.
    planes: Floats
    pairs: list[tuple[int, int]]
    fits: list[PlaneFit]

    @property
    def sizes(self) -> Floats:
        """Width and height of each tile."""
        return np.tile(SIZE, (len(self.centers), 1))


def make_field(columns: int, rows: int, noise: float, seed: int = 7) -> Field:
    """A raster of tiles that lie up to 10 pixels beside their places."""
    rng = np.random.default_rng(seed)
    n = columns * rows
    places = np.array([(i, j) for j in range(rows) for i in range(columns)])
    centers = places * STEP + rng.uniform(-10, 10, (n, 2))
    planes = np.column_stack([rng.uniform(-0.02, 0.02, (n, 2)), rng.uniform(100, 600, n)])
    pairs, fits = [], []
    for one, (i, j) in enumerate(places):
        for step_x, step_y in ((1, 0), (-1, 1), (0, 1), (1, 1)):
            if 0 <= i + step_x < columns and j + step_y < rows:
                other = one + step_y * columns + step_x
                pairs.append((one, other))
                fits.append(overlap(centers, planes, one, other, noise, rng))
    return Field(centers, planes, pairs, fits)


def overlap(
    centers: Floats, planes: Floats, one: int, other: int, noise: float, rng: np.random.Generator
) -> PlaneFit:
    """What a fit to the pixels that two tiles have in common gives."""
    low = np.maximum(centers[one], centers[other]) - SIZE / 2
    high = np.minimum(centers[one], centers[other]) + SIZE / 2
    size, middle = high - low, (low + high) / 2
    pixels, scale = size.prod(), size.max() / 2
    moments = np.diag([*pixels * size**2 / 12 / scale**2, pixels])
    first, second = (
        (a, b, c + np.dot((a, b), middle - centers[k]))
        for k, (a, b, c) in ((one, planes[one]), (other, planes[other]))
    )
    errors = noise * np.sqrt(2 / np.diag(moments)) / [scale, scale, 1] * rng.normal(size=3)
    a, b, c = np.subtract(first, second) + errors
    limits = (round(low[0]), round(high[0]), round(low[1]), round(high[1]))
    box = (middle[0], middle[1], size[0], size[1], 0.0)
    rms = noise * np.sqrt(2)
    return PlaneFit(a, b, c, middle[0], middle[1], int(pixels), rms, moments, scale, *limits, box)


def residual(field: Field, planes: Floats, centers: Floats) -> float:
    """The rms over all common pixels of what is left of the differences, DN."""
    total = pixels = 0.0
    for (one, other), fit in zip(field.pairs, field.fits, strict=True):
        left = np.array([fit.a, fit.b, fit.c])
        for k, sign in ((one, 1), (other, -1)):
            a, b, c = planes[k]
            at = c + a * (fit.x_ref - centers[k, 0]) + b * (fit.y_ref - centers[k, 1])
            left += sign * np.array([a, b, at])
        left[:2] *= fit.scale
        total += left @ fit.moments @ left
        pixels += fit.pixels
    return float(np.sqrt(total / pixels))


def error(field: Field, planes: Floats, centers: Floats) -> float:
    """The rms over all tiles of what is wrong with the corrections, but for one plane, DN."""
    a, b, c = planes.T
    offset = field.centers - centers
    at_center = np.column_stack([a, b, c + a * offset[:, 0] + b * offset[:, 1]]) + field.planes
    corners = SIZE / 2 * np.array([(-1, -1), (1, -1), (-1, 1), (1, 1)])
    points = (field.centers[:, None] + corners).reshape(-1, 2)
    values = (at_center[:, None, 2] + at_center[:, :2] @ corners.T).ravel()
    basis = np.column_stack([points / points.max(), np.ones(len(points))])
    return float((values - basis @ np.linalg.lstsq(basis, values)[0]).std())


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """An IPAC table, as wide as it needs to be."""
    names, width = list(rows[0]), 17
    types = ["char" if isinstance(rows[0][n], str) else "double" for n in names]
    lines = ["|" + "|".join(f"{n:>{width}}" for n in line) + "|" for line in (names, types)]
    lines += [" " + " ".join(f"{row[n]:>{width}}" for n in names) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def write_montage_tables(folder: Path, field: Field) -> None:
    """images.tbl and fits.tbl, positions and planes about the grid's origin."""
    wcs = {"crval1": 10.0, "crval2": 20.0, "cdelt1": -1 / 3600, "cdelt2": 1 / 3600, "crota2": 0.0}
    shape = {"naxis1": int(SIZE[0]), "naxis2": int(SIZE[1])}
    images = [
        {"cntr": k, "ctype1": "RA---TAN", "ctype2": "DEC--TAN", **shape, **wcs, "equinox": 2000}
        | {"crpix1": round(SIZE[0] / 2 - x, 3), "crpix2": round(SIZE[1] / 2 - y, 3)}
        | {"fname": f"{k}.fits"}
        for k, (x, y) in enumerate(field.centers)
    ]
    rows = []
    for (one, other), f in zip(field.pairs, field.fits, strict=True):
        numbers = dict(zip("abc", f.about(0, 0), strict=True)) | {"crpix1": 0.0, "crpix2": 0.0}
        numbers |= {"xmin": f.x_min, "xmax": f.x_max, "ymin": f.y_min, "ymax": f.y_max}
        numbers |= {"xcenter": f.x_ref, "ycenter": f.y_ref, "npixel": f.pixels, "rms": f.rms}
        numbers |= dict(
            zip(("boxx", "boxy", "boxwidth", "boxheight", "boxang"), f.box, strict=True)
        )
        rounded = {name: float(f"{value:.9g}") for name, value in numbers.items()}
        rows.append({"plus": one, "minus": other, **rounded})
    write_table(folder / "images.tbl", images)
    write_table(folder / "fits.tbl", rows)


def montage(field: Field, iterations: int) -> tuple[float, Floats]:
    """Wall seconds of mBgModel, and the planes to add, about the grid's origin."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_montage_tables(folder, field)
        command = ["mBgModel", "-i", str(iterations), "images.tbl", "fits.tbl", "corrections.tbl"]
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, capture_output=True, check=True)
        seconds = time.perf_counter() - start
        lines = [line.split() for line in (folder / "corrections.tbl").read_text().splitlines()]
    found = {int(cells[0]): cells[1:] for cells in lines if cells[0].isdigit()}
    return seconds, -np.array([found[k] for k in range(len(field.centers))], float)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--columns", type=int, default=32)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--iterations", type=int, default=100_000, help="of mBgModel")
    parser.add_argument("--repeats", type=int, default=5, help="of Hven's solution")
    arguments = parser.parse_args()
    tiles = arguments.columns * arguments.rows
    rows = []
    for noise in (0.0, 1.0):
        field = make_field(arguments.columns, arguments.rows, noise)
        name = f"{tiles} tiles, {len(field.pairs)} overlaps, noise {noise:g} DN"
        nothing = np.zeros((tiles, 3)), field.centers
        rows.append((name, "nothing done", "", *figures(field, *nothing)))
        seconds, planes = montage(field, arguments.iterations)
        theirs = planes, np.zeros((tiles, 2))
        program = f"mBgModel -i {arguments.iterations}"
        rows.append(("", program, f"{seconds:.3g}", *figures(field, *theirs)))

        def solve(field: Field = field) -> Floats:
            return solve_background(field.pairs, field.fits, field.centers, field.sizes).planes

        own_seconds = interleaved({"hven": solve}, arguments.repeats)["hven"]
        ours = solve(), field.centers
        rows.append(("", "hven", spread(own_seconds), *figures(field, *ours)))
        ratios = [f"{measure(field, *theirs) / measure(field, *ours):.3g}" for measure in MEASURES]
        rows.append(("", "mBgModel / hven", f"{seconds / np.median(own_seconds):.0f}", *ratios))
    field = make_field(100, 100, 1.0)
    start = time.perf_counter()
    planes = solve_background(field.pairs, field.fits, field.centers, field.sizes).planes
    seconds = time.perf_counter() - start
    name = f"10000 tiles, {len(field.pairs)} overlaps, noise 1 DN"
    rows.append((name, "hven", f"{seconds:.3g}", *figures(field, planes, field.centers)))
    text = (
        "Residual: rms over all common pixels of the difference between corrected tiles. Error: "
        "rms over all tiles of their corrected planes about one common plane. With noise the "
        "errors of the fits themselves remain, which no corrections can take away."
    )
    publish(
        "background_solve",
        "Background corrections from the fits of all overlaps",
        table(("fits", "program", "wall s", "residual, DN", "error, DN"), rows),
        text,
        peers=("scipy", "debian:montage"),
    )


def figures(field: Field, planes: Floats, centers: Floats) -> list[str]:
    """Residual and error as text."""
    return [f"{measure(field, planes, centers):.3g}" for measure in MEASURES]


MEASURES = (residual, error)


if __name__ == "__main__":
    main()
