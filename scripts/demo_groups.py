"""Groups of made particles, found by Hven and by another program.

python scripts/demo_groups.py [--output demo]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from astropy.table import Table
from demo import OUTPUT, run_command, short
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from hven.apps.fof.showing import make_clumps

#: Side of the periodic box in Mpc, and the linking length in mean separations.
SIDE, LINKING_LENGTH = 100.0, 0.2
CLUMPS, GENERATIONS = 60, 5

Floats = NDArray[np.float64]


def main(words: Sequence[str] | None = None) -> int:
    """Run the demo; gives the exit code."""
    manner = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=manner)
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder for all files")
    folder = parser.parse_args(words).output.absolute() / "groups"
    folder.mkdir(parents=True, exist_ok=True)
    # The year in which Tycho's observatory on Hven was begun.
    positions = make_clumps(np.random.default_rng(1576), SIDE, CLUMPS, GENERATIONS)
    particles = write_particles(folder / "particles.hdf5", positions)
    print(f"{len(positions):,} made particles, clumps within clumps, in a periodic box\n")
    options = ["--box", f"{SIDE:g}", "--linking-length", f"{LINKING_LENGTH:g}"]
    options += ["--store", str(folder / "store"), "-o", str(folder / "found")]
    code = run_command("fof", [particles], options, shown=short(particles))
    if code:
        return code
    print_groups(folder / "found")
    return print_comparison(positions, folder / "found")


def write_particles(path: Path, positions: Floats) -> Path:
    """An HDF5 file as other programs write it."""
    with h5py.File(path, "w") as file:
        file["positions"] = positions
        file["positions"].attrs["unit"] = "Mpc"
    return path


def print_groups(folder: Path) -> None:
    """Say what was found and where it lies."""
    groups = Table.read(folder / "groups.fits")
    print("\ngroup  members   centre [Mpc]            rms radius [Mpc]")
    for row in groups[:5]:
        place = f"{row['x']:6.2f} {row['y']:6.2f} {row['z']:6.2f}"
        print(f"{row['group']:5d}  {row['size']:7,d}   {place}    {row['rms_radius']:6.2f}")
    print(f"\ngroups   {short(folder / 'groups.fits')}")
    print(f"preview  {short(folder / 'preview.png')}")
    print(f"log      {short(folder / 'log.txt')}")


def print_comparison(positions: Floats, folder: Path) -> int:
    """Say whether scipy finds the same; gives the exit code."""
    own = np.asarray(Table.read(folder / "membership.fits")["group"], dtype=np.int64)
    alone = own == 0
    own[alone] = -1 - np.flatnonzero(alone)
    length = LINKING_LENGTH * SIDE / np.cbrt(len(positions))
    pairs = cKDTree(positions, boxsize=SIDE).query_pairs(length, output_type="ndarray")
    ones = np.ones(len(pairs), np.bool_)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(positions),) * 2)
    count, theirs = connected_components(graph, directed=False)
    common = np.unique(np.stack([own, theirs]), axis=1).shape[1]
    same = common == count == len(np.unique(own))
    print(f"\nscipy's k-d tree and connected components find {count:,} groups, "
          f"{'the same ones' if same else 'OTHER ones'}")  # fmt: skip
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
