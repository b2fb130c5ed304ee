"""Which columns of a file are positions, velocities, masses and identifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hven.errors import Fault, InputError
from hven.formats.particles.table import Column

_VECTORS = ("coordinates", "positions", "position", "pos", "xyz")
_VELOCITY_VECTORS = ("velocities", "velocity", "vel")
_CARTESIAN = (("x", "y", "z"), ("x", "y"))
_VELOCITIES = (("vx", "vy", "vz"), ("vx", "vy"))
_MASSES = ("masses", "mass", "dynamicalmasses")
_IDENTIFIERS = ("id", "ids", "particleids")
_RA = ("ra", "ra_deg", "_raj2000", "raj2000", "alpha", "alpha_j2000")
_DEC = ("dec", "dec_deg", "_dej2000", "dej2000", "decj2000", "delta", "delta_j2000")
_REDSHIFTS = ("z", "redshift", "zspec", "z_spec", "zcmb", "cz", "czcmb")


@dataclass(frozen=True)
class Wanted:
    """Which columns the user names; empty ones are looked for by their usual names."""

    #: Three or two of numbers, or one of vectors; of the sky: right ascension, declination and
    #: redshift or cz.
    positions: tuple[str, ...] = ()
    velocities: tuple[str, ...] = ()
    mass: str | None = None
    identifier: str | None = None
    #: Whether positions are RA, Dec and redshift.
    sky: bool = False
    #: In a snapshot.
    particle_type: int = 1


class Chosen(NamedTuple):
    """The columns that will be read."""

    positions: tuple[str, ...]
    velocities: tuple[str, ...]
    mass: str | None
    identifier: str | None
    dimensions: int
    #: Units of the three, as the file has them.
    unit: str
    velocity_unit: str
    mass_unit: str

    @property
    def names(self) -> list[str]:
        """All columns, each once."""
        single = [name for name in (self.mass, self.identifier) if name is not None]
        return list(dict.fromkeys([*self.positions, *self.velocities, *single]))


def choose_columns(name: str, columns: Mapping[str, Column], wanted: Wanted) -> Chosen:
    """The columns of a file that hold what is wanted.

    Parameters
    ----------
    name
        What messages call the file.
    columns
        Those it has.
    wanted
        What the user names.

    Raises
    ------
    InputError
        Columns are missing or of the wrong kind; all faults, with the columns there are.
    """
    faults: list[Fault] = []
    named = {
        "columns": wanted.positions,
        "velocity_columns": wanted.velocities,
        "mass_column": (wanted.mass,) if wanted.mass else (),
        "id_column": (wanted.identifier,) if wanted.identifier else (),
    }
    found = {what: _named(name, columns, names, what, faults) for what, names in named.items()}
    if faults:
        raise InputError(faults)
    positions = found["columns"] or _usual_positions(name, columns, wanted)
    dimensions = sum(columns[column].width for column in positions)
    _check_dimensions(name, positions, dimensions, wanted)
    velocities = found["velocity_columns"] or (
        () if wanted.sky else _vectors(columns, _VELOCITIES, _VELOCITY_VECTORS)
    )
    if velocities and sum(columns[column].width for column in velocities) != dimensions:
        if found["velocity_columns"]:
            text = f"must have as many components as positions, {dimensions}"
            raise InputError([Fault(f"{name}, {', '.join(velocities)}", text)])
        velocities = ()
    mass = next(iter(found["mass_column"] or _usual(columns, _MASSES)), None)
    identifier = next(iter(found["id_column"] or _usual(columns, _IDENTIFIERS)), None)
    return Chosen(
        positions,
        velocities,
        mass,
        identifier,
        dimensions,
        _one_unit(name, columns, positions) if not wanted.sky else "",
        _one_unit(name, columns, velocities),
        columns[mass].unit if mass else "",
    )


def _named(
    name: str, columns: Mapping[str, Column], names: Sequence[str], what: str, faults: list[Fault]
) -> tuple[str, ...]:
    """The columns of these names, in any case where that leaves one."""
    found = []
    for asked in names:
        match = _match(columns, asked)
        if match is None:
            faults.append(Fault(name, f"{what} must be columns of the file, got {asked}; it has "
                                f"{_listed(columns)}"))  # fmt: skip
        elif columns[match].kind == "other":
            faults.append(Fault(name, f"{what} must hold numbers, {match} does not"))
        else:
            found.append(match)
    return tuple(found)


def _match(columns: Mapping[str, Column], asked: str) -> str | None:
    if asked in columns:
        return asked
    lowered = [column for column in columns if column.lower() == asked.lower()]
    # In HDF5 the last part of a path is enough where only one dataset has it.
    last = [column for column in columns if column.rpartition("/")[2].lower() == asked.lower()]
    return next((found[0] for found in (lowered, last) if len(found) == 1), None)


def _usual(columns: Mapping[str, Column], names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        match = _match(columns, name)
        if match is not None and columns[match].kind != "other" and columns[match].width == 1:
            return (match,)
    return ()


def _vectors(
    columns: Mapping[str, Column], components: Sequence[Sequence[str]], vectors: Sequence[str]
) -> tuple[str, ...]:
    for vector in vectors:
        match = _match(columns, vector)
        if match is not None and columns[match].width in (2, 3) and columns[match].kind != "other":
            return (match,)
    for names in components:
        matches = [_usual(columns, [name]) for name in names]
        if all(matches):
            return tuple(match[0] for match in matches)
    return ()


def _usual_positions(name: str, columns: Mapping[str, Column], wanted: Wanted) -> tuple[str, ...]:
    if wanted.sky:
        matches = [_usual(columns, names) for names in (_RA, _DEC, _REDSHIFTS)]
        if all(matches):
            return tuple(match[0] for match in matches)
        text = "right ascension, declination and redshift (ra, dec, z or cz)"
    else:
        found = _vectors(columns, _CARTESIAN, _VECTORS)
        if found:
            return found
        text = "positions (x y z, or pos, or Coordinates)"
    raise InputError([Fault(name, f"must have columns of {text}, or columns must name them; it has "
                            f"{_listed(columns)}")])  # fmt: skip


def _check_dimensions(name: str, positions: Sequence[str], dimensions: int, wanted: Wanted) -> None:
    allowed = (3,) if wanted.sky else (2, 3)
    if dimensions not in allowed:
        must = "three columns" if wanted.sky else "two or three numbers a row"
        text = f"columns must be {must}, got {', '.join(positions)} with {dimensions}"
        raise InputError([Fault(name, text)])


def _one_unit(name: str, columns: Mapping[str, Column], chosen: Sequence[str]) -> str:
    units = {columns[column].unit for column in chosen}
    if len(units) > 1:
        listed = ", ".join(f"{column} in {columns[column].unit or 'no unit'}" for column in chosen)
        raise InputError([Fault(name, f"must have these columns in one unit, has {listed}")])
    return next(iter(units), "")


def _listed(columns: Mapping[str, Column]) -> str:
    names = list(columns)
    more = f" and {len(names) - 40} more" if len(names) > 40 else ""
    return (", ".join(names[:40]) or "none") + more
