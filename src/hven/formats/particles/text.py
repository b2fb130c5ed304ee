"""Particles as text: the counted rows of earlier Friends-of-Friends codes, CSV, ECSV, plain rows.

The counted text has the number of rows in its first line, then `id x y z vx vy vz` and perhaps one
more column in each line, separated by blanks.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from hven.errors import Fault, InputError
from hven.formats.particles.table import Blocks, Column, ParticleTable, fault

_BLOCK_BYTES = 8 << 20
_HEAD_BYTES = 1 << 20
#: So many faulty lines are named before the rest is left unread.
_LINES_NAMED = 10
_COUNTED_NAMES = ("id", "x", "y", "z", "vx", "vy", "vz", "last")
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf)", re.I)

_WHOLE = re.compile(rb"[+-]?\d{1,18}")


class _Layout(NamedTuple):
    """How the lines of a file are to be read."""

    names: tuple[str, ...]
    #: Empty for blanks.
    delimiter: bytes
    #: Lines before the first row.
    skipped: int
    #: Rows that the count line promises.
    promised: int | None = None
    units: tuple[str, ...] = ()


class _Lines(NamedTuple):
    """Some lines with something in them, and the number of each."""

    lines: list[bytes]
    numbers: list[int]


class TextTable(ParticleTable):
    """Rows of text, one a line."""

    format = "text"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._layout = layout = _layout_of(path)
        units = layout.units or ("",) * len(layout.names)
        kinds = _kinds(path, layout)
        columns = {
            name: Column(kind, unit=unit)
            for name, kind, unit in zip(layout.names, kinds, units, strict=True)
        }
        super().__init__(str(path), columns, layout.promised)
        #: Of the block that was read last its first row, and the line of each row.
        self._last: tuple[int, list[int]] = (0, [])

    def blocks(self, names: Sequence[str]) -> Blocks:
        """See ParticleTable."""
        found = 0
        faults: list[Fault] = []
        with self._path.open("rb") as file:
            for lines in _lines_of(file, self._layout.skipped):
                self._last = (found, lines.numbers)
                found += len(lines.lines)
                parsed = self._parse(lines, names, faults)
                if len(faults) >= _LINES_NAMED:
                    break
                if parsed is not None and not faults:
                    yield parsed
            else:
                faults += self._count_fault(found)
        if faults:
            raise InputError(faults[:_LINES_NAMED])

    def place(self, row: int) -> str:
        """See ParticleTable; of the block that was read last."""
        first, numbers = self._last
        return f"line {numbers[row - first]:,}"

    def _count_fault(self, found: int) -> list[Fault]:
        count = self._layout.promised
        if count is None or count == found:
            return []
        cut = "; the file is truncated" if found < count else ""
        return [Fault(f"{self.name}, line 1", f"must be the number of rows, {found:,}, got "
                      f"{count:,}{cut}")]  # fmt: skip

    def _parse(
        self,
        lines: _Lines,
        names: Sequence[str],
        faults: list[Fault],
    ) -> dict[str, NDArray[Any]] | None:
        layout = self._layout
        if layout.delimiter:
            content, delimiter = b"\n".join(lines.lines), layout.delimiter
        else:
            rows = [line.split() for line in lines.lines]
            if any(len(row) != len(layout.names) for row in rows):
                faults += self._line_faults(lines, names)
                return None
            content, delimiter = b"\n".join(map(b" ".join, rows)), b" "
        types = {
            name: pyarrow.int64() if name in self.integers else pyarrow.float64() for name in names
        }
        try:
            table = arrow_csv.read_csv(
                io.BytesIO(content),
                arrow_csv.ReadOptions(column_names=layout.names, block_size=2 * _BLOCK_BYTES),
                arrow_csv.ParseOptions(delimiter=delimiter.decode()),
                arrow_csv.ConvertOptions(column_types=types, include_columns=list(types)),
            )
        except pyarrow.ArrowInvalid as error:
            found = self._line_faults(lines, names)
            faults += found or [Fault(self.name, f"must be readable rows, got {error}")]
            return None
        # An empty cell is nothing: NaN, which who reads positions refuses by its line.
        return {name: _plain(table[name]) for name in names}

    def _line_faults(self, lines: _Lines, names: Sequence[str]) -> list[Fault]:
        """What is wrong with which lines; slow, and only called where something is."""
        places = {name: self._layout.names.index(name) for name in names}
        faults: list[Fault] = []
        for line, number in zip(lines.lines, lines.numbers, strict=True):
            where = f"{self.name}, line {number:,}"
            cells = _cells(line, self._layout.delimiter)
            if len(cells) != len(self._layout.names):
                wanted = f"must have {len(self._layout.names)} columns, has {len(cells)}"
                faults.append(Fault(where, wanted))
                continue
            for name, place in places.items():
                text = cells[place].strip()
                whole = name in self.integers
                pattern = _WHOLE if whole else _NUMBER
                if not pattern.fullmatch(text) and (text or whole):
                    noun = "a whole number" if whole else "a number"
                    faults.append(Fault(where, f"{name} must be {noun}, got {_shown(text)}"))
            if len(faults) >= _LINES_NAMED:
                break
        return faults


def _plain(column: Any) -> NDArray[Any]:
    if column.null_count and pyarrow.types.is_integer(column.type):
        column = column.fill_null(0)
    values: NDArray[Any] = column.to_numpy()
    return values


def _shown(text: bytes) -> str:
    return repr(text[:40].decode("utf-8", "replace"))


def _cells(line: bytes, delimiter: bytes) -> list[bytes]:
    if not delimiter:
        return line.split()
    if b'"' in line:
        text = line.decode("utf-8", "replace")
        return [cell.encode() for cell in next(csv.reader([text], delimiter=delimiter.decode()))]
    return line.split(delimiter)


def _lines_of(file: BinaryIO, skipped: int) -> Iterator[_Lines]:
    """The lines of a file that hold something, comments left out, some megabytes at a time."""
    rest, number = b"", 0
    while True:
        block = file.read(_BLOCK_BYTES)
        content = rest + block
        if not content:
            return
        end = content.rfind(b"\n") + 1 if block else len(content)
        if not end and len(content) > _HEAD_BYTES * 16:
            raise fault(str(file.name), "must have lines, has one of more than 16 MB")
        lines = content[:end].splitlines()
        kept = [
            (line, number + place)
            for place, line in enumerate(lines, 1)
            if number + place > skipped and line.strip() and not line.startswith(b"#")
        ]
        number += len(lines)
        rest = content[end:]
        if kept:
            yield _Lines([line for line, _ in kept], [place for _, place in kept])
        if not block:
            return


def _layout_of(path: Path) -> _Layout:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if b"\0" in head:
        raise fault(
            str(path),
            "must be particles as text, CSV, ECSV, FITS, VOTable, Parquet, HDF5, npy, npz or "
            f"Gadget-2 snapshot, begins with {head[:8]!r}",
        )
    if head.startswith(b"# %ECSV"):
        return _ecsv_layout(path, head)
    lines = head.splitlines()
    comments = 0
    while comments < len(lines) and (
        not lines[comments].strip() or lines[comments].startswith(b"#")
    ):
        comments += 1
    if comments == len(lines):
        raise fault(str(path), "must have rows or a line of column names, is empty")
    first = lines[comments].strip()
    if re.fullmatch(rb"\d{1,18}", first):
        return _counted_layout(path, lines, comments)
    return _named_layout(path, lines, comments)


def _kinds(path: Path, layout: _Layout) -> list[str]:
    """What the first row has in each column."""
    with path.open("rb") as file:
        for lines in _lines_of(file, layout.skipped):
            cells = [cell.strip() for cell in _cells(lines.lines[0], layout.delimiter)]
            if len(cells) != len(layout.names):
                break  # It is named when the rows are read.
            return [_kind(cell) for cell in cells]
    return ["number"] * len(layout.names)


def _kind(cell: bytes) -> str:
    if _WHOLE.fullmatch(cell):
        return "integer"
    return "number" if not cell or _NUMBER.fullmatch(cell) else "other"


def _counted_layout(path: Path, lines: list[bytes], comments: int) -> _Layout:
    promised = int(lines[comments])
    row = next((line for line in lines[comments + 1 :] if line.strip()), None)
    width = len(row.split()) if row is not None else len(_COUNTED_NAMES)
    if width not in (7, 8):
        raise fault(
            f"{path}, line {comments + 2}",
            "must have the 7 or 8 columns id x y z vx vy vz (last) after a line with the number "
            f"of rows, has {width}",
        )
    return _Layout(_COUNTED_NAMES[:width], b"", comments + 1, promised)


def _named_layout(path: Path, lines: list[bytes], comments: int) -> _Layout:
    """CSV, or rows separated by blanks; names in the first line or in the last comment."""
    first = lines[comments]
    delimiter = next((mark for mark in (b",", b";", b"\t") if mark in first), b"")
    cells = [cell.strip().strip(b'"') for cell in _cells(first, delimiter)]
    if not all(not cell or _NUMBER.fullmatch(cell) for cell in cells):
        return _Layout(_names(path, cells), delimiter, comments + 1)
    above = lines[comments - 1].lstrip(b"# ") if comments else b""
    titles = [cell.strip().strip(b'"') for cell in _cells(above, delimiter)]
    if len(titles) == len(cells) and not any(_NUMBER.fullmatch(title) for title in titles):
        return _Layout(_names(path, titles), delimiter, comments)
    if len(cells) in (2, 3):
        return _Layout(("x", "y", "z")[: len(cells)], delimiter, comments)
    return _Layout(tuple(f"col{n + 1}" for n in range(len(cells))), delimiter, comments)


def _names(path: Path, cells: list[bytes]) -> tuple[str, ...]:
    names = tuple(cell.decode("utf-8", "replace") for cell in cells)
    if len(set(names)) < len(names):
        raise fault(str(path), f"must have columns of different names, has {', '.join(names)}")
    return names


def _ecsv_layout(path: Path, head: bytes) -> _Layout:
    from astropy.table import Table

    lines = head.splitlines()
    end = next((n for n, line in enumerate(lines) if not line.startswith(b"#")), len(lines) - 1)
    try:
        text = b"\n".join(lines[: end + 1]).decode()
        # The header alone is a table without rows.
        table = Table.read(text, format="ascii.ecsv")
    except Exception as error:
        raise fault(str(path), f"must have a readable ECSV header, got {error}") from error
    delimiter = b"," if b"," in lines[end] else b" "
    units = tuple("" if column.unit is None else str(column.unit) for column in table.itercols())
    return _Layout(tuple(table.colnames), delimiter, end + 1, units=units)
