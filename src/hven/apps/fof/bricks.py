"""Groups of particles that do not fit into memory: cut into bricks, found, put together.

The steps: every range of particles is sorted into bricks with their ghosts; each brick is
percolated by itself; the bricks' groups are joined where they touch. The labels are those of a
single run, whatever the bricks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.apps.fof.steps import Finding, Particles
from hven.engine import Product, Run, check, draft_folder, step
from hven.kernels.percolation.bricks import (
    Boundary,
    Bricks,
    join_bricks,
    name_groups,
    number_names,
    plan_bricks,
)
from hven.kernels.percolation.groups import friends_of_friends

Integers = NDArray[np.int64]

#: Particles by whose positions bricks are cut.
_SAMPLE = 200_000
#: Particles that one step sorts into bricks.
_RANGE = 1 << 24
#: Particles that are looked at at a time.
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Sorted:
    """A range of particles sorted into bricks."""

    #: For each brick the rows of its own particles, then their positions; the same of ghosts;
    #: and the rows of its own that are ghosts elsewhere.
    own_rows: tuple[Path, ...]
    own_positions: tuple[Path, ...]
    ghost_rows: tuple[Path, ...]
    ghost_positions: tuple[Path, ...]
    lent_rows: tuple[Path, ...]


class BrickGroups(NamedTuple):
    """The groups of one brick, named by the lowest particle in each."""

    #: (n,) the brick's own particles and their groups.
    rows: Integers
    names: Integers
    #: What of it touches other bricks.
    boundary: Boundary


def labels_by_bricks(
    run: Run, product: Product[Particles], finding: Finding, count: int
) -> list[Product[NDArray[Any]]]:
    """The labels of all particles at each linking length, one product a length."""
    particles = product.load()
    positions = particles.places
    sample = np.asarray(positions[:: max(1, particles.rows // _SAMPLE)])
    labels = []
    for length in finding.linking_lengths:
        bricks = plan_bricks(sample, count, length, box=finding.box)
        starts = range(0, particles.rows, _RANGE)
        parts = run.map(sort_particles, starts, particles=product, bricks=bricks)
        # Bricks are found side by side by the workers, each with one thread.
        alone = replace(finding, linking_lengths=(length,), threads=1)
        options = {"finding": alone, "dimensions": particles.dimensions}
        found = run.map(find_in_brick, range(bricks.count), parts=parts, **options)
        labels.append(run.call(join_groups, found, particles.rows))
    return labels


@step(version=1)
def sort_particles(start: int, *, particles: Particles, bricks: Bricks) -> Sorted:
    """Sort the particles into bricks."""
    positions = particles.places
    folder = draft_folder()
    kinds = ("own_rows", "own_positions", "ghost_rows", "ghost_positions", "lent_rows")
    paths = {
        kind: tuple(folder / f"{kind}{brick}.raw" for brick in range(bricks.count))
        for kind in kinds
    }
    files = {kind: [path.open("wb") for path in paths[kind]] for kind in kinds}
    try:
        for first in range(start, min(start + _RANGE, particles.rows), _CHUNK):
            check()
            _sort_chunk(positions, first, start, bricks, files)
    finally:
        for file in (file for opened in files.values() for file in opened):
            file.close()
    return Sorted(**paths)


def _sort_chunk(
    positions: NDArray[Any],
    first: int,
    start: int,
    bricks: Bricks,
    files: dict[str, list[Any]],
) -> None:
    chunk = np.ascontiguousarray(positions[first : min(first + _CHUNK, start + _RANGE)])
    homes = bricks.homes(chunk)
    lent, hosts = bricks.ghosts(chunk, homes)
    rows = np.arange(first, first + len(chunk))
    for brick, members in _by_brick(homes, np.arange(len(chunk)), bricks.count):
        rows[members].tofile(files["own_rows"][brick])
        chunk[members].tofile(files["own_positions"][brick])
    for brick, members in _by_brick(hosts, lent, bricks.count):
        rows[members].tofile(files["ghost_rows"][brick])
        chunk[members].tofile(files["ghost_positions"][brick])
    once = np.unique(lent)
    for brick, members in _by_brick(homes[once], once, bricks.count):
        rows[members].tofile(files["lent_rows"][brick])


def _by_brick(bricks: NDArray[Any], members: Integers, count: int) -> list[tuple[int, Integers]]:
    """The members of each brick that has any."""
    order = np.argsort(bricks, kind="stable")
    ends = np.cumsum(np.bincount(bricks, minlength=count))
    parts = np.split(members[order], ends[:-1])
    return [(brick, part) for brick, part in enumerate(parts) if len(part)]


@step(version=1)
def find_in_brick(
    number: int, *, parts: list[Sorted], finding: Finding, dimensions: int
) -> BrickGroups:
    """Find the groups brick by brick."""
    rows = _gathered([part.own_rows[number] for part in parts], "i8")
    ghosts = _gathered([part.ghost_rows[number] for part in parts], "i8")
    lent = _gathered([part.lent_rows[number] for part in parts], "i8")
    files = [part.own_positions[number] for part in parts]
    files += [part.ghost_positions[number] for part in parts]
    positions = _gathered(files, "f8").reshape(-1, dimensions)
    labels = friends_of_friends(
        positions, finding.linking_lengths[0], box=finding.box, method=finding.method
    )
    names = name_groups(labels, np.concatenate([rows, ghosts]))
    own = names[: len(rows)]
    # Rows ascend, since ranges are sorted one after the other.
    lent_names = own[np.searchsorted(rows, lent)]
    return BrickGroups(rows, own, Boundary(lent, lent_names, ghosts, names[len(rows) :]))


def _gathered(paths: list[Path], dtype: str) -> NDArray[Any]:
    return np.concatenate([np.fromfile(path, dtype) for path in paths])


@step(version=1)
def join_groups(bricks: list[BrickGroups], rows: int) -> NDArray[Any]:
    """Join the bricks' groups."""
    renamed = join_bricks(brick.boundary for brick in bricks)
    path = draft_folder() / "names.raw"
    # On the disk, since there may be more particles than memory; nobody else needs the file.
    names = np.memmap(path, np.int64, "w+", shape=(rows,))
    path.unlink()
    for brick in bricks:
        check()
        names[brick.rows] = renamed.apply(brick.names)
    number_names(names)
    return np.asarray(names, np.int32 if rows < 2**31 else np.int64)
