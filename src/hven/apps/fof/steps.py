"""The steps of Friends-of-Friends: pure functions whose results are kept."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hven.apps.fof.galaxies import SkyLinking, galaxy_labels
from hven.apps.fof.measuring import Measured, Measuring, measure
from hven.engine import check, draft_folder, step
from hven.errors import Fault, InputError
from hven.formats.particles.columns import Wanted
from hven.formats.particles.reading import Chunk, Summary, examine_particles, read_particles
from hven.kernels.percolation.groups import Method, friends_of_friends
from hven.kernels.percolation.hierarchy import hierarchy
from hven.kernels.percolation.properties import order_groups

Floats = NDArray[np.float64]

#: Particles that are copied at a time.
_ROWS = 1 << 20
#: Of how many positions outside of the box the row and the values are given.
_ROWS_SHOWN = 3


@dataclass(frozen=True)
class Particles:
    """Particles as they are kept: plain files of numbers, mapped where they are used."""

    rows: int
    dimensions: int
    #: (rows, dimensions) float64.
    positions: Path
    velocities: Path | None
    #: (rows,) float64.
    masses: Path | None
    #: (rows,) of whole numbers of type `id_type`.
    identifiers: Path | None
    id_type: str
    #: The lowest and highest coordinates.
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def places(self) -> Floats:
        """The positions."""
        found = self.open("positions")
        assert found is not None
        return found

    def chunk(self, rows: slice, id_type: np.dtype[Any]) -> Chunk:
        """Some of the particles."""
        velocities, masses, identifiers = (
            None if (values := self.open(name)) is None else values[rows]
            for name in ("velocities", "masses", "identifiers")
        )
        if identifiers is not None:
            identifiers = identifiers.astype(id_type)
        return Chunk(self.places[rows], velocities, masses, identifiers)

    def open(self, name: str) -> NDArray[Any] | None:
        """`positions`, `velocities`, `masses` or `identifiers`; None where there are none."""
        path: Path | None = getattr(self, name)
        if path is None:
            return None
        dtype = np.dtype(self.id_type if name == "identifiers" else "f8")
        wide = name in ("positions", "velocities")
        shape = (self.rows, self.dimensions) if wide else (self.rows,)
        if not self.rows:
            return np.empty(shape, dtype)
        return np.asarray(np.memmap(path, dtype, "r", shape=shape))


@dataclass(frozen=True)
class Finding:
    """How groups are found."""

    #: In the unit of the positions.
    linking_lengths: tuple[float, ...]
    #: Sides of the box, 0 where it is open.
    box: tuple[float, ...] | None
    method: Method
    #: None is one a processor.
    threads: int | None


@step(version=1)
def examine_file(path: Path, wanted: Wanted) -> Summary:
    """Examine the files."""
    return examine_particles(path, wanted)


@step(version=1)
def read_file(
    path: Path, wanted: Wanted, *, dimensions: int, box: tuple[float, ...] | None, wrap: bool
) -> Particles:
    """Read the particles."""
    outside = _Outside(path, box, wrap)
    with ExitStack() as stack:
        files = _Files(stack)
        for chunk in read_particles(path, wanted):
            check()
            files.write(outside.settle(chunk))
        outside.raise_if_any()
        return files.finish(dimensions)


@step(version=1)
def combine_files(parts: list[Particles]) -> Particles:
    """Put the files together."""
    kind = np.result_type(*(part.id_type for part in parts))
    with ExitStack() as stack:
        files = _Files(stack)
        for part in parts:
            for start in range(0, part.rows, _ROWS):
                check()
                files.write(part.chunk(slice(start, start + _ROWS), kind))
        return files.finish(parts[0].dimensions)


@step(version=1)
def find_labels(particles: Particles, finding: Finding) -> list[NDArray[Any]]:
    """Find the groups."""
    positions = particles.places
    options: dict[str, Any] = {
        "box": finding.box,
        "method": finding.method,
        "threads": finding.threads or len(os.sched_getaffinity(0)),
    }
    if len(finding.linking_lengths) == 1:
        return [friends_of_friends(positions, finding.linking_lengths[0], **options)]
    return list(hierarchy(positions, finding.linking_lengths, **options))


@step(version=1)
def find_galaxy_groups(galaxies: Particles, linking: SkyLinking) -> list[NDArray[Any]]:
    """Find the groups of galaxies."""
    positions = galaxies.places
    return [galaxy_labels(positions, linking)]


@step(version=1)
def measure_groups(
    particles: Particles, labels: list[NDArray[Any]], *, measuring: Measuring
) -> list[Measured]:
    """Measure the groups."""
    arrays = {name: particles.open(name) for name in ("positions", "velocities", "masses")}
    return [measure(found, arrays, measuring, level) for level, found in enumerate(labels)]


@step(version=1)
def number_all_groups(particles: Particles, labels: list[NDArray[Any]]) -> NDArray[Any]:
    """Number the groups of all sizes."""
    return order_groups(labels[0], particles.places)


class _Files:
    """Files of numbers that grow chunk by chunk."""

    def __init__(self, stack: ExitStack) -> None:
        self._folder = draft_folder()
        self._stack = stack
        self._open: dict[str, BinaryIO] = {}
        self._rows = 0
        self._id_type = "i8"
        self._low = self._high = np.empty(0)

    def write(self, chunk: Chunk) -> None:
        """Add the rows of a chunk."""
        for name, values in zip(chunk._fields, chunk, strict=True):
            if values is not None:
                if name not in self._open:
                    path = self._folder / f"{name}.raw"
                    self._open[name] = self._stack.enter_context(path.open("wb"))
                np.ascontiguousarray(values).tofile(self._open[name])
        if chunk.identifiers is not None:
            self._id_type = chunk.identifiers.dtype.str[1:]
        low, high = chunk.positions.min(axis=0), chunk.positions.max(axis=0)
        self._low = np.minimum(self._low, low) if self._rows else low
        self._high = np.maximum(self._high, high) if self._rows else high
        self._rows += len(chunk.positions)

    def finish(self, dimensions: int) -> Particles:
        """What was written."""
        for file in self._open.values():
            file.flush()
        positions = self._folder / "positions.raw"
        if not self._rows:
            positions.touch()
        return Particles(
            self._rows,
            dimensions,
            positions,
            self._path("velocities"),
            self._path("masses"),
            self._path("identifiers"),
            self._id_type,
            tuple(self._low.tolist()),
            tuple(self._high.tolist()),
        )

    def _path(self, name: str) -> Path | None:
        return self._folder / f"{name}.raw" if name in self._open else None


class _Outside:
    """Positions outside of the periodic box: wrapped into it, or counted."""

    def __init__(self, path: Path, box: tuple[float, ...] | None, wrap: bool) -> None:
        self._path = path
        self._sides = np.array(box or ())
        self._wrap = wrap
        self._rows = self._count = 0
        self._shown: list[str] = []

    def settle(self, chunk: Chunk) -> Chunk:
        """The chunk with all positions in the box, as far as that is asked for."""
        first = self._rows
        self._rows += len(chunk.positions)
        axes = np.flatnonzero(self._sides)
        inside = chunk.positions[:, axes]
        bad = ((inside < 0) | (inside > self._sides[axes])).any(axis=1)
        if not bad.any():
            return chunk
        if self._wrap:
            positions = chunk.positions.copy()
            positions[:, axes] = np.mod(inside, self._sides[axes])
            return chunk._replace(positions=positions)
        places = np.flatnonzero(bad)
        self._count += places.size
        for place in places[: _ROWS_SHOWN - len(self._shown)].tolist():
            values = ", ".join(f"{value:g}" for value in chunk.positions[place])
            self._shown.append(f"row {first + place + 1:,} ({values})")
        return chunk

    def raise_if_any(self) -> None:
        """Raise InputError where positions were outside."""
        if not self._count:
            return
        sides = " x ".join(f"{side:g}" if side else "open" for side in self._sides.tolist())
        are = "1 row is not" if self._count == 1 else f"{self._count:,} rows are not"
        more = ", ..." if self._count > len(self._shown) else ""
        raise InputError([
            Fault(
                str(self._path),
                f"positions must lie in the periodic box from 0 to {sides}, {are}: "
                f"{'; '.join(self._shown)}{more}; outside wrap takes them into it",
            )
        ])  # fmt: skip
