"""Particles in FITS tables, VOTables and Parquet files."""

from __future__ import annotations

import mmap
import re
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from numpy.typing import NDArray
from pyarrow import parquet

from hven.formats.fits_structure import open_fits, walk
from hven.formats.particles.kept_units import units_in_yaml
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

#: A VOTable is read whole, by a library that is slow: none of more bytes than this.
_LARGEST_VOTABLE = 2 << 30
_FOREIGN = re.compile(rb"<STREAM[^>]*\s(href|encoding\s*=\s*[\"'](?!base64))", re.IGNORECASE)
_ENTITIES = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


class FitsTable(ParticleTable):
    """The first table of a FITS file."""

    format = "FITS table"

    def __init__(self, path: Path, stack: ExitStack) -> None:
        from astropy.io import fits

        index = _first_table(path)
        hdus = stack.enter_context(fits.open(path, memmap=True))
        self._hdu = hdus[index]
        columns = {column.name: _fits_column(column) for column in self._hdu.columns}
        super().__init__(str(path), columns, int(self._hdu.header["NAXIS2"]))

    def blocks(self, names: Sequence[str]) -> Blocks:
        """See ParticleTable."""
        for start in range(0, self.rows or 0, BLOCK_ROWS):
            # A slice first: astropy scales whole columns otherwise.
            part = self._hdu.data[start : start + BLOCK_ROWS]
            yield {name: native(np.asarray(part[name])) for name in names}


def _first_table(path: Path) -> int:
    """The index of the first table; every size is checked before a library reads any."""
    with open_fits(path) as opened:
        for hdu in walk(opened):
            if hdu.header.string("XTENSION") in ("BINTABLE", "TABLE") and hdu.kind == "other":
                return hdu.index
    raise fault(str(path), "must hold a table, holds none")


def _fits_column(column: Any) -> Column:
    unit = column.unit or ""
    match = re.fullmatch(r"(\d*)([BIJKED])", column.format.strip().split("(")[0])
    if match is not None:  # of a binary table
        width = int(match[1] or 1)
        kind = "number" if match[2] in "ED" or column.bscale or column.bzero else "integer"
        return Column(kind if width else "other", width, unit)
    if re.fullmatch(r"[IFED]\d+(\.\d+)?", column.format.strip()):  # of a table of text
        return Column("integer" if column.format.strip()[0] == "I" else "number", 1, unit)
    return Column("other")


class VoTable(ParticleTable):
    """The first table of a VOTable, in any serialisation that lies in the file itself."""

    format = "VOTable"

    def __init__(self, path: Path) -> None:
        from astropy.io.votable import parse_single_table

        _check_votable(path)
        try:
            with warnings.catch_warnings():
                # Units that the standard does not know are taken as they are written.
                warnings.simplefilter("ignore")
                found = parse_single_table(path, verify="ignore").to_table(use_names_over_ids=True)
        except Exception as error:
            raise fault(str(path), f"must be a readable VOTable, got {error}") from error
        self._table = found
        columns = {
            column.name: column_of(
                column.dtype,
                column.shape[1] if column.ndim == 2 else 1,
                "" if column.unit is None else str(column.unit),
            )
            for column in found.itercols()
        }
        super().__init__(str(path), columns, len(found))

    def blocks(self, names: Sequence[str]) -> Blocks:
        """See ParticleTable."""
        for start in range(0, len(self._table), BLOCK_ROWS):
            part = self._table[start : start + BLOCK_ROWS]
            yield {name: _unmasked(part[name]) for name in names}


def _check_votable(path: Path) -> None:
    """Refuse what would make a parser read other files, or unpack or expand without end."""
    size = path.stat().st_size
    if size > _LARGEST_VOTABLE:
        limit = f"must be at most {_LARGEST_VOTABLE:,} bytes as a VOTable, is {size:,}"
        raise fault(str(path), f"{limit}; FITS, Parquet and HDF5 may be larger")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if _ENTITIES.search(content):
            raise fault(str(path), "must not declare entities or a document type, does")
        if _FOREIGN.search(content):
            raise fault(str(path), "must hold its data itself, in base64 or as cells, does not")


def _unmasked(column: Any) -> NDArray[Any]:
    if getattr(column, "mask", None) is None or not np.any(column.mask):
        return np.asarray(column)
    values = np.asarray(column.data, dtype=np.float64).copy()
    values[np.asarray(column.mask)] = np.nan
    return values


class ParquetTable(ParticleTable):
    """A Parquet file; units as astropy or VOParquet keeps them."""

    format = "Parquet"

    def __init__(self, path: Path, stack: ExitStack) -> None:
        try:
            self._file = stack.enter_context(parquet.ParquetFile(path))
        except (pyarrow.ArrowException, OSError) as error:
            raise fault(str(path), f"must be a readable Parquet file, got {error}") from error
        schema = self._file.schema_arrow
        units = _parquet_units(schema.metadata or {})
        columns = {
            field.name: _parquet_column(field, units.get(field.name, "")) for field in schema
        }
        rows = self._file.metadata.num_rows
        check_promise(str(path), 8 * rows, path.stat().st_size)
        super().__init__(str(path), columns, rows)

    def blocks(self, names: Sequence[str]) -> Blocks:
        """See ParticleTable."""
        if not self.rows:
            return
        try:
            for batch in self._file.iter_batches(BLOCK_ROWS, columns=list(dict.fromkeys(names))):
                yield {name: self._values(batch.column(name), name) for name in names}
        except (pyarrow.ArrowException, OSError) as error:
            raise fault(self.name, f"must be readable to its end, got {error}") from error

    def _values(self, array: Any, name: str) -> NDArray[Any]:
        width = self.columns[name].width
        if width == 1:
            values: NDArray[Any] = array.to_numpy(zero_copy_only=False)
            return values
        if array.null_count:
            text = f"{name} must have a value in each row, {array.null_count:,} lack it"
            raise fault(self.name, text)
        flat: NDArray[Any] = array.flatten().to_numpy(zero_copy_only=False)
        return flat.reshape(-1, width)


def _parquet_column(field: Any, unit: str) -> Column:
    kind, width = field.type, 1
    if pyarrow.types.is_fixed_size_list(kind):
        kind, width = kind.value_type, kind.list_size
    if pyarrow.types.is_floating(kind):
        return Column("number", width, unit)
    return Column("integer" if pyarrow.types.is_integer(kind) else "other", width, unit)


def _parquet_units(metadata: dict[bytes, bytes]) -> dict[str, str]:
    if b"table_meta_yaml" in metadata:
        text = metadata[b"table_meta_yaml"].decode("utf-8", "replace")
        return units_in_yaml(text.splitlines())
    return _votable_units(metadata.get(b"IVOA.VOTable-Parquet.content", b""))


def _votable_units(content: bytes) -> dict[str, str]:
    found = {}
    for field in re.findall(rb"<FIELD\b[^>]*>", content):
        parts = dict(re.findall(rb"(\w+)\s*=\s*[\"']([^\"']*)[\"']", field))
        if b"name" in parts and b"unit" in parts:
            found[parts[b"name"].decode()] = parts[b"unit"].decode()
    return found
