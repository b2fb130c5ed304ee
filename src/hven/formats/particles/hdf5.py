"""Particles in HDF5 files: plain datasets, tables, and the snapshots of simulation codes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from hven.formats.particles.kept_units import units_in_yaml
from hven.formats.particles.snapshot import Conversion, conversion_of, snapshot_facts
from hven.formats.particles.table import (
    BLOCK_ROWS,
    Blocks,
    Column,
    ParticleTable,
    check_promise,
    column_of,
    fault,
    native,
)

#: A file with more objects than this is no table.
_LARGEST_OBJECTS = 10_000
_NOTHING = Conversion()
#: How the dataset ends in which astropy describes a table.
_META = ".__table_column_meta__"


class _Place(NamedTuple):
    """Where the values of a column lie."""

    dataset: Any
    #: The field of a dataset of records.
    field: str | None = None
    conversion: Conversion = _NOTHING
    unit: str = ""


class Hdf5Table(ParticleTable):
    """Datasets of one length; in a snapshot those of one type of particles.

    Parameters
    ----------
    path
        The file.
    stack
        What closes it.
    particle_type
        The number of the type, as in PartType1.
    """

    format = "HDF5"

    def __init__(self, path: Path, stack: ExitStack, particle_type: int) -> None:
        name = str(path)
        try:
            file = stack.enter_context(h5py.File(path, "r"))
        except OSError as error:
            raise fault(name, f"must be a readable HDF5 file, got {error}") from error
        header = file.get("Header")
        is_snapshot = header is not None and "NumPart_ThisFile" in header.attrs
        if is_snapshot:
            group = _type_group(file, particle_type, name)
            facts, units = snapshot_facts(file, group, particle_type)
        else:
            group, facts, units = file, None, None
        self._places: dict[str, _Place] = {}
        for key, dataset in _datasets(group, name):
            conversion = conversion_of(key, dataset, units) if units else _NOTHING
            self._add(key, dataset, conversion)
        lengths = {key: place.dataset.shape[0] for key, place in self._places.items()}
        columns = {key: _column(place) for key, place in self._places.items()}
        promised = sum(columns[key].row_bytes * length for key, length in lengths.items())
        check_promise(name, promised, path.stat().st_size)
        self._lengths = lengths
        longest = max(lengths.values(), default=0)
        super().__init__(name, columns, longest, facts)

    def blocks(self, names: Sequence[str]) -> Blocks:
        """See ParticleTable."""
        lengths = {name: self._lengths[name] for name in names}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
            raise fault(self.name, f"must hold columns of one length, holds {listed}")
        total = next(iter(lengths.values()), 0)
        for start in range(0, total, BLOCK_ROWS):
            part = slice(start, min(start + BLOCK_ROWS, total))
            yield {name: self._read(name, part) for name in names}

    def rows_of(self, names: Sequence[str]) -> int:
        """How many rows these columns have."""
        return max((self._lengths[name] for name in names), default=0)

    def _read(self, name: str, part: slice) -> NDArray[Any]:
        place = self._places[name]
        try:
            values = place.dataset[part]
        except (OSError, RuntimeError) as error:
            raise fault(self.name, f"{name} must be readable to its end, got {error}") from error
        values = native(values if place.field is None else values[place.field])
        factor = place.conversion.factor
        return values if factor == 1.0 else values * np.float64(factor)

    def _add(self, key: str, dataset: Any, conversion: Conversion) -> None:
        if dataset.dtype.names is None:
            self._places[key] = _Place(dataset, None, conversion)
            return
        units = _kept_units(dataset)
        # A table at the top of a file needs no name.
        start = f"{key}/" if "/" in key else ""
        for field in dataset.dtype.names:
            unit = units.get(field, "")
            self._places[f"{start}{field}"] = _Place(dataset, field, unit=unit)


def _type_group(file: Any, particle_type: int, name: str) -> Any:
    wanted = f"PartType{particle_type}"
    if file.get(wanted, getclass=True, getlink=True) is h5py.ExternalLink:
        raise fault(name, f"must hold {wanted} itself, it is a link to another file")
    group = file.get(wanted)
    if isinstance(group, h5py.Group):
        return group
    counts = np.ravel(file["Header"].attrs["NumPart_ThisFile"])
    if particle_type < len(counts) and counts[particle_type] == 0:
        totals = np.ravel(file["Header"].attrs.get("NumPart_Total", counts))
        if totals[particle_type]:
            # Of many files some may hold none of a type.
            return file["Header"]
    there = ", ".join(f"{number} ({int(count):,})" for number, count in enumerate(counts) if count)
    raise fault(
        name,
        f"must hold particles of type {particle_type}, has those of type {there or 'none'}",
    )


def _datasets(group: Any, name: str) -> list[tuple[str, Any]]:
    """Every dataset below a group that lies in the file itself, by its path."""
    found: list[tuple[str, Any]] = []
    open_groups = [("", group)]
    seen = 0
    while open_groups:
        start, where = open_groups.pop(0)
        for key in where:
            seen += 1
            if seen > _LARGEST_OBJECTS:
                raise fault(name, f"must hold at most {_LARGEST_OBJECTS:,} objects, holds more")
            link = where.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                continue
            item = where[key]
            if isinstance(item, h5py.Group):
                open_groups.append((f"{start}{key}/", item))
            elif isinstance(item, h5py.Dataset) and item.ndim in (1, 2) and not _is_meta(key):
                _check_own(item, f"{name}, {start}{key}")
                found.append((f"{start}{key}", item))
    return found


def _is_meta(key: str) -> bool:
    return key.endswith(_META)


def _kept_units(dataset: Any) -> dict[str, str]:
    """The units of a table that astropy wrote, which lie in a dataset beside it."""
    key = dataset.name.rpartition("/")[2] + _META
    if not isinstance(dataset.parent.get(key, getlink=True), h5py.HardLink):
        return {}
    beside = dataset.parent[key]
    if not isinstance(beside, h5py.Dataset) or beside.ndim != 1 or beside.dtype.kind not in "SO":
        return {}
    return units_in_yaml(_text(line) for line in beside[:])


def _check_own(dataset: Any, name: str) -> None:
    """Refuse a dataset whose values lie in other files: an upload could read any of them."""
    if dataset.is_virtual or dataset.external:
        raise fault(
            name, "must lie in this file, is put together from others; give those files instead"
        )


def _column(place: _Place) -> Column:
    dataset = place.dataset
    dtype = dataset.dtype if place.field is None else dataset.dtype[place.field]
    width = dataset.shape[1] if dataset.ndim == 2 and place.field is None else 1
    if dtype.shape:
        width = int(np.prod(dtype.shape))
    given = dataset.attrs.get("unit", dataset.attrs.get("units", ""))
    unit = place.conversion.unit or place.unit or (_text(given) if place.field is None else "")
    column = column_of(dtype.base, width, unit)
    return column if place.conversion.factor == 1.0 else column._replace(kind="number")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
