"""36 square degrees: 1,300 tiles to 21,600 x 21,600 pixels; time, memory and accuracy of Hven.

    python benchmarks/wide.py [--folder FOLDER] [--degrees 6]

Needs 17 GB of disk. The command line runs in a new process with an empty store; all processes
that it starts are watched. No peer runs here: benchmarks/mosaic.py has them on one square degree.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from mosaic_peers import empty
from process_memory import Usage, watch
from report import RESULTS, publish, table
from workload import (
    STEP_X,
    STEP_Y,
    THIRTY_SIX_SQUARE_DEGREES,
    Array,
    Layout,
    Workload,
    emission,
    make,
    star_free,
)

#: The truth is computed on this many windows along each axis, each of so many pixels.
WINDOWS, WINDOW = 8, 300
#: Pixels beside the rim that no window touches.
RIM = 4


def layout_of(degrees: int) -> Layout:
    """Tiles enough for a square of so many degrees."""
    if degrees == 6:
        return THIRTY_SIX_SQUARE_DEGREES
    size = 3600 * degrees
    return Layout(columns=size // STEP_X + 1, rows=size // STEP_Y + 2, size=size)


def run_hven(workload: Workload, folder: Path) -> tuple[Path, Usage]:
    """One mosaic by the command line, watched."""
    empty(folder)
    command = [str(Path(sys.executable).with_name("hven")), "mosaic"]
    options = ["--header", str(workload.header), "--brightness", "surface"]
    images = str(workload.tiles[0].parent)
    environment = os.environ | {"HVEN_STORE": str(folder / "store")}
    usage = watch([*command, images, *options, "-o", str(folder / "mosaic")], environment)
    return folder / "mosaic" / "mosaic.fits", usage


def seam_residual(workload: Workload, mosaic: Path) -> tuple[float, float]:
    """rms and largest difference from the truth in the windows, one plane taken off, DN."""
    places = np.linspace(RIM, workload.grid.nx - WINDOW - RIM, WINDOWS).astype(int)
    found: list[Array] = []
    with fits.open(mosaic, memmap=True) as hdus:
        data = next(hdu.data for hdu in hdus if hdu.data is not None)
        for bottom in places:
            for left in places:
                window = workload.grid.window(left, bottom, WINDOW, WINDOW)
                part = np.asarray(data[bottom : bottom + WINDOW, left : left + WINDOW], np.float64)
                difference = part - emission(workload.sky, window)
                y, x = np.nonzero(star_free(workload.sky, window) & np.isfinite(difference))
                found.append(np.stack([x + left, y + bottom, difference[y, x]], axis=1))
    x, y, difference = np.concatenate(found).T
    terms = np.stack([np.ones_like(x), x / workload.grid.nx, y / workload.grid.ny], axis=1)
    rest = difference - terms @ np.linalg.lstsq(terms, difference, rcond=None)[0]
    return float(np.sqrt(np.mean(rest**2))), float(np.max(np.abs(rest)))


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description="36 square degrees: time and memory of Hven.")
    parser.add_argument("--folder", type=Path, default=RESULTS / "wide")
    parser.add_argument("--degrees", type=int, default=6, help="side of the mosaic")
    parser.add_argument("--keep", action="store_true", help="keep the mosaic and the tiles")
    options = parser.parse_args(arguments)
    folder = options.folder.absolute()
    layout = layout_of(options.degrees)
    workload = make(folder / "clean", layout)
    mosaic, usage = run_hven(workload, folder / "hven")
    rms, largest = seam_residual(workload, mosaic)
    store = sum(path.stat().st_size for path in (folder / "hven" / "store").rglob("*"))
    rate = 60 * layout.square_degrees / usage.seconds
    publish(
        "wide",
        f"{len(workload.tiles)} tiles to {layout.square_degrees:.0f} square degrees, "
        f"{os.cpu_count()} cores",
        table(
            ["what", "figure"],
            [
                ["wall time", f"{usage.seconds:.1f} s"],
                ["rate", f"{rate:.1f} square degrees a minute"],
                ["mosaic", f"{layout.size:,} x {layout.size:,} pixels"],
                ["largest process, resident", _gigabytes(usage.largest_resident)],
                ["largest process, without mapped files", _gigabytes(usage.largest_own)],
                ["all processes at one moment", _gigabytes(usage.together)],
                ["processes", str(usage.processes)],
                ["kept in the store", _gigabytes(store)],
                ["seam residual rms / max, noise-free", f"{rms:.2g} / {largest:.2g} DN"],
            ],
        ),
        f"Command line in a new process, empty store, background matched by planes. Residual: "
        f"mosaic minus truth where there are no stars, one plane taken off, in {WINDOWS**2} "
        f"windows of {WINDOW} x {WINDOW} pixels.",
    )
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
