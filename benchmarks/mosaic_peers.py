"""Runs SWarp and Montage on a workload, each the best way there is on a given number of cores."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workload import Workload

#: What mBgModel is asked for where it is to match as well as it can; its default stops early.
MANY_ITERATIONS = 100_000
#: Fixed names of what Montage keeps between its programs.
RAW_TABLE, PROJECTED_TABLE, CORRECTED_TABLE = "raw.tbl", "projected.tbl", "corrected.tbl"


def missing(*programs: str) -> list[str]:
    """Those of the programs that are not installed."""
    return [program for program in programs if shutil.which(program) is None]


def run(*command: str | Path, folder: Path) -> str:
    """Run one program in a folder; Montage tells failure on its output, not by its status."""
    words = [str(word) for word in command]
    answer = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if answer.returncode or 'stat="ERROR"' in answer.stdout:
        raise RuntimeError(f"{' '.join(words)[:200]}: {answer.stdout[-500:]}{answer.stderr[-500:]}")
    return answer.stdout


def empty(folder: Path) -> Path:
    """The folder, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def swarp(workload: Workload, folder: Path, cores: int, *, kernel: str = "LANCZOS3") -> Path:
    """One mosaic by SWarp, which has no matching but the subtraction of a local background.

    Each core resamples its share in a process of its own; then one process on one core adds up.
    SWarp's own threads hand each other single lines, which makes two of them slower than one.
    """
    shares = [workload.tiles[core::cores] for core in range(cores)]
    _swarp_folder(workload, folder)

    def resample(core: int) -> None:
        listed = _listing(folder / f"share-{core}.lst", shares[core])
        options = {"COMBINE": "N", "RESAMPLING_TYPE": kernel, "NTHREADS": "1"}
        run("SWarp", f"@{listed.name}", *_swarp_options(options), folder=folder)

    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(resample, range(cores)))
    resampled = [folder / f"{tile.stem}.resamp.fits" for tile in workload.tiles]
    listed = _listing(folder / "resampled.lst", resampled)
    options = {"RESAMPLE": "N", "SUBTRACT_BACK": "N", "WEIGHT_TYPE": "MAP_WEIGHT", "NTHREADS": "1"}
    add = ["SWarp", f"@{listed.name}", *_swarp_options(options)]
    run(*_on_one_core(add), folder=folder)
    return folder / "mosaic.fits"


def swarp_with_threads(workload: Workload, folder: Path, cores: int) -> Path:
    """One mosaic by SWarp as its manual has it: one process, a thread a core."""
    _swarp_folder(workload, folder)
    listed = _listing(folder / "tiles.lst", workload.tiles)
    run("SWarp", f"@{listed.name}", *_swarp_options({"NTHREADS": str(cores)}), folder=folder)
    return folder / "mosaic.fits"


def _swarp_folder(workload: Workload, folder: Path) -> None:
    """SWarp takes the output grid from a header file that is named like the output."""
    empty(folder)
    (folder / "mosaic.head").write_text(workload.header.read_text())


def _swarp_options(options: dict[str, str]) -> list[str]:
    memory = {"MEM_MAX": "2048", "COMBINE_BUFSIZE": "2048"}
    output = {"IMAGEOUT_NAME": "mosaic.fits", "WRITE_XML": "N", "VERBOSE_TYPE": "QUIET"}
    settings = output | memory | {"COMBINE_TYPE": "AVERAGE"} | options
    return [word for name, value in settings.items() for word in (f"-{name}", value)]


def _listing(path: Path, files: Sequence[Path]) -> Path:
    path.write_text("".join(f"{file}\n" for file in files))
    return path


def _on_one_core(command: list[str]) -> list[str]:
    """Even one thread beside SWarp's main thread costs twice the time across two cores."""
    return ["taskset", "-c", "0", *command] if shutil.which("taskset") else command


def project_tiles(
    workload: Workload, folder: Path, cores: int, program: str, tiles: Sequence[Path] | None = None
) -> None:
    """Project all or some tiles by a program of Montage, one process a core at any time."""
    projected = folder / "projected"
    projected.mkdir(parents=True, exist_ok=True)

    def project(tile: Path) -> None:
        run(program, tile, projected / tile.name, workload.header, folder=folder)

    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(project, workload.tiles if tiles is None else tiles))


def montage(workload: Workload, folder: Path, cores: int) -> Path:
    """One mosaic by Montage with mProjectPP, as fast and as well matched as it can."""
    empty(folder)
    project_tiles(workload, folder, cores, "mProjectPP")
    return match_and_add(workload, folder, cores)


def montage_by_the_manual(workload: Workload, folder: Path, cores: int) -> Path:
    """One mosaic by Montage with mProjectPP on all cores and all else as its manual has it."""
    empty(folder)
    project_tiles(workload, folder, cores, "mProjectPP")
    return _match_and_add(workload, folder, 1, [])


def match_and_add(workload: Workload, folder: Path, cores: int) -> Path:
    """All of Montage that comes after the projection, on what lies in `projected`."""
    return _match_and_add(workload, folder, cores, ["-i", str(MANY_ITERATIONS)])


def _match_and_add(
    workload: Workload, folder: Path, cores: int, model_options: Sequence[str]
) -> Path:
    empty(folder / "corrected")

    def together(*commands: list[str]) -> None:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(lambda words: run(*words, folder=folder), commands))

    header = str(workload.header)

    # mImgtbl of the raw files belongs to every Montage run, as its first table of inputs.
    raw = str(workload.tiles[0].parent)
    together(["mImgtbl", raw, RAW_TABLE], ["mImgtbl", "projected", PROJECTED_TABLE])
    together(["mOverlaps", PROJECTED_TABLE, "diffs.tbl"])
    parts = [part.name for part in _split(folder / "diffs.tbl", cores)]
    for part in parts:
        (folder / f"{part}.d").mkdir(exist_ok=True)
    difference = ["mDiffExec", "-p", "projected"]
    together(*([*difference, part, header, f"{part}.d"] for part in parts))
    together(*(["mFitExec", part, f"{part}.fits", f"{part}.d"] for part in parts))
    _join([folder / f"{part}.fits" for part in parts], folder / "fits.tbl")
    model = ["mBgModel", *model_options, PROJECTED_TABLE, "fits.tbl", "corrections.tbl"]
    together(model)
    tables = [part.name for part in _split(folder / PROJECTED_TABLE, cores)]
    correct = ["mBgExec", "-p", "projected"]
    together(*([*correct, part, "corrections.tbl", "corrected"] for part in tables))
    together(["mImgtbl", "corrected", CORRECTED_TABLE])
    add = ["mAdd", "-p", "corrected", CORRECTED_TABLE, header, "mosaic.fits"]
    together(add)
    return folder / "mosaic.fits"


def _split(table: Path, parts: int) -> list[Path]:
    """An IPAC table cut into tables of every n-th row, so that all cores have work."""
    head, rows = _rows(table)
    paths = [table.with_name(f"{table.stem}-{i}.tbl") for i in range(parts)]
    for i, path in enumerate(paths):
        path.write_text("".join(head + rows[i::parts]))
    return paths


def _join(tables: Sequence[Path], joined: Path) -> None:
    head, _ = _rows(tables[0])
    joined.write_text("".join(head + [row for table in tables for row in _rows(table)[1]]))


def _rows(table: Path) -> tuple[list[str], list[str]]:
    lines = table.read_text().splitlines(keepends=True)
    head = [line for line in lines if line[0] in "\\|"]
    return head, [line for line in lines if line[0] not in "\\|"]
