"""One plane of an image unit as floating-point numbers: plain, compressed, scaled, of a cube."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hven.formats.fits_structure import (
    LARGEST_BYTES,
    Hdu,
    Header,
    OpenedFile,
    fault,
)

Floats = NDArray[np.float32] | NDArray[np.float64]

_TYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
#: Rows are counted in strips of about this many bytes, which stay in the processor's cache.
_STRIP = 256 << 10


class PlaneRequest(NamedTuple):
    """Which plane of a unit is wanted."""

    #: The numbers of the two image axes, counted from 1, ascending.
    axes: tuple[int, int] = (1, 2)
    #: Counted from 1 over the other axes, the lowest fastest; None for the only one.
    plane: int | None = None
    largest_bytes: int = LARGEST_BYTES


def plane_count(hdu: Hdu, axes: tuple[int, int]) -> int:
    """The number of planes of a unit."""
    return math.prod(length for axis, length in enumerate(hdu.axes, 1) if axis not in axes)


def plane_size(hdu: Hdu, axes: tuple[int, int]) -> tuple[int, int]:
    """The size nx, ny of a plane."""
    return hdu.axes[axes[0] - 1], hdu.axes[axes[1] - 1]


def plane_faults(hdu: Hdu, request: PlaneRequest) -> list[str]:
    """What keeps a plane from being read; empty where nothing does."""
    if len(hdu.axes) < 2 or max(request.axes) > len(hdu.axes):
        return [f"must have two image axes, NAXIS is {len(hdu.axes)}"]
    count = plane_count(hdu, request.axes)
    nx, ny = plane_size(hdu, request.axes)
    if nx * ny * count == 0:
        return [f"must hold pixels, is {' x '.join(map(str, hdu.axes))}"]
    size = nx * ny * float_type(hdu).itemsize
    if size > request.largest_bytes:
        return [f"must be at most {request.largest_bytes:,} bytes in memory, would be {size:,}"]
    if request.plane is None and count > 1:
        shape = " x ".join(map(str, hdu.axes))
        return [f"plane must be chosen from 1 to {count} (its axes are {shape}), got none"]
    if request.plane is not None and not 1 <= request.plane <= count:
        return [f"plane must be 1 to {count}, got {request.plane}"]
    return []


def float_type(hdu: Hdu) -> np.dtype[Any]:
    """The type of the values: float32, and float64 for what has more than 16 bits (not float32)."""
    return np.dtype(np.float32 if hdu.bitpix in (8, 16, -32) else np.float64)


def read_plane(opened: OpenedFile, hdu: Hdu, request: PlaneRequest) -> Floats:
    """Read one plane as (ny, nx) float32 or float64 in native byte order, physical values.

    BLANK is NaN. The array is the caller's own.

    Raises
    ------
    InputError
        There is no such plane, or the data end early or cannot be decompressed.
    """
    where = f"{opened.name}[{hdu.index}]"
    faults = plane_faults(hdu, request)
    if faults:
        raise fault(where, *faults)
    if hdu.kind == "compressed":
        raw = _decompress(opened, hdu, request)
    elif request.axes == (1, 2):
        raw = _read_contiguous(opened, hdu, (request.plane or 1) - 1)
    else:
        raw = _read_whole(opened, hdu)[_index(hdu, request)]
    return _physical(raw, hdu)


def read_window(
    opened: OpenedFile,
    hdu: Hdu,
    request: PlaneRequest,
    window: tuple[int, int, int, int],
    step: int = 1,
) -> Floats:
    """Read a part of a plane, or every n-th pixel of it, as `read_plane` gives the whole.

    Parameters
    ----------
    opened, hdu, request
        The plane.
    window
        Its first column and row, width and height; it lies within the plane.
    step
        Only each pixel of this number in both directions is read.

    Raises
    ------
    InputError
        The data end early or cannot be decompressed.
    """
    x, y, width, height = window
    index = list(_index(hdu, request))
    row, column = len(hdu.axes) - request.axes[1], len(hdu.axes) - request.axes[0]
    index[row], index[column] = slice(y, y + height, step), slice(x, x + width, step)
    if hdu.kind == "compressed":
        index[row], index[column] = slice(y, y + height), slice(x, x + width)
        raw = _decompress_part(opened, hdu, tuple(index))[::step, ::step]
    else:
        raw = np.array(_read_whole(opened, hdu)[tuple(index)])
    return _physical(raw, hdu)


def _read_contiguous(opened: OpenedFile, hdu: Hdu, plane: int) -> NDArray[Any]:
    nx, ny = hdu.axes[:2]
    raw = np.empty((ny, nx), _TYPES[hdu.bitpix])
    opened.file.seek(hdu.start + plane * raw.nbytes)
    _fill(opened, hdu, raw)
    return raw


def _fill(opened: OpenedFile, hdu: Hdu, raw: NDArray[Any]) -> None:
    view = raw.reshape(-1).view(np.uint8).data
    done = 0
    while done < raw.nbytes:
        # BufferedReader and GzipFile have it, the type BinaryIO has not.
        count: int = opened.file.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise fault(
                f"{opened.name}[{hdu.index}]",
                f"data must be {hdu.size:,} bytes, the file is truncated: "
                f"{opened.file.tell() - hdu.start:,} are there",
            )
        done += count


def _read_whole(opened: OpenedFile, hdu: Hdu) -> NDArray[Any]:
    kind, shape = _TYPES[hdu.bitpix], hdu.axes[::-1]
    if opened.length is not None:
        return np.memmap(opened.name, kind, "r", hdu.start, shape)
    raw = np.empty(shape, kind)
    opened.file.seek(hdu.start)
    _fill(opened, hdu, raw)
    return raw


def _index(hdu: Hdu, request: PlaneRequest) -> tuple[int | slice, ...]:
    """The plane's place in the array, whose axes are those of FITS reversed."""
    rest = (request.plane or 1) - 1
    index: list[int | slice] = []
    for axis, length in enumerate(hdu.axes, 1):
        if axis in request.axes:
            index.append(slice(None))
        else:
            rest, place = divmod(rest, length)
            index.append(place)
    return tuple(index[::-1])


def _decompress(opened: OpenedFile, hdu: Hdu, request: PlaneRequest) -> NDArray[Any]:
    return _decompress_part(opened, hdu, _index(hdu, request))


def _decompress_part(opened: OpenedFile, hdu: Hdu, index: tuple[int | slice, ...]) -> NDArray[Any]:
    where = f"{opened.name}[{hdu.index}]"
    try:
        with warnings.catch_warnings():
            # Non-standard cards elsewhere in the header, which do not touch the pixels.
            warnings.simplefilter("ignore")
            opened.file.seek(0)
            hdus = fits.open(opened.file, memmap=False, do_not_scale_image_data=True)
            try:
                return np.asarray(hdus[hdu.index].section[index])
            finally:
                # The file stays open: it is the caller's.
                hdus.close(closed=False)
    # Damaged tiles surface as whatever astropy and the decompressor stumble over.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise fault(where, f"must decompress, got: {reason}") from error


def _physical(raw: NDArray[Any], hdu: Hdu) -> Floats:
    header = hdu.header
    scale = 1.0 if (number := header.number("BSCALE")) is None else number
    zero = header.number("BZERO") or 0.0
    is_blank = _is_blank(raw, header) if raw.dtype.kind in "iu" else None
    result: NDArray[Any]
    if raw.dtype == np.dtype(">f4") or raw.dtype == np.dtype(">f8"):
        result = raw.byteswap(inplace=raw.flags.writeable).view(raw.dtype.newbyteorder("="))
    else:
        result = raw.astype(float_type(hdu), copy=False)
    if (scale, zero) != (1.0, 0.0):
        # In float64 and rounded once, so that 16 bits keep their last digit.
        result = (result * np.float64(scale) + zero).astype(float_type(hdu))
    if is_blank is not None:
        result[is_blank] = np.nan
    return np.ascontiguousarray(result)


def _is_blank(raw: NDArray[Any], header: Header) -> NDArray[np.bool_] | None:
    blank = header.integer("BLANK", 1 << 70)
    if blank == 1 << 70:
        blank = header.integer("ZBLANK", 1 << 70)
    limits = np.iinfo(raw.dtype)
    if blank is None or not limits.min <= blank <= limits.max:
        return None
    return np.asarray(raw == blank)


class PixelCount(NamedTuple):
    """How many pixels of a plane are finite, and how many infinite."""

    finite: int
    infinite: int


def count_pixels(opened: OpenedFile, hdu: Hdu, request: PlaneRequest) -> PixelCount:
    """Count the finite pixels of a plane, in strips where the file allows it.

    Raises
    ------
    InputError
        As `read_plane`.
    """
    nx, ny = plane_size(hdu, request.axes)
    if hdu.kind == "image" and hdu.bitpix > 0 and "BLANK" not in hdu.header:
        return PixelCount(nx * ny, 0)
    finite = infinite = 0
    for strip in _strips(opened, hdu, request):
        good = int(np.count_nonzero(np.isfinite(strip)))
        finite += good
        if good < strip.size:
            infinite += int(np.count_nonzero(np.isinf(strip)))
    return PixelCount(finite, infinite)


def _strips(opened: OpenedFile, hdu: Hdu, request: PlaneRequest) -> Iterator[NDArray[Any]]:
    if hdu.kind != "image" or hdu.bitpix > 0 or request.axes != (1, 2):
        yield read_plane(opened, hdu, request)
        return
    nx, ny = plane_size(hdu, request.axes)
    rows = min(max(_STRIP // (nx * abs(hdu.bitpix) // 8), 1), ny)
    buffer = np.empty((rows, nx), _TYPES[hdu.bitpix])
    opened.file.seek(hdu.start + ((request.plane or 1) - 1) * nx * ny * buffer.itemsize)
    for first in range(0, ny, rows):
        part = buffer[: ny - first]
        _fill(opened, hdu, part)
        # Swapped in place: numpy would swap big-endian numbers anew in each operation.
        yield part.byteswap(inplace=True).view(part.dtype.newbyteorder("="))
