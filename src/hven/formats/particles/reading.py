"""Particles of one file, checked and chunk by chunk, so that they need not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.errors import Fault, InputError
from hven.formats.particles.columns import Chosen, Wanted, choose_columns
from hven.formats.particles.opening import open_particles
from hven.formats.particles.table import Facts, ParticleTable

Floats = NDArray[np.float64]

#: Of how many faulty rows the place and the values are given.
_ROWS_SHOWN = 3
_LIGHT_SPEED_KM_S = 299_792.458


@dataclass(frozen=True)
class Summary:
    """What is known of a file before its rows are read."""

    format: str
    #: None where only reading tells.
    rows: int | None
    chosen: Chosen
    facts: Facts


class Chunk(NamedTuple):
    """Some of a file's particles."""

    #: (n, 3) or (n, 2); of the sky right ascension and declination in degrees, and redshift.
    positions: Floats
    velocities: Floats | None
    masses: Floats | None
    identifiers: NDArray[Any] | None


class Sky(NamedTuple):
    """By what sky columns are multiplied to give degrees and redshift."""

    ra: float
    dec: float
    redshift: float


def examine_particles(path: Path, wanted: Wanted) -> Summary:
    """Look at a file's header and choose its columns.

    Raises
    ------
    InputError
        It cannot be read, or lacks a column.
    """
    with open_particles(path, wanted.particle_type) as table:
        chosen = choose_columns(table.name, table.columns, wanted)
        if wanted.sky:
            _sky_factors(table, chosen)
        return Summary(table.format, _rows(table, chosen), chosen, table.facts)


def read_particles(path: Path, wanted: Wanted) -> Iterator[Chunk]:
    """The particles of a file, about a million at a time.

    Raises
    ------
    InputError
        Rows are faulty: all kinds of faults together, each with how many rows and the first ones.
    """
    with open_particles(path, wanted.particle_type) as table:
        chosen = choose_columns(table.name, table.columns, wanted)
        sky = _sky_factors(table, chosen) if wanted.sky else None
        bad = _BadRows(table)
        table.integers = frozenset([chosen.identifier] if chosen.identifier else [])
        first = 0
        for block in table.blocks(chosen.names):
            chunk = _chunk(table, block, chosen, sky)
            bad.look_at(chunk, first, sky is not None)
            first += len(chunk.positions)
            if not bad.counts:
                yield chunk
        bad.raise_if_any()


def _rows(table: ParticleTable, chosen: Chosen) -> int | None:
    rows_of = getattr(table, "rows_of", None)
    rows: int | None = rows_of(chosen.names) if rows_of is not None else table.rows
    return rows


def _chunk(
    table: ParticleTable, block: dict[str, NDArray[Any]], chosen: Chosen, sky: Sky | None
) -> Chunk:
    positions = _stacked(block, chosen.positions)
    if sky is not None:
        positions *= np.array(sky)
    velocities = _stacked(block, chosen.velocities) if chosen.velocities else None
    masses = None
    if chosen.mass is not None:
        masses = np.asarray(block[chosen.mass], dtype=np.float64).reshape(len(positions))
    identifiers = None
    if chosen.identifier is not None:
        identifiers = block[chosen.identifier]
        if identifiers.dtype.kind == "f":
            identifiers = _whole(table, chosen.identifier, identifiers)
    return Chunk(positions, velocities, masses, identifiers)


def _stacked(block: dict[str, NDArray[Any]], names: tuple[str, ...]) -> Floats:
    columns = [block[name] for name in names]
    return np.column_stack(columns).astype(np.float64, order="C")


def _whole(table: ParticleTable, name: str, values: NDArray[Any]) -> NDArray[np.int64]:
    with np.errstate(invalid="ignore"):
        whole = values.astype(np.int64)
    wrong = np.flatnonzero(whole != values)
    if wrong.size:
        text = f"{name} must be whole numbers, {wrong.size:,} rows are not, such as "
        raise InputError([Fault(table.name, f"{text}{values[wrong[0]]:g}")])
    return whole


def _sky_factors(table: ParticleTable, chosen: Chosen) -> Sky:
    name = _three(table, chosen)[2]
    redshift = table.columns[name].unit
    velocity = name.lower().rpartition("/")[2].startswith("cz")
    if redshift:
        velocity = redshift not in ("redshift", "dimensionless") and _is_velocity(table, name)
    third = _factor(table, name, "km/s") / _LIGHT_SPEED_KM_S if velocity else 1.0
    return Sky(
        _factor(table, chosen.positions[0], "deg"),
        _factor(table, chosen.positions[1], "deg"),
        third,
    )


def _three(table: ParticleTable, chosen: Chosen) -> tuple[str, ...]:
    if len(chosen.positions) != 3:
        text = "columns must be three: right ascension, declination and redshift, got "
        raise InputError([Fault(table.name, f"{text}{', '.join(chosen.positions)}")])
    return chosen.positions


def _is_velocity(table: ParticleTable, name: str) -> bool:
    from astropy import units

    try:
        unit = units.Unit(table.columns[name].unit)
    except ValueError:
        return False
    return bool(unit.is_equivalent(units.km / units.s))


def _factor(table: ParticleTable, name: str, wanted: str) -> float:
    """What turns a column into the wanted unit; a column without unit has it."""
    from astropy import units

    given = table.columns[name].unit
    if not given:
        return 1.0
    try:
        return float(units.Unit(given).to(units.Unit(wanted)))
    except ValueError as error:
        text = f"{name} must be in a unit of {wanted}, is in {given}"
        raise InputError([Fault(table.name, text)]) from error


class _BadRows:
    """Counts rows whose values cannot be used, and remembers the first of each kind."""

    def __init__(self, table: ParticleTable) -> None:
        self._table = table
        self.counts: dict[str, int] = {}
        self._shown: dict[str, list[str]] = {}

    def look_at(self, chunk: Chunk, first: int, sky: bool) -> None:
        """Add the faulty rows of a chunk whose first row is `first`."""
        for what, values in (
            ("positions must be finite numbers", chunk.positions),
            ("velocities must be finite numbers", chunk.velocities),
            ("masses must be finite numbers", chunk.masses),
        ):
            # A sum is finite only if all of it is, unless it overflows: then it is looked at.
            if values is not None and not np.isfinite(values.sum()):
                rows = values if values.ndim == 2 else values[:, None]
                self._add(what, ~np.isfinite(rows).all(axis=1), rows, first)
        if chunk.masses is not None:
            masses = chunk.masses[:, None]
            self._add("masses must not be negative", chunk.masses < 0, masses, first)
        if sky:
            positions = chunk.positions
            self._add(
                "declinations must be from -90 to 90 degrees",
                np.abs(positions[:, 1]) > 90,
                positions[:, 1:2],
                first,
            )
            self._add("redshifts must be above 0", positions[:, 2] <= 0, positions[:, 2:], first)

    def raise_if_any(self) -> None:
        """Raise InputError where there was a faulty row."""
        faults = []
        for what, count in self.counts.items():
            shown = "; ".join(self._shown[what])
            more = ", ..." if count > len(self._shown[what]) else ""
            are = "1 row is not" if count == 1 else f"{count:,} rows are not"
            faults.append(Fault(self._table.name, f"{what}, {are}: {shown}{more}"))
        if faults:
            raise InputError(faults)

    def _add(self, what: str, bad: Any, rows: Floats, first: int) -> None:
        places = np.flatnonzero(bad)
        if not places.size:
            return
        self.counts[what] = self.counts.get(what, 0) + places.size
        shown = self._shown.setdefault(what, [])
        for place in places[: _ROWS_SHOWN - len(shown)].tolist():
            values = ", ".join(f"{value:g}" for value in rows[place])
            shown.append(f"{self._table.place(first + place)} ({values})")
