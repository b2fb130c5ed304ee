"""A look into HDF5, Parquet, NumPy arrays and VOTables: shapes, and the first rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hven.errors import Fault, InputError

_MOST_NAMES, _MOST_ROWS = 40, 12
_MOST_VOTABLE = 2**26


def look_into_arrays(path: Path, head: bytes) -> dict[str, Any]:
    """One of the formats that are known by their first bytes."""
    if head.startswith(b"\x89HDF"):
        return _hdf5(path)
    if head.startswith(b"PAR1"):
        return _parquet(path)
    return _numpy(path)


def look_into_votable(path: Path) -> dict[str, Any]:
    """The head of the first table."""
    if path.stat().st_size > _MOST_VOTABLE:
        return {"kind": "VOTable", "facts": [["Rows", "too many for a look"]]}
    from astropy.io.votable import parse_single_table

    table = parse_single_table(path, verify="ignore").to_table()
    rows = [[str(cell) for cell in row] for row in table[:_MOST_ROWS]]
    facts = [["Rows", f"{len(table):,}"]]
    return {"kind": "VOTable", "facts": facts, "columns": list(table.colnames), "rows": rows}


def _hdf5(path: Path) -> dict[str, Any]:
    import h5py

    rows: list[list[str]] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and len(rows) < _MOST_NAMES:
            rows.append([name, " × ".join(map(str, item.shape)), str(item.dtype)])

    with h5py.File(path, "r") as file:
        file.visititems(note)
    return {"kind": "HDF5", "columns": ["Dataset", "Shape", "Type"], "rows": rows}


def _parquet(path: Path) -> dict[str, Any]:
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    batch = next(file.iter_batches(_MOST_ROWS), None)
    names = file.schema_arrow.names
    rows = (
        [] if batch is None else [[str(row[name]) for name in names] for row in batch.to_pylist()]
    )
    facts = [["Rows", f"{file.metadata.num_rows:,}"]]
    return {"kind": "Parquet", "facts": facts, "columns": names, "rows": rows}


def _numpy(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, _, kind = read(file)
    if kind.hasobject:
        raise InputError([Fault(path.name, "must be numbers, holds Python objects")])
    return {"kind": "NumPy", "facts": [["Array", f"{' × '.join(map(str, shape))}, {kind}"]]}
