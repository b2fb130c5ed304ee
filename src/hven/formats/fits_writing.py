"""FITS images assembled from strips, never held as a whole.

A plain image can be read in parts, also from a web server or an object store, because its rows
lie at known places: `fits.open(url, use_fsspec=True)[0].section[y0:y1, x0:x1]` fetches only these
rows. See `compressed_writing` for smaller files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hven.errors import HvenError
from hven.formats.drafts import draft_of
from hven.formats.fits_structure import BLOCK, add32, padded, sum32

#: A strip's first row, and its rows (n, nx).
Strip = tuple[int, NDArray[Any]]

_BITPIX = {"uint8": 8, "int16": 16, "int32": 32, "int64": 64, "float32": -32, "float64": -64}
#: Strips are swapped to big-endian and written in parts of about this many bytes, which the
#: processor's cache holds.
_PART = 256 << 10
#: Keywords that say how the data lie in the file, which only the writer knows.
_STRUCTURE = (
    "SIMPLE XTENSION BITPIX NAXIS NAXIS1 NAXIS2 PCOUNT GCOUNT EXTEND BSCALE BZERO BLANK "  # noqa: SIM905
    "DATASUM CHECKSUM END".split()
)
_ASCII_GAPS = bytes([*range(0x3A, 0x41), *range(0x5B, 0x61)])


def make_header(
    wcs_cards: str,
    values: Mapping[str, Any | tuple[Any, str]] | None = None,
    history: Iterable[str] = (),
) -> fits.Header:
    """Make the header of an output image.

    Parameters
    ----------
    wcs_cards
        The celestial WCS as FITS cards, a newline between.
    values
        Further keywords: value, or value and comment.
    history
        HISTORY lines; long ones are cut into several cards, what is not ASCII becomes "?".
    """
    header = fits.Header.fromstring(wcs_cards, sep="\n")
    for keyword, value in (values or {}).items():
        header[keyword] = value
    for line in history:
        for part in line.encode("ascii", "replace").decode().splitlines() or [""]:
            header.add_history("".join(c if c.isprintable() else "?" for c in part))
    return header


def write_image(
    path: Path,
    header: fits.Header,
    shape: tuple[int, int],
    dtype: str,
    strips: Iterable[Strip],
) -> None:
    """Write a FITS image from its strips, with DATASUM and CHECKSUM.

    Parameters
    ----------
    path
        The file to be; it appears when it is whole.
    header
        WCS, keywords and HISTORY, as `make_header` gives it.
    shape
        (ny, nx) of the image.
    dtype
        "float32", "float64", "uint8", "int16", "int32" or "int64"; strips are converted to it.
    strips
        First row (0 is the first of the file) and rows (n, nx), in any order; together every row
        once. Arrays may be memory-mapped files. One strip is in memory at a time.

    Raises
    ------
    ResourceError
        The disk has no room.
    StoreError
        The file cannot be written.

    Notes
    -----
    The same strips and header give the same bytes: nothing in the file tells the time.
    """
    ny, nx = shape
    kind = np.dtype(dtype).newbyteorder(">")
    cards = _with_structure(header, shape, dtype)
    begin = len(header_bytes(cards, 0))
    size = ny * nx * kind.itemsize
    with draft_of(path, begin + padded(size)) as draft, draft.open("wb", buffering=0) as file:
        os.truncate(file.fileno(), begin + padded(size))
        rows = _Rows(ny, nx)
        datasum = 0
        for first, strip in strips:
            rows.take(first, strip)
            file.seek(begin + first * nx * kind.itemsize)
            datasum = add32(datasum, _write_strip(file, strip, kind, first * nx * kind.itemsize))
        rows.check_complete()
        file.seek(0)
        write_all(file, header_bytes(cards, datasum))


def _with_structure(header: fits.Header, shape: tuple[int, int], dtype: str) -> fits.Header:
    cards = fits.Header()
    cards["SIMPLE"] = (True, "conforms to FITS standard")
    cards["BITPIX"] = (_BITPIX[dtype], "array data type")
    cards["NAXIS"] = (2, "number of array dimensions")
    cards["NAXIS1"], cards["NAXIS2"] = shape[1], shape[0]
    cards.extend(stripped(header))
    return cards


def stripped(header: fits.Header) -> fits.Header:
    """The header without the keywords that the writer sets."""
    result = header.copy()
    for keyword in _STRUCTURE:
        result.remove(keyword, ignore_missing=True, remove_all=True)
    return result


class _Rows:
    """Which rows have come: a hole or an overlap is a bug of the caller."""

    def __init__(self, ny: int, nx: int) -> None:
        self.nx = nx
        self.there = np.zeros(ny, bool)

    def take(self, first: int, strip: NDArray[Any]) -> None:
        if strip.ndim != 2 or strip.shape[1] != self.nx:
            raise HvenError(f"strip: must be (rows, {self.nx}), is {strip.shape}")
        last = first + len(strip)
        if first < 0 or last > self.there.size or self.there[first:last].any():
            raise HvenError(
                f"strip: rows {first} to {last} must lie in 0 to {self.there.size} and come once"
            )
        self.there[first:last] = True

    def check_complete(self) -> None:
        if not self.there.all():
            missing = int(np.argmin(self.there))
            raise HvenError(f"strips: must hold every row once, row {missing} is missing")


def _write_strip(file: BinaryIO, strip: NDArray[Any], kind: np.dtype[Any], place: int) -> int:
    """Write a strip big-endian and give its part of DATASUM, which depends on where it begins."""
    rows = max(_PART // max(strip.shape[1] * kind.itemsize, 1), 1)
    total = 0
    for first in range(0, len(strip), rows):
        part = np.ascontiguousarray(strip[first : first + rows], dtype=kind.newbyteorder("="))
        raw = part.astype(kind).reshape(-1).view(np.uint8)
        write_all(file, raw.data)
        total = add32(total, _words_sum(part, raw, place))
        place += raw.size
    return total


def _words_sum(part: NDArray[Any], raw: NDArray[np.uint8], place: int) -> int:
    """DATASUM of a part of the data, given as it is in memory and as it is in the file."""
    if part.itemsize >= 4:
        # Read as numbers, words in memory are those of the file.
        total = int(np.sum(part.reshape(-1).view(np.uint32), dtype=np.uint64))
        return add32(total & 0xFFFFFFFF, total >> 32)
    # The sum is of words of four bytes; a strip of 1- or 2-byte pixels may begin inside one.
    shift = place % 4
    return sum32([np.concatenate([np.zeros(shift, np.uint8), raw]) if shift else raw])


def write_all(file: BinaryIO, data: bytes | memoryview) -> None:
    """Write to an unbuffered file, which may take only a part at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def header_bytes(header: fits.Header, datasum: int) -> bytes:
    """Give a header as it stands in the file, with DATASUM and the CHECKSUM of the whole unit.

    Its length does not depend on the sum.
    """
    header = header.copy()
    header["DATASUM"] = (f"{datasum:<10d}", "data unit checksum")
    header["CHECKSUM"] = ("0" * 16, "HDU checksum")
    raw: bytes = header.tostring(sep="", endcard=True, padding=True).encode("ascii")
    assert len(raw) % BLOCK == 0
    checksum = encode_checksum(~add32(datasum, sum32([raw])) & 0xFFFFFFFF)
    return raw.replace(b"CHECKSUM= '" + b"0" * 16, b"CHECKSUM= '" + checksum.encode("ascii"))


def encode_checksum(value: int) -> str:
    """The 16 characters whose 32-bit sum is the value, as CHECKSUM wants them.

    FITS standard 4.0, appendix J.1: each byte is spread over four characters from 0 upwards,
    and pairs are shifted against each other until all are letters and digits.
    """
    columns = []
    for byte in value.to_bytes(4, "big"):
        quarter, rest = divmod(byte, 4)
        four = [0x30 + quarter + (rest if i == 0 else 0) for i in range(4)]
        while any(character in _ASCII_GAPS for character in four):
            for i in (0, 2):
                if four[i] in _ASCII_GAPS or four[i + 1] in _ASCII_GAPS:
                    four[i] += 1
                    four[i + 1] -= 1
        columns.append(four)
    text = "".join(chr(columns[j][i]) for i in range(4) for j in range(4))
    return text[-1] + text[:-1]
