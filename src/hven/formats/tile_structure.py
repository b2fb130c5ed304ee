"""The structure of a tile-compressed image, checked before a library decompresses it.

The image is a binary table with a row a tile, whose cells point into a heap; what the pointers
say is compared with what there is, so that no decompressor is sent outside.

References
----------
FITS standard 4.0, section 10.1 (tiled image compression) and 7.3.5 (variable-length arrays).
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.formats.fits_structure import Hdu, Header, OpenedFile

_ALGORITHMS = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS")
_FORM = re.compile(r"\s*(\d*)([LXBIJKAEDCMPQ])(?:([LXBIJKAEDCM])\b|([LXBIJKAEDCM])\()?")
#: Bytes of one element of a column; X counts bits.
_SIZES = {"L": 1, "B": 1, "A": 1, "I": 2, "J": 4, "E": 4, "K": 8, "D": 8, "C": 8, "M": 16}
_CHUNK = 8 << 20


class _Pointers(NamedTuple):
    """A column of pointers into the heap."""

    offset: int
    #: ">i4" or ">i8"; a pointer is two of them: count, place.
    kind: str
    element_size: int


def tile_faults(opened: OpenedFile, hdu: Hdu) -> list[str]:
    """What is impossible in a compressed image; empty where all is well."""
    header = hdu.header
    faults = []
    algorithm = header.string("ZCMPTYPE")
    if algorithm not in _ALGORITHMS:
        faults.append(f"ZCMPTYPE must be one of {', '.join(_ALGORITHMS)}, is {algorithm!r}")
    tiles = _tile_count(hdu, faults)
    row_size, rows = (header.integer(f"NAXIS{i}", 0) or 0 for i in (1, 2))
    if not faults and rows != tiles:
        faults.append(f"NAXIS2 must be {tiles}, the number of tiles, is {rows}")
    pointers = _pointer_columns(header, row_size, faults)
    return faults or _heap_faults(opened, hdu, row_size, rows, pointers)


def _tile_count(hdu: Hdu, faults: list[str]) -> int:
    count = 1
    for axis, length in enumerate(hdu.axes, 1):
        size = hdu.header.integer(f"ZTILE{axis}", length if axis == 1 else 1)
        if size is None or size < 1:
            shown = hdu.header.get(f"ZTILE{axis}")
            faults.append(f"ZTILE{axis} must be a whole number from 1, is {shown!r}")
        else:
            count *= math.ceil(length / size)
    return count


def _pointer_columns(header: Header, row_size: int, faults: list[str]) -> list[_Pointers]:
    columns = []
    offset = 0
    for column in range(1, min(header.integer("TFIELDS", 0) or 0, 999) + 1):
        form = header.string(f"TFORM{column}")
        match = _FORM.match(form)
        if match is None:
            faults.append(f"TFORM{column} must be a column's type, is {form!r}")
            return []
        repeat = int(match[1] or 1)
        if match[2] in "PQ":
            kind = ">i4" if match[2] == "P" else ">i8"
            element = _SIZES.get(match[3] or match[4] or "B", 1)
            columns.append(_Pointers(offset, kind, element))
            offset += repeat * (8 if match[2] == "P" else 16)
        else:
            size = _SIZES.get(match[2], 1)
            offset += -(-repeat // 8) if match[2] == "X" else repeat * size
    if offset != row_size:
        faults.append(f"NAXIS1 must be {offset}, the size of its columns, is {row_size}")
    return columns


def _heap_faults(
    opened: OpenedFile, hdu: Hdu, row_size: int, rows: int, pointers: list[_Pointers]
) -> list[str]:
    begin = hdu.header.integer("THEAP", row_size * rows) or row_size * rows
    heap = hdu.size - begin
    if begin < row_size * rows or heap < 0:
        return [f"THEAP must be {row_size * rows} to {hdu.size}, is {begin}"]
    opened.file.seek(hdu.start)
    step = max(_CHUNK // max(row_size, 1), 1)
    for first in range(0, rows, step):
        count = min(step, rows - first)
        table = np.frombuffer(opened.file.read(count * row_size), np.uint8)
        if table.size < count * row_size:
            return [f"data must be {hdu.size:,} bytes, the file is truncated"]
        for column in pointers:
            outside = _outside(table.reshape(count, row_size), column, heap)
            if outside.size:
                tile = first + int(outside[0]) + 1
                return [f"tile {tile} must lie in the heap of {heap:,} bytes, does not"]
    return []


def _outside(table: NDArray[np.uint8], column: _Pointers, heap: int) -> NDArray[np.int64]:
    """The rows whose pointer leaves the heap."""
    width = 2 * np.dtype(column.kind).itemsize
    cells = np.ascontiguousarray(table[:, column.offset : column.offset + width])
    pairs = cells.view(column.kind).astype(np.float64)
    count, place = pairs[:, 0], pairs[:, 1]
    bad = (count < 0) | (place < 0) | (place + count * column.element_size > heap)
    return np.flatnonzero(bad)
