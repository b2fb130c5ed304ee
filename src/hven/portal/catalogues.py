"""Results that are tables, as pages show them: read, sorted, counted."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.errors import MissingError
from hven.jobs.contents import result_path
from hven.jobs.models import Result

if TYPE_CHECKING:
    from astropy.table import Table

#: A larger file is not read for a page.
MOST_BYTES = 256 * 2**20
#: Bars of a histogram.
BARS = 40
_READERS = {
    ".ecsv": "ascii.ecsv",
    ".csv": "ascii.csv",
    ".fits": "fits",
    ".fit": "fits",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
    ".parquet": "parquet",
    ".tbl": "ascii.ipac",
}
_RA = ("ra", "ra_deg", "raj2000", "_raj2000", "alpha_j2000", "ra_icrs", "cra", "right_ascension")
_DEC = ("dec", "dec_deg", "dej2000", "_dej2000", "delta_j2000", "de_icrs", "cdec", "declination")


class Rows(NamedTuple):
    """A stretch of a table, ready for a page."""

    columns: list[Column]
    #: A row a list, a cell a text.
    cells: list[list[str]]
    #: Of the whole table.
    total: int


class Column(NamedTuple):
    """A column's head."""

    name: str
    unit: str
    help: str
    is_number: bool


class Histogram(NamedTuple):
    """How the values of a column are spread."""

    counts: list[int]
    low: float
    high: float
    #: Values that are not shown: not finite, or not above zero where each bar is so many times as
    #: far up as the one before it.
    absent: int
    #: Where bars begin, and the last one ends.
    edges: list[float]


def is_table(result: Result) -> bool:
    """Whether a result can be shown as a table, as its name and kind say."""
    suffix = Path(result.file).suffix.lower()
    if suffix in (".fits", ".fit"):
        return result.media_type in ("application/fits", "image/fits", "application/x-fits-table")
    return suffix in _READERS


def table_of(result: Result) -> Table:
    """The table of a result.

    Raises
    ------
    MissingError
        There is none in it, or it is too large for a page.
    """
    path = result_path(result)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise MissingError(f"{result.name}: must be a table, is {result.media_type}")
    try:
        state = path.stat()
    except OSError as error:
        raise MissingError(f"{result.name}: its file is not there any more") from error
    if state.st_size > MOST_BYTES:
        told = f"must be at most {MOST_BYTES >> 20} MiB to be shown, has {state.st_size >> 20}"
        raise MissingError(f"{result.name}: {told}")
    return _read(path, reader, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, reader: str, changed: int, size: int) -> Table:
    del changed, size  # What tells an altered file from the one that was read.
    # Loaded by the first process that shows a table: it takes a second.
    from astropy.table import Table

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _parquet(path) if reader == "parquet" else Table.read(path, format=reader)
    # Readers raise whatever they stumble over.
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise MissingError(f"{path.name}: must be a table that can be read, {reason}") from error


def _parquet(path: Path) -> Table:
    # Loaded when it is needed; astropy would read Parquet by way of pandas.
    import pyarrow.parquet
    from astropy.table import Table

    found = pyarrow.parquet.read_table(path)
    table = Table()
    for field, column in zip(found.schema, found.columns, strict=True):
        table[field.name] = column.to_numpy()
        unit = (field.metadata or {}).get(b"unit", b"").decode()
        table[field.name].unit = unit or None
    return table


def rows(table: Table, order: str, begin: int, count: int) -> Rows:
    """Rows of a table in the order of a column.

    Parameters
    ----------
    table
        All of it.
    order
        The name of a column, with `-` before it for falling values; others are left aside.
    begin, count
        Which of the sorted rows.
    """
    names = [name for name in table.colnames if table[name].ndim == 1]
    wanted = order.removeprefix("-")
    chosen: Any = slice(begin, begin + count)
    if wanted in names:
        chosen = _ranks(table[wanted], falling=order.startswith("-"))[begin : begin + count]
    part = table[names][chosen]
    columns = [_column(table[name]) for name in names]
    texts = [[cell_text(value) for value in part[name]] for name in names]
    return Rows(columns, [list(row) for row in zip(*texts, strict=True)], len(table))


def _ranks(column: Any, *, falling: bool) -> NDArray[np.intp]:
    """Places in the order of values; what is absent comes last either way."""
    values = np.ma.filled(column, np.nan) if column.dtype.kind == "f" else np.asarray(column)
    if values.dtype.kind == "O":
        values = values.astype(str)
    found = np.argsort(values, kind="stable")
    if not falling:
        return found
    if values.dtype.kind == "f":
        end = len(values) - int(np.isnan(values).sum())
        return np.concatenate([found[:end][::-1], found[end:]])
    return found[::-1]


def _column(column: Any) -> Column:
    unit = str(column.unit) if column.unit is not None else ""
    return Column(column.name, unit, column.description or "", column.dtype.kind in "iuf")


def cell_text(value: Any) -> str:
    """A value as a cell shows it."""
    if np.ma.is_masked(value):
        return ""
    if isinstance(value, float | np.floating):
        number = float(value)
        if math.isnan(number):
            return ""
        digits = 7 if isinstance(value, np.float32) else 10
        return f"{number:.{digits}g}"
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def number_columns(table: Table) -> list[str]:
    """Columns that a plot can show."""
    return [name for name in table.colnames if _plottable(table[name])]


def _plottable(column: Any) -> bool:
    return bool(column.ndim == 1 and column.dtype.kind in "iuf")


def values_of(table: Table, name: str) -> NDArray[np.float64]:
    """A column as numbers; NaN where there is none.

    Raises
    ------
    MissingError
        There is no such column of numbers.
    """
    if name not in table.colnames or not _plottable(table[name]):
        known = ", ".join(number_columns(table)) or "none"
        raise MissingError(f"column: must be one of {known}, got '{name[:60]}'")
    return np.ma.filled(np.ma.asarray(table[name]).astype(np.float64), np.nan)


def histogram(values: NDArray[np.float64]) -> Histogram:
    """How values are spread between the lowest and the highest, in bars of one width."""
    finite = values[np.isfinite(values)]
    absent = len(values) - len(finite)
    if not len(finite):
        return Histogram([], 0.0, 1.0, absent, [])
    low, high = float(finite.min()), float(finite.max())
    whole = bool(np.all(finite == np.round(finite))) and high - low < BARS
    bars = int(high - low) + 1 if whole else BARS
    span = (low - 0.5, high + 0.5) if whole else (low, high if high > low else low + 1.0)
    counts, edges = np.histogram(finite, bars, span)
    return Histogram(counts.tolist(), *span, absent, edges.tolist())


def histogram_of_ratios(values: NDArray[np.float64]) -> Histogram:
    """How values above zero are spread, in bars whose ends are in one ratio."""
    shown = values[np.isfinite(values) & (values > 0)]
    absent = len(values) - len(shown)
    if not len(shown):
        return Histogram([], 1.0, 10.0, absent, [])
    low, high = float(shown.min()), float(shown.max())
    edges = np.geomspace(low, high if high > low else 10 * low, BARS + 1)
    edges[0], edges[-1] = low, max(edges[-1], high)
    counts, _ = np.histogram(shown, edges)
    return Histogram(counts.tolist(), low, float(edges[-1]), absent, edges.tolist())


def sky_columns(table: Table) -> tuple[str, str] | None:
    """The columns of right ascension and declination in degrees; None where there are none."""
    ra, dec = _named(table, _RA), _named(table, _DEC)
    if ra is None or dec is None or not (_plottable(table[ra]) and _plottable(table[dec])):
        return None
    return ra, dec


def _named(table: Table, names: Sequence[str]) -> str | None:
    by_name = {name.lower(): name for name in table.colnames}
    return next((by_name[name] for name in names if name in by_name), None)
