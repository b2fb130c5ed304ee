"""IPAC ASCII tables, the tables of Montage, and their way into FITS and ECSV.

A row of bars names the columns and marks their places, then come types, units and what stands for
nothing; a value lies below its column, so file names may hold blanks. No astropy table is built
until one is asked for: reading 1,300 images takes some 10 ms.

Format: IPAC table definition, https://irsa.ipac.caltech.edu/applications/DDGEN/Doc/ipac_tbl.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from hven.errors import Fault, InputError

if TYPE_CHECKING:
    from astropy.table import Table

#: What a column holds; None in a cell is nothing.
Cell = int | float | str | None
Kind = Literal["int", "double", "char"]

_KINDS: dict[str, Kind] = {
    "i": "int", "int": "int", "integer": "int", "l": "int", "long": "int",
    "d": "double", "double": "double", "r": "double", "real": "double", "f": "double",
    "float": "double", "c": "char", "char": "char", "date": "char",
}  # fmt: skip
_DTYPES: dict[Kind, str] = {"int": "int64", "double": "float64", "char": "str"}
_NOTHING = ("", "null")
#: So many faulty cells are named before the rest is left out.
_FAULTS_NAMED = 10


class Column(NamedTuple):
    """How one column is written."""

    name: str
    kind: Kind
    #: printf format of a value; for text the least width, as in %8s or %-8s.
    form: str
    unit: str = ""


@dataclass(frozen=True)
class IpacTable:
    """A table as it was read."""

    #: Cells by column name, in the file's order; all columns are equally long.
    columns: dict[str, list[Cell]]
    kinds: dict[str, Kind]
    units: dict[str, str] = field(default_factory=dict)
    #: What stands in `\\key = value` lines.
    keywords: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def rows(self) -> list[dict[str, Cell]]:
        """The rows as dictionaries by column name."""
        names = list(self.columns)
        return [
            dict(zip(names, row, strict=True)) for row in zip(*self.columns.values(), strict=True)
        ]

    def to_astropy(self) -> Table:
        """The same as an astropy table, which writes ECSV, FITS, VOTable and others."""
        columns = [
            Column(name, kind, "", self.units.get(name, "")) for name, kind in self.kinds.items()
        ]
        return astropy_table(columns, list(zip(*self.columns.values(), strict=True)), self.keywords)


def read_ipac(path: str | Path) -> IpacTable:
    """Read an IPAC table.

    Raises
    ------
    InputError
        The file cannot be read or is no such table; faulty cells are named by line and column.

    Notes
    -----
    The last column extends to the end of the line, so a file name longer than its header is whole.
    """
    path = Path(path)
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise InputError([Fault(path.name, f"must be readable, got: {error}")]) from error
    return _table(lines, path.name)


def _table(lines: list[str], name: str) -> IpacTable:
    header = [line for line in lines if line.startswith("|")]
    bars = [place for place, letter in enumerate(header[0] if header else "") if letter == "|"]
    if len(bars) < 2:
        raise InputError([Fault(name, "must have a line of column names between |, got none")])
    names, kinds, units, nothing = (_between_bars(header, row, bars) for row in range(4))
    data = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and line[0] not in "|\\"]
    numbers = [n for n, _ in data]
    table = IpacTable({}, {}, dict(zip(names, units, strict=True)), _keywords(lines))
    faults: list[Fault] = []
    for index, column in enumerate(names):
        end = bars[index + 1] if index + 2 < len(bars) else None
        texts = [line[bars[index] + 1 : end].strip() for _, line in data]
        empty = (*_NOTHING, nothing[index])
        kind = _KINDS.get(kinds[index].lower(), "char") if kinds[index] else _guess(texts, empty)
        table.kinds[column] = kind
        table.columns[column] = _cells(texts, kind, empty, numbers, f"{name}: {column}", faults)
    if faults:
        raise InputError(faults[:_FAULTS_NAMED])
    return table


def _guess(texts: list[str], empty: tuple[str, ...]) -> Kind:
    """What a column without a type holds: Montage leaves types out of fits.tbl."""
    given = [text for text in texts if text not in empty]
    kinds: dict[Kind, type] = {"int": int, "double": float}
    for kind, convert in kinds.items():
        try:
            for text in given:
                convert(text)
        except ValueError:
            continue
        return kind
    return "char"


def _between_bars(header: Sequence[str], row: int, bars: Sequence[int]) -> list[str]:
    if row >= len(header):
        return [""] * (len(bars) - 1)
    return [header[row][a + 1 : b].strip() for a, b in pairwise(bars)]


def _cells(
    texts: list[str],
    kind: Kind,
    empty: tuple[str, ...],
    lines: list[int],
    name: str,
    faults: list[Fault],
) -> list[Cell]:
    if kind == "char":
        return [None if text in empty else text for text in texts]
    convert = int if kind == "int" else float
    cells: list[Cell] = []
    for text, line in zip(texts, lines, strict=True):
        try:
            cells.append(None if text in empty else convert(text))
        except ValueError:
            cells.append(None)
            wanted = "a whole number" if kind == "int" else "a number"
            faults.append(Fault(f"{name}, line {line}", f"must be {wanted}, got {text!r}"))
    return cells


def _keywords(lines: Iterable[str]) -> dict[str, str]:
    """`\\key = value` lines; `\\ text` is a comment."""
    found = {}
    for line in lines:
        if line.startswith("\\") and not line.startswith("\\ ") and "=" in line:
            key, _, value = line[1:].partition("=")
            found[key.strip()] = value.strip().strip("'\"")
    return found


def ipac_text(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    keywords: dict[str, str] | None = None,
) -> str:
    """The text of an IPAC table; NaN and None leave the cell empty."""
    texts = [
        [_text(column, cell) for column, cell in zip(columns, row, strict=True)] for row in rows
    ]
    widths = [
        max([len(column.name), len(column.kind), _least_width(column), *lengths])
        for column, lengths in zip(columns, _lengths(texts, len(columns)), strict=True)
    ]
    lines = [f"\\{key} = {value}" for key, value in (keywords or {}).items()]
    lines.append(_bar_line([column.name for column in columns], widths))
    lines.append(_bar_line([column.kind for column in columns], widths))
    if any(column.unit for column in columns):
        lines.append(_bar_line([column.unit for column in columns], widths))
    left = [column.form.startswith("%-") for column in columns]
    for row in texts:
        padded = [
            text.ljust(width) if is_left else text.rjust(width)
            for text, width, is_left in zip(row, widths, left, strict=True)
        ]
        lines.append(" " + " ".join(padded) + " ")
    return "\n".join(lines) + "\n"


def _lengths(texts: list[list[str]], count: int) -> list[list[int]]:
    return [[len(row[index]) for row in texts] for index in range(count)]


def _least_width(column: Column) -> int:
    return len(column.form % 0) if column.kind != "char" else len(column.form % "")


def _text(column: Column, cell: Cell) -> str:
    if cell is None or cell != cell:
        return ""
    return (column.form % cell).strip()


def _bar_line(words: Sequence[str], widths: Sequence[int]) -> str:
    return (
        "|" + "|".join(f"{word:^{width}}" for word, width in zip(words, widths, strict=True)) + "|"
    )


def write_ipac(
    path: str | Path,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    keywords: dict[str, str] | None = None,
) -> None:
    """Write an IPAC table."""
    Path(path).write_text(ipac_text(columns, rows, keywords), "utf-8")


def astropy_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    keywords: dict[str, str] | None = None,
) -> Table:
    """An astropy table of the same columns; empty cells are masked (NaN for numbers)."""
    # Imported here because astropy.table costs 0.3 s.
    from astropy.table import MaskedColumn, Table

    table = Table(meta=dict(keywords or {}))
    fillers: dict[Kind, Cell] = {"int": 0, "double": float("nan"), "char": ""}
    for index, column in enumerate(columns):
        cells = [row[index] for row in rows]
        mask = [cell is None and column.kind != "double" for cell in cells]
        full = [fillers[column.kind] if cell is None else cell for cell in cells]
        made = MaskedColumn(full, mask=mask, dtype=_DTYPES[column.kind], unit=column.unit or None)
        table[column.name] = made if any(mask) else made.filled()
    return table
