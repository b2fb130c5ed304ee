"""Groups among more particles than a process may hold: time and memory of `hven fof` in bricks.

    python benchmarks/groups_large.py [--particles 1e8] [--memory 2]

Needs 40 GB of disk for 1e8 particles. The command line runs in a new process with an empty store;
all processes that it starts are watched. The particles are those of benchmarks/groups.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from groups import clustered
from process_memory import watch
from report import RESULTS, publish, table

#: Boxes that are put side by side along each axis, so that making particles takes little memory.
BOXES = 3


def make(path: Path, particles: int) -> int:
    """Write particles in a box of side 1, and give how many they are."""
    each = particles // BOXES**3
    drawn = np.lib.format.open_memmap(path, "w+", np.float64, (each * BOXES**3, 3))
    for box, corner in enumerate(np.ndindex((BOXES,) * 3)):
        drawn[box * each : (box + 1) * each] = (clustered(each) + corner) / BOXES
    return len(drawn)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description="Groups in bricks: time and memory.")
    parser.add_argument("--folder", type=Path, default=RESULTS / "groups-large")
    parser.add_argument("--particles", type=float, default=1e8)
    parser.add_argument("--memory", type=float, default=2.0, help="Gbyte a worker")
    options = parser.parse_args(arguments)
    folder = options.folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    particles = make(folder / "particles.npy", int(options.particles))
    command = [str(Path(sys.executable).with_name("hven")), "fof", str(folder / "particles.npy")]
    command += ["--box", "1", "--memory", str(options.memory), "-o", str(folder / "groups")]
    usage = watch(command, os.environ | {"HVEN_STORE": str(folder / "store")})
    kept = sum(path.stat().st_size for path in (folder / "store").rglob("*"))
    words = ("cut into", "Particles:", "groups:", "Groups with", "time:")
    lines = (folder / "groups" / "log.txt").read_text().splitlines()
    said = [line for line in lines if any(word in line for word in words)]
    publish(
        "groups-large",
        f"{particles:,} particles in bricks, {os.cpu_count()} cores",
        table(
            ["what", "figure"],
            [
                ["wall time, files in and files out", f"{usage.seconds:.1f} s"],
                ["particles a second", f"{particles / usage.seconds:,.0f}"],
                ["largest process, resident", f"{usage.largest_resident / 1e9:.2f} GB"],
                ["largest process, without mapped files", f"{usage.largest_own / 1e9:.2f} GB"],
                ["all processes at one moment", f"{usage.together / 1e9:.2f} GB"],
                ["kept in the store", f"{kept / 1e9:.2f} GB"],
            ],
        ),
        f"`--memory {options.memory:g}`; periodic box, linking length 0.2 of the mean separation.",
        "The log says:\n\n" + "\n".join(f"    {line}" for line in said),
    )
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
