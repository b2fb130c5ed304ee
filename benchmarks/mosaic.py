"""One square degree end to end, files in and files out, beside SWarp and Montage.

    python benchmarks/mosaic.py [--repeats 5] [--as-found] [--folder FOLDER]

Time is measured on the set with noise, in turns; accuracy on the noise-free set, once. Hven runs
warm (`hven.mosaic` in a process that has made a mosaic before) and cold (`hven mosaic` in a new
process), each time with an empty store. Montage with mProject is scaled from a few tiles.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import hven
import mosaic_peers
from mosaic_accuracy import Accuracy, Truth
from report import RESULTS, Cost, costs, publish, settle, spread, table
from workload import ONE_SQUARE_DEGREE, Layout, Workload, make

WARM = "Hven, library in a warm process"
COLD = "Hven, command in a new process"
SWARP = "SWarp, a process a core, LANCZOS3"
SWARP_THREADS = "SWarp, a thread a core, LANCZOS3"
MONTAGE = "Montage, mProjectPP, all split over the cores, mBgModel -i 100000"
MONTAGE_MANUAL = "Montage, mProjectPP over the cores, all else by its manual"
MPROJECT = "Montage, mProject, all split over the cores, mBgModel -i 100000"


def hven_warm(workload: Workload, folder: Path) -> Path:
    """One mosaic by the library, with nothing kept from before."""
    mosaic_peers.empty(folder)
    result = hven.mosaic(
        workload.tiles,
        header=workload.header,
        background="plane",
        brightness="surface",
        output=folder / "mosaic",
        store=folder / "store",
    )
    return Path(result.mosaic)


def hven_cold(workload: Workload, folder: Path) -> Path:
    """One mosaic by the command line, with nothing kept from before."""
    mosaic_peers.empty(folder)
    command = [str(Path(sys.executable).with_name("hven")), "mosaic", *map(str, workload.tiles)]
    options = ["--header", str(workload.header), "--brightness", "surface", "--quiet"]
    place = ["-o", str(folder / "mosaic")]
    environment = os.environ | {"HVEN_STORE": str(folder / "store")}
    subprocess.run([*command, *options, *place], env=environment, check=True)
    return folder / "mosaic" / "mosaic.fits"


def candidates(workload: Workload, folder: Path, cores: int) -> dict[str, Callable[[], Path]]:
    """Every program that is installed, as a function that makes one mosaic."""
    able: dict[str, Callable[[], Path]] = {
        WARM: lambda: hven_warm(workload, folder / "hven-warm"),
        COLD: lambda: hven_cold(workload, folder / "hven-cold"),
    }
    if not mosaic_peers.missing("SWarp"):
        threads = folder / "swarp-threads"
        able[SWARP] = lambda: mosaic_peers.swarp(workload, folder / "swarp", cores)
        able[SWARP_THREADS] = lambda: mosaic_peers.swarp_with_threads(workload, threads, cores)
    if not mosaic_peers.missing("mProjectPP", "mProject", "mAdd", "mBgModel"):
        manual = folder / "montage-manual"
        able[MONTAGE] = lambda: mosaic_peers.montage(workload, folder / "montage", cores)
        able[MONTAGE_MANUAL] = lambda: mosaic_peers.montage_by_the_manual(workload, manual, cores)
    return able


def mproject_cost(workload: Workload, folder: Path, cores: int) -> tuple[Cost, str]:
    """Cost of Montage with mProject, from one tile a core, and how that was found."""
    mosaic_peers.empty(folder)
    sample = workload.tiles[:: len(workload.tiles) // cores][:cores]
    share = len(workload.tiles) / len(sample)

    def project() -> None:
        mosaic_peers.project_tiles(workload, folder, cores, "mProject", sample)

    (projection,) = costs({"": project}, 1)[""]
    mosaic_peers.montage(workload, folder, cores)
    (rest,) = costs({"": lambda: mosaic_peers.match_and_add(workload, folder, cores)}, 1)[""]
    cost = Cost(*(share * one + other for one, other in zip(projection, rest, strict=True)))
    seconds = projection.wall_seconds
    note = (
        f"Montage with mProject: {len(sample)} tiles took {seconds:.1f} s on {cores} cores, so all "
        f"{len(workload.tiles)} take {share * seconds:.0f} s; its other programs took "
        f"{rest.wall_seconds:.1f} s."
    )
    return cost, note


def results(found: dict[str, list[Cost]], accuracies: dict[str, Accuracy], layout: Layout) -> str:
    """The table: time, ratio, rate and accuracy of each program."""
    ours_wall, ours_cpu = _medians(found[WARM])
    rows = []
    for name, every in found.items():
        wall, cpu = _medians(every)
        accuracy = accuracies.get(name)
        rows.append([
            name,
            spread([cost.wall_seconds for cost in every]),
            f"{wall / ours_wall:.2f}",
            f"{cpu:.3g}",
            f"{cpu / ours_cpu:.2f}",
            f"{60 * layout.square_degrees / wall:.1f}",
            f"{accuracy.seam_rms:.2g} / {accuracy.seam_max:.2g}" if accuracy else "-",
            f"{accuracy.star_rms:.1g} / {accuracy.star_max:.1g}" if accuracy else "-",
        ])  # fmt: skip
    header = [
        "program", "wall s, median (range)", "over Hven warm", "CPU s", "over Hven warm",
        "square degrees / min", "seam residual rms / max, DN", "star flux error rms / max",
    ]  # fmt: skip
    return table(header, rows)


def _medians(every: Sequence[Cost]) -> tuple[float, float]:
    wall = statistics.median(cost.wall_seconds for cost in every)
    return wall, statistics.median(cost.cpu_seconds for cost in every)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description="One square degree beside SWarp and Montage.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=RESULTS / "mosaic")
    parser.add_argument("--only-hven", action="store_true", help="leave the peers out")
    parser.add_argument("--no-mproject", action="store_true", help="leave mProject out")
    parser.add_argument(
        "--as-found", action="store_true", help="do not make memory and disk alike before each"
    )
    options = parser.parse_args(arguments)
    folder = options.folder.absolute()
    clean = make(folder / "clean", ONE_SQUARE_DEGREE)
    noisy = make(folder / "noisy", replace(ONE_SQUARE_DEGREE, noise=1.0))

    able = candidates(noisy, folder, options.cores)
    if options.only_hven:
        able = {name: able[name] for name in (WARM, COLD)}
    able[WARM]()  # Compiles and imports, as every later call in a process finds it.
    found: dict[str, list[Cost]] = {name: [] for name in able}
    before = (lambda: None) if options.as_found else settle
    for turn in range(options.repeats):
        # A folder for each turn: ext4 is slow at making files where many were just removed.
        for name, candidate in candidates(noisy, folder / f"turn{turn}", options.cores).items():
            if name in able:
                found[name] += costs({name: candidate}, 1, before=before)[name]
    notes = []
    if MONTAGE in able and not options.no_mproject:
        cost, note = mproject_cost(noisy, folder / "montage-mproject", options.cores)
        found[MPROJECT] = [cost]
        notes.append(note)

    truth = Truth(clean)
    accuracies = {}
    for name, candidate in candidates(clean, folder, options.cores).items():
        if name in able:
            accuracies[name] = truth.judge(candidate())
    stars = next(iter(accuracies.values())).stars
    publish(
        "mosaic",
        f"{len(noisy.tiles)} tiles to one square degree, {options.cores} cores",
        results(found, accuracies, ONE_SQUARE_DEGREE),
        f"{options.repeats} repeats in turns. Seams: mosaic minus truth where there are no stars, "
        f"one plane taken off; noise-free set. Stars: {stars} bright ones that stand alone, their "
        f"local background taken off. SWarp subtracts a local background and matches nothing.",
        *notes,
        peers=("debian:swarp", "debian:montage"),
    )
    for path in folder.iterdir():
        if path.name not in ("clean", "noisy"):
            shutil.rmtree(path)


if __name__ == "__main__":
    main()
