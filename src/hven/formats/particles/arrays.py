"""Particles in NumPy's files: an array (n, 3) or (n, 2), a record array, or named arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from hven.formats.particles.table import (
    BLOCK_ROWS,
    Blocks,
    ParticleTable,
    check_promise,
    column_of,
    fault,
)

#: The column that an array without names is.
POSITIONS = "positions"


class _Header(NamedTuple):
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


class NpyTable(ParticleTable):
    """One array, mapped from the disk."""

    format = "npy"

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            header = _read_header(file, str(path))
            there = path.stat().st_size - file.tell()
        wanted = header.dtype.itemsize * int(np.prod(header.shape, dtype=object))
        if there < wanted:
            raise fault(
                str(path),
                f"must hold {wanted:,} bytes of data as its header says, the file is truncated: "
                f"{there:,} are there",
            )
        self._array = np.load(path, mmap_mode="r", allow_pickle=False)
        names = header.dtype.names
        if names is None:
            columns = {POSITIONS: column_of(header.dtype, _width(header, str(path)))}
        else:
            columns = {
                name: column_of(
                    header.dtype[name].base, int(np.prod(header.dtype[name].shape, dtype=int))
                )
                for name in names
            }
        super().__init__(str(path), columns, header.shape[0] if header.shape else 0)

    def blocks(self, names: Sequence[str]) -> Blocks:
        """See ParticleTable."""
        for start in range(0, self.rows or 0, BLOCK_ROWS):
            part = self._array[start : start + BLOCK_ROWS]
            whole = self._array.dtype.names is None
            yield {name: np.asarray(part if whole else part[name]) for name in names}


class NpzTable(ParticleTable):
    """Named arrays of one length in a zip archive, compressed or not."""

    format = "npz"

    def __init__(self, path: Path, stack: ExitStack) -> None:
        try:
            self._archive = stack.enter_context(zipfile.ZipFile(path))
            members = [item for item in self._archive.infolist() if item.filename.endswith(".npy")]
            check_promise(str(path), sum(m.file_size for m in members), path.stat().st_size)
            self._headers = {m.filename[:-4]: self._header_of(m, str(path)) for m in members}
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise fault(str(path), f"must be a readable npz file, got {error}") from error
        lengths = {name: h.shape[0] for name, h in self._headers.items() if h.shape}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
            raise fault(str(path), f"must hold arrays of one length, holds {listed}")
        columns = {
            name: column_of(header.dtype, _width(header, f"{path}, {name}"))
            for name, header in self._headers.items()
            if header.shape
        }
        super().__init__(str(path), columns, next(iter(lengths.values()), 0))

    def blocks(self, names: Sequence[str]) -> Blocks:
        """See ParticleTable."""
        with ExitStack() as stack:
            files = {}
            for name in names:
                files[name] = stack.enter_context(self._archive.open(f"{name}.npy"))
                npy_header = _read_header(files[name], self.name)
                if npy_header.fortran and len(npy_header.shape) > 1:
                    raise fault(self.name, f"{name} must be kept row by row, is column by column")
            for start in range(0, self.rows or 0, BLOCK_ROWS):
                count = min(BLOCK_ROWS, (self.rows or 0) - start)
                yield {name: self._next(file, name, count) for name, file in files.items()}

    def _next(self, file: Any, name: str, count: int) -> NDArray[Any]:
        header = self._headers[name]
        width = self.columns[name].width
        wanted = count * width * header.dtype.itemsize
        try:
            content = file.read(wanted)
        except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
            raise fault(self.name, f"{name} must be readable, got {error}") from error
        if len(content) < wanted:
            raise fault(self.name, f"{name} must have {self.rows:,} rows, the file is truncated")
        values = np.frombuffer(content, header.dtype)
        return values.reshape(-1, width) if len(header.shape) > 1 else values

    def _header_of(self, member: zipfile.ZipInfo, name: str) -> _Header:
        with self._archive.open(member) as file:
            header = _read_header(file, f"{name}, {member.filename[:-4]}")
        wanted = header.dtype.itemsize * int(np.prod(header.shape, dtype=object))
        if wanted > member.file_size:
            raise fault(
                f"{name}, {member.filename[:-4]}",
                f"must hold {wanted:,} bytes as its header says, holds {member.file_size:,}",
            )
        return header


def _read_header(file: BinaryIO | Any, name: str) -> _Header:
    try:
        version = npy.read_magic(file)
        reading = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        header = _Header(*reading(file))
    except (ValueError, EOFError) as error:
        raise fault(name, f"must be an array of NumPy, got {error}") from error
    if header.dtype.hasobject:
        raise fault(name, "must hold numbers, holds Python objects, which are never read")
    return header


def _width(header: _Header, name: str) -> int:
    if len(header.shape) == 1:
        return 1
    if len(header.shape) != 2:
        raise fault(name, f"must be an array (n, 3) or (n, 2), is {header.shape}")
    return header.shape[1]
