"""Tables of results as FITS, VOTable, Parquet or HDF5, with units, written part by part.

The same rows give the same bytes: no file holds a date.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.errors import Fault, HvenError, ParameterError
from hven.formats.drafts import draft_of
from hven.formats.fits_structure import add32, padded, sum32
from hven.formats.fits_writing import header_bytes, write_all

TableFormat = Literal["fits", "votable", "parquet", "hdf5"]

#: The ending of each format's files.
SUFFIXES: dict[TableFormat, str] = {
    "fits": ".fits", "votable": ".xml", "parquet": ".parquet", "hdf5": ".hdf5"
}  # fmt: skip
#: Each format's media type.
MEDIA_TYPES: dict[TableFormat, str] = {
    "fits": "application/fits",
    "votable": "application/x-votable+xml",
    "parquet": "application/vnd.apache.parquet",
    "hdf5": "application/x-hdf5",
}
#: VOTable is written whole, in memory.
_LARGEST_VOTABLE_ROWS = 5_000_000


class TableColumn(NamedTuple):
    """How a column is written."""

    name: str
    #: NumPy's name of its type: i4, i8, f4 or f8.
    dtype: str
    unit: str = ""
    help: str = ""
    #: The IVOA's word for what it is.
    ucd: str = ""


class Description(NamedTuple):
    """What a table's header says beside its columns."""

    #: The name of the table.
    name: str
    #: Value and comment by FITS keyword, 8 letters at most.
    facts: Mapping[str, tuple[str | int | float, str]]
    #: How it was made, a line each.
    history: Sequence[str] = ()


#: Some rows: the values of each column by name.
Part = Mapping[str, NDArray[Any]]


def write_catalogue(
    path: Path,
    form: TableFormat,
    columns: Sequence[TableColumn],
    rows: int,
    parts: Iterable[Part],
    description: Description,
) -> None:
    """Write a table.

    Parameters
    ----------
    path
        The file to be; it appears when it is whole.
    form
        Its format.
    columns
        In order.
    rows
        How many there are in all.
    parts
        The rows, in order, some at a time.
    description
        What goes into its header.

    Raises
    ------
    ParameterError
        A VOTable of so many rows is asked for that it would not fit into memory.
    """
    writers: dict[TableFormat, Callable[..., None]] = {
        "fits": _write_fits,
        "votable": _write_votable,
        "parquet": _write_parquet,
        "hdf5": _write_hdf5,
    }
    if form == "votable" and rows > _LARGEST_VOTABLE_ROWS:
        text = f"must be fits, parquet or hdf5 for more than {_LARGEST_VOTABLE_ROWS:,} rows, got "
        raise ParameterError([Fault("table_format", f"{text}votable for {rows:,}")])
    size = rows * sum(np.dtype(column.dtype).itemsize for column in columns)
    with draft_of(path, size) as draft:
        writers[form](draft, columns, rows, parts, description)


def _write_fits(
    path: Path,
    columns: Sequence[TableColumn],
    rows: int,
    parts: Iterable[Part],
    description: Description,
) -> None:
    from astropy.io import fits

    primary = fits.Header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", True)])
    header = _fits_header(columns, rows, description)
    records = np.dtype([(column.name, f">{column.dtype}") for column in columns])
    start = len(header_bytes(primary, 0))
    datasum, written = 0, 0
    with path.open("wb", buffering=0) as file:
        file.seek(start + len(header_bytes(header, 0)))
        for part in parts:
            block = np.empty(len(part[columns[0].name]), records)
            for column in columns:
                block[column.name] = part[column.name]
            raw = block.view(np.uint8)
            write_all(file, raw.data)
            # Sums are of words of four bytes, which every type here fills.
            datasum = add32(datasum, sum32([raw]))
            written += len(block)
        _check_rows(written, rows)
        size = written * records.itemsize
        write_all(file, bytes(padded(size) - size))
        file.seek(0)
        write_all(file, header_bytes(primary, 0) + header_bytes(header, datasum))


def _fits_header(columns: Sequence[TableColumn], rows: int, description: Description) -> Any:
    from astropy.io import fits

    codes = {"i4": "J", "i8": "K", "f4": "E", "f8": "D"}
    made = [
        fits.Column(column.name, codes[column.dtype], _unit_in_fits(column.unit))
        for column in columns
    ]
    header = fits.BinTableHDU.from_columns(made, nrows=0).header
    header["NAXIS2"] = rows
    header["EXTNAME"] = description.name.upper()
    for number, column in enumerate(columns, 1):
        header.comments[f"TTYPE{number}"] = column.help[:47]
        if column.ucd:
            header[f"TUCD{number}"] = column.ucd
    for keyword, (value, comment) in description.facts.items():
        header[keyword] = (value, comment)
    for line in description.history:
        header["HISTORY"] = line
    return header


def _unit_in_fits(text: str) -> str | None:
    """The unit as FITS spells it, or as it is where FITS has none such."""
    from astropy import units

    try:
        return units.Unit(text).to_string("fits") if text else None
    except ValueError:
        return text


def _write_votable(
    path: Path,
    columns: Sequence[TableColumn],
    rows: int,
    parts: Iterable[Part],
    description: Description,
) -> None:
    from astropy.table import vstack

    tables = [_astropy_table(columns, part) for part in parts]
    empty = _astropy_table(columns, {c.name: np.empty(0, c.dtype) for c in columns})
    whole = vstack(tables, metadata_conflicts="silent") if tables else empty
    _check_rows(len(whole), rows)
    path.write_bytes(_votable_text(whole, columns, description, "binary2"))


def _astropy_table(columns: Sequence[TableColumn], part: Part) -> Any:
    from astropy.table import Table
    from astropy.units import Unit

    table = Table()
    for column in columns:
        table[column.name] = np.asarray(part[column.name], column.dtype)
        # What astropy does not know stays as it is written.
        table[column.name].unit = Unit(column.unit, parse_strict="silent") if column.unit else None
        table[column.name].description = column.help or None
    return table


def _votable_text(
    table: Any, columns: Sequence[TableColumn], description: Description, serialisation: str
) -> bytes:
    with warnings.catch_warnings():
        # A unit that the standard does not know stays as it is written.
        warnings.simplefilter("ignore")
        return _votable_document(table, columns, description, serialisation)


def _votable_document(
    table: Any, columns: Sequence[TableColumn], description: Description, serialisation: str
) -> bytes:
    from astropy.io.votable import from_table
    from astropy.io.votable.tree import Info, Param

    document = from_table(table)
    element = document.get_first_table()
    element.name = description.name
    element.description = "\n".join(description.history) or None
    for field, column in zip(element.fields, columns, strict=True):
        field.ucd = column.ucd or None
    kinds = {int: "long", float: "double", str: "char"}
    for keyword, (value, comment) in description.facts.items():
        size = {"arraysize": "*"} if isinstance(value, str) else {}
        param = Param(document, name=keyword, value=value, datatype=kinds[type(value)], **size)
        param.description = comment
        element.params.append(param)
    document.get_first_table().infos.append(Info(name="software", value="Hven"))
    made = io.BytesIO()
    document.to_xml(made, tabledata_format=serialisation)
    return made.getvalue()


def _write_parquet(
    path: Path,
    columns: Sequence[TableColumn],
    rows: int,
    parts: Iterable[Part],
    description: Description,
) -> None:
    """Parquet with a VOTable without rows in its metadata, as VOParquet has it.

    References: IVOA Note VOParquet 1.0.
    """
    import pyarrow
    from pyarrow import parquet

    names = [column.name for column in columns]
    empty = _astropy_table(columns, {c.name: np.empty(0, c.dtype) for c in columns})
    header = _votable_text(empty, columns, description, "tabledata")
    fields = [
        pyarrow.field(c.name, pyarrow.from_numpy_dtype(np.dtype(c.dtype)), nullable=False)
        for c in columns
    ]
    metadata = {
        b"IVOA.VOTable-Parquet.version": b"1.0",
        b"IVOA.VOTable-Parquet.content": header,
    }
    schema = pyarrow.schema(fields, metadata)
    written = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for part in parts:
            arrays = [np.asarray(part[column.name], column.dtype) for column in columns]
            table = pyarrow.table(dict(zip(names, arrays, strict=True)), schema=schema)
            writer.write_table(table)
            written += len(table)
    _check_rows(written, rows)


def _write_hdf5(
    path: Path,
    columns: Sequence[TableColumn],
    rows: int,
    parts: Iterable[Part],
    description: Description,
) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for keyword, (value, comment) in description.facts.items():
            file.attrs[keyword] = value
            file.attrs[f"{keyword} is"] = comment
        file.attrs["name"] = description.name
        file.attrs["history"] = "\n".join(description.history)
        datasets = {}
        for column in columns:
            datasets[column.name] = file.create_dataset(column.name, (rows,), column.dtype)
            datasets[column.name].attrs["unit"] = column.unit
            datasets[column.name].attrs["description"] = column.help
        written = 0
        for part in parts:
            count = len(part[columns[0].name])
            for column in columns:
                datasets[column.name][written : written + count] = part[column.name]
            written += count
    _check_rows(written, rows)


def _check_rows(written: int, rows: int) -> None:
    if written != rows:
        raise HvenError(f"rows: must be {rows:,} in all, were {written:,}")
