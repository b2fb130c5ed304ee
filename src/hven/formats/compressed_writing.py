"""Tile-compressed FITS images assembled from strips, never held as a whole.

astropy compresses each strip; its tiles are then copied into one table, whose pointers are moved.
A tile is the least that is read: `fits.open(url, use_fsspec=True)[1].section[y0:y1, x0:x1]`
fetches and unpacks the tiles it touches.

References
----------
Pence et al. 2010, PASP 122, 1065, doi:10.1086/656249 (quantised floats, dithering).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hven.errors import HvenError
from hven.formats.drafts import draft_of
from hven.formats.fits_structure import padded, sum32
from hven.formats.fits_writing import Strip, header_bytes, stripped, write_all

#: gzip: lossless, about 0.85 of the size for noisy floats. rice: integers lossless; floats are
#: rounded to 1/16 of each tile's noise with subtractive dithering, about a quarter of the size.
Compression = Literal["gzip", "rice"]

_QUANTIZE_LEVEL = 16.0
#: Tiles are counted into a table of 10,000 random numbers.
_DITHER_PERIOD = 10_000
_ZBLANK = -(2**31)
_CHUNK = 1 << 20
#: Pointers of 32 bits reach 2 GiB; a heap of noise may be a little larger than its image.
_LARGEST_32_BIT = int(1.9 * 2**30)


class _Packed(NamedTuple):
    """A strip after astropy compressed it."""

    header: fits.Header
    #: One row a tile.
    table: NDArray[Any]
    heap: bytes


def write_compressed_image(
    path: Path,
    header: fits.Header,
    shape: tuple[int, int],
    dtype: str,
    strips: Iterable[Strip],
    *,
    compression: Compression = "gzip",
    tile: tuple[int, int] = (256, 256),
) -> None:
    """Write a tile-compressed FITS image (in HDU 1) from its strips, with DATASUM and CHECKSUM.

    Parameters
    ----------
    path, header, shape, dtype
        As `fits_writing.write_image`.
    strips
        First row and rows (n, nx), in ascending order, every row once.
    compression
        "gzip" (lossless) or "rice" (floats rounded to 1/16 of the noise).
    tile
        (ny, nx) of the tiles; as many rows of the image are in memory.

    Raises
    ------
    ResourceError
        The disk has no room.
    StoreError
        The file cannot be written.
    """
    tile = (min(tile[0], shape[0]), min(tile[1], shape[1]))
    with draft_of(path) as draft, draft.open("w+b", buffering=0) as file:
        write_all(file, _primary_bytes())
        table = _Table(file, shape, dtype, tile)
        for first, band in _bands(strips, shape, tile[0]):
            seed = first // tile[0] * -(-shape[1] // tile[1]) % _DITHER_PERIOD + 1
            table.add(_pack(header, band.astype(dtype, copy=False), compression, tile, seed))
        table.finish()


def _primary_bytes() -> bytes:
    header = fits.Header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", True)])
    return header_bytes(header, 0)


def _bands(
    strips: Iterable[Strip], shape: tuple[int, int], rows: int
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Cut strips anew into bands of so many rows, the last one shorter."""
    parts: list[NDArray[Any]] = []
    done = have = 0
    for first, strip in strips:
        if first != done + have or strip.ndim != 2 or strip.shape[1] != shape[1]:
            raise HvenError(
                f"strip: must begin at row {done + have} and be {shape[1]} wide, "
                f"begins at {first} and is {strip.shape}"
            )
        parts.append(strip)
        have += len(strip)
        while have >= rows:
            whole = np.concatenate(parts) if len(parts) > 1 else parts[0]
            yield done, whole[:rows]
            parts, have, done = [whole[rows:]], have - rows, done + rows
    if have:
        yield done, np.concatenate(parts)
    if done + have != shape[0]:
        raise HvenError(f"strips: must hold {shape[0]} rows, hold {done + have}")


def _pack(
    header: fits.Header,
    band: NDArray[Any],
    compression: Compression,
    tile: tuple[int, int],
    seed: int,
) -> _Packed:
    is_quantised = compression == "rice" and band.dtype.kind == "f"
    hdu = fits.CompImageHDU(
        band,
        stripped(header),
        compression_type="RICE_1" if compression == "rice" else "GZIP_2",
        # A band lower than the tiles is the last one: its tiles are cut.
        tile_shape=(min(tile[0], len(band)), tile[1]),
        quantize_level=_QUANTIZE_LEVEL if is_quantised else 0.0,
        quantize_method=2 if is_quantised else -1,
        dither_seed=seed,
    )
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(stream)
    whole = stream.getvalue()
    with fits.open(io.BytesIO(whole), disable_image_compression=True) as hdus:
        packed, row_type = hdus[1].header.copy(), hdus[1].columns.dtype.newbyteorder(">")
        start = hdus[1].fileinfo()["datLoc"]
    heap = start + packed["NAXIS1"] * packed["NAXIS2"]
    rows = np.frombuffer(whole[start:heap], row_type)
    begin = start + packed.get("THEAP", heap - start)
    if is_quantised and "ZBLANK" not in packed:
        # A band without NaN has none, but another band may.
        packed["ZBLANK"] = _ZBLANK
    return _Packed(packed, rows, whole[begin : heap + packed["PCOUNT"]])


class _Table:
    """The binary table of tiles while it is written: rows at their place, the heap growing."""

    def __init__(
        self,
        file: BinaryIO,
        shape: tuple[int, int],
        dtype: str,
        tile: tuple[int, int],
    ) -> None:
        self.file, self.shape, self.tile = file, shape, tile
        self.tiles = -(-shape[0] // tile[0]) * -(-shape[1] // tile[1])
        is_large = shape[0] * shape[1] * np.dtype(dtype).itemsize > _LARGEST_32_BIT
        self.pointer, self.letter = (">i8", "Q") if is_large else (">i4", "P")
        self.header = fits.Header()
        self.start = file.tell()
        self.rows = self.heap = 0
        self.largest: dict[str, int] = {}

    def add(self, packed: _Packed) -> None:
        """Append the tiles of one band."""
        if not self.header:
            self._begin(packed)
        row_type = self._row_type(packed.table.dtype)
        rows = np.empty(len(packed.table), row_type)
        for name in row_type.names or ():
            rows[name] = packed.table[name]
            if rows[name].ndim == 2:
                self.largest[name] = max(self.largest.get(name, 0), int(rows[name][:, 0].max()))
                rows[name][:, 1] += self.heap
        self.file.seek(self.begin + self.rows * row_type.itemsize)
        write_all(self.file, rows.tobytes())
        self.file.seek(self.begin + self.tiles * row_type.itemsize + self.heap)
        write_all(self.file, packed.heap)
        self.rows += len(rows)
        self.heap += len(packed.heap)

    def _row_type(self, given: np.dtype[Any]) -> np.dtype[Any]:
        return np.dtype(
            [
                (name, self.pointer, (2,)) if given[name].shape == (2,) else (name, given[name])
                for name in given.names or ()
            ]
        )

    def _begin(self, packed: _Packed) -> None:
        self.header = packed.header
        self.row_size = self._row_type(packed.table.dtype).itemsize
        self.header["NAXIS1"] = self.row_size
        self.header["NAXIS2"] = self.tiles
        self.header["ZNAXIS2"] = self.shape[0]
        self.header["ZTILE1"], self.header["ZTILE2"] = self.tile[1], self.tile[0]
        for keyword in ("THEAP", "CHECKSUM", "DATASUM"):
            self.header.remove(keyword, ignore_missing=True)
        self.begin = self.start + len(header_bytes(self.header, 0))

    def finish(self) -> None:
        """Write the header, which knows the sizes now."""
        self.header["PCOUNT"] = self.heap
        for column in range(1, self.header["TFIELDS"] + 1):
            largest = self.largest.get(self.header[f"TTYPE{column}"])
            if largest is not None:
                self.header[f"TFORM{column}"] = f"1{self.letter}B({largest})"
        size = padded(self.tiles * self.row_size + self.heap)
        self.file.truncate(self.begin + size)
        self.file.seek(self.begin)
        datasum = sum32(iter(lambda: self.file.read(_CHUNK), b""))
        self.file.seek(self.start)
        write_all(self.file, header_bytes(self.header, datasum))
