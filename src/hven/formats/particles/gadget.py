"""Gadget-2's binary snapshots, formats 1 and 2, of either byte order.

A file is a row of records, each between two 4-byte marks with its length: header, positions,
velocities, identifiers, and masses of the types whose mass in the header is 0. Format 2 puts a
record with a label of four letters before each.

References
----------
Springel 2005, MNRAS 364, 1105, doi:10.1111/j.1365-2966.2005.09655.x, and the code's user guide.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.formats.particles.snapshot import NO_UNITS
from hven.formats.particles.table import (
    BLOCK_ROWS,
    Blocks,
    Facts,
    ParticleTable,
    column_of,
    fault,
    native,
)

_TYPES = 6
_HEADER_BYTES = 256
#: The records after the header in a file of format 1, which has no labels.
_ORDER = ("POS ", "VEL ", "ID  ", "MASS")
_NAMES = {"POS ": "Coordinates", "VEL ": "Velocities", "ID  ": "ParticleIDs", "MASS": "Masses"}


class _Record(NamedTuple):
    label: str
    start: int
    size: int


class _Header(NamedTuple):
    counts: tuple[int, ...]
    masses: tuple[float, ...]
    time: float
    redshift: float
    totals: tuple[int, ...]
    files: int
    box: float
    matter: float
    hubble: float

    @property
    def scale_factor(self) -> float:
        """The time of a cosmological run; 1 of any other."""
        return self.time if abs(self.time * (1 + self.redshift) - 1) < 1e-3 else 1.0


def is_gadget(head: bytes) -> bool:
    """Whether a file that begins so is a snapshot of Gadget-2."""
    return _order_of(head) is not None


class GadgetTable(ParticleTable):
    """The particles of one type in one file of a snapshot."""

    format = "Gadget-2 snapshot"

    def __init__(self, path: Path, particle_type: int) -> None:
        self._path = path
        with path.open("rb") as file:
            order = _order_of(file.read(8)) or "<"
            records = _records(file, order, str(path))
            header = _read_header(file, records[0], order)
        if not 0 <= particle_type < _TYPES or header.totals[particle_type] == 0:
            there = [str(n) for n in range(_TYPES) if header.totals[n]]
            text = f"must hold particles of type {particle_type}, has those of type "
            raise fault(str(path), text + (", ".join(there) or "none"))
        self._arrays = {
            _NAMES[record.label]: array
            for record in records[1:]
            if (array := _array(path, record, header, order, particle_type)) is not None
        }
        columns = {
            name: column_of(array.dtype, array.shape[1] if array.ndim == 2 else 1)
            for name, array in self._arrays.items()
        }
        facts = Facts(
            box=(header.box,) * 3 if header.box > 0 else None,
            hubble=header.hubble or None,
            matter=header.matter or None,
            scale_factor=header.scale_factor,
            particle_mass=header.masses[particle_type] or None,
            files=max(header.files, 1),
            total=header.totals[particle_type],
            notes=(NO_UNITS,),
        )
        super().__init__(str(path), columns, header.counts[particle_type], facts)

    def blocks(self, names: Sequence[str]) -> Blocks:
        """See ParticleTable."""
        for start in range(0, self.rows or 0, BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            yield {name: native(np.asarray(self._arrays[name][part])) for name in names}


def _order_of(head: bytes) -> str | None:
    if len(head) < 8:
        return None
    for order in "<>":
        (size,) = struct.unpack(f"{order}i", head[:4])
        if size == _HEADER_BYTES or (size == 8 and head[4:8] == b"HEAD"):
            return order
    return None


def _records(file: Any, order: str, name: str) -> list[_Record]:
    """The header and the records that are wanted; every length is compared with the file's."""
    file.seek(0, 2)
    end = file.tell()
    found: list[_Record] = []
    position, labelled, label = 0, False, ""
    unlabelled = iter(("HEAD", *_ORDER))
    while position < end:
        start, size = _span(file, position, end, order, name)
        labelled = labelled or (position == 0 and size == 8)
        position = start + size + 4
        if labelled and not label:
            file.seek(start)
            label = file.read(4).decode("ascii", "replace")
            continue
        label = label or next(unlabelled, "")
        if label in (*_ORDER, "HEAD"):
            found.append(_Record(label, start, size))
        label = ""
    if not found or found[0].label != "HEAD" or found[0].size != _HEADER_BYTES:
        raise fault(name, "must begin with the header of a Gadget-2 snapshot, does not")
    return found


def _span(file: Any, position: int, end: int, order: str, name: str) -> tuple[int, int]:
    """Where the content of the record at `position` begins, and its length."""
    file.seek(position)
    mark = file.read(4)
    size = struct.unpack(f"{order}I", mark)[0] if len(mark) == 4 else 0
    start = position + 4
    file.seek(start + size)
    if len(mark) < 4 or start + size + 4 > end or file.read(4) != mark:
        text = f"must end with a whole record; the one at byte {position:,} is truncated, or its "
        raise fault(name, f"{text}marks differ")
    return start, size


def _read_header(file: Any, record: _Record, order: str) -> _Header:
    file.seek(record.start)
    content = file.read(_HEADER_BYTES)
    numbers = struct.unpack(f"{order}6I6ddd2i6I2i4d2i6I", content[:192])
    high = numbers[-6:]
    totals = tuple(low + (above << 32) for low, above in zip(numbers[16:22], high, strict=True))
    counts = numbers[:6]
    return _Header(
        counts,
        numbers[6:12],
        numbers[12],
        numbers[13],
        # Some writers of single files leave the totals empty.
        totals if any(totals) else counts,
        numbers[23],
        numbers[24],
        numbers[25],
        numbers[27],
    )


def _array(
    path: Path, record: _Record, header: _Header, order: str, particle_type: int
) -> NDArray[Any] | None:
    """The part of a record that belongs to one type, mapped from the disk."""
    counts = list(header.counts)
    if record.label == "MASS":
        counts = [
            count if mass == 0 else 0 for count, mass in zip(counts, header.masses, strict=True)
        ]
    total = sum(counts)
    width = 3 if record.label in ("POS ", "VEL ") else 1
    if not counts[particle_type] or not total:
        return None
    item, rest = divmod(record.size, total * width)
    if rest or item not in (4, 8):
        wanted = f"must hold {total:,} particles as the header says, has {record.size:,} bytes"
        raise fault(f"{path}, {record.label.strip()}", wanted)
    dtype = np.dtype(f"{order}{'u' if record.label == 'ID  ' else 'f'}{item}")
    values = np.memmap(path, dtype, "r", record.start, (total, width))
    before = sum(counts[:particle_type])
    chosen = values[before : before + counts[particle_type]]
    return chosen if width == 3 else chosen[:, 0]
