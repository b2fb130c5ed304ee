"""The structure of a FITS file, checked before a library reads it: headers, sizes, checksums.

Nothing is allocated here because a header says so: at most one header (800 kB) is in memory.

References
----------
Pence et al. 2010, A&A 524, A42, doi:10.1051/0004-6361/201015362 (FITS 3.0, checksums too).
"""

from __future__ import annotations

import bz2
import gzip
import math
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, cast

import numpy as np

from hven.errors import Fault, InputError

#: FITS files are made of blocks of this many bytes.
BLOCK = 2880
#: No image of more bytes than this is read unless the caller says so.
LARGEST_BYTES = 4 << 30
#: A compressed file may promise this many bytes in any case ...
_SMALL_BYTES = 256 << 20
#: ... and beyond that only so many times its own size.
_LARGEST_RATIO = 200
_LARGEST_CARDS = 10_000
_LARGEST_AXES = 9
_CHUNK = 8 << 20
_BITPIX = (8, 16, 32, 64, -32, -64)
_STRING = re.compile(r"'((?:[^']|'')*)'")
#: What reading a damaged compressed stream raises.
_STREAM_ERRORS = (OSError, EOFError, zlib.error)

Value = bool | int | float | str | None


class OpenedFile(NamedTuple):
    """A FITS file open for reading, decompressed on the way where it is compressed."""

    file: BinaryIO
    #: The path, for messages.
    name: str
    #: Bytes of the FITS file; None where it is compressed and nobody knows.
    length: int | None
    #: Bytes on disk.
    packed: int


class Header:
    """The cards of one header; of a keyword that stands twice the first counts."""

    def __init__(self, raw: bytes) -> None:
        text = raw.decode("latin-1")
        self.raw = raw
        #: Every card up to END, 80 characters each.
        self.cards = [text[i : i + 80] for i in range(0, len(text), 80)]
        self.cards = self.cards[: _end(self.cards)]
        self._places = {card[:8].rstrip(): card for card in reversed(self.cards)}

    def __contains__(self, keyword: str) -> bool:
        return keyword in self._places

    def get(self, keyword: str) -> Value:
        """The value of a keyword; None where there is none."""
        card = self._places.get(keyword)
        return None if card is None else _value(card)

    def integer(self, keyword: str, default: int) -> int | None:
        """The whole number of a keyword; the default where it is absent, None where it has none."""
        if keyword not in self:
            return default
        value = self.get(keyword)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def number(self, keyword: str) -> float | None:
        """The number a keyword has, or None."""
        value = self.get(keyword)
        return float(value) if isinstance(value, int | float) else None

    def string(self, keyword: str) -> str:
        """The text a keyword has, without blanks around; empty where it has none."""
        value = self.get(keyword)
        return value.strip() if isinstance(value, str) else ""


def _end(cards: list[str]) -> int:
    return next((i for i, card in enumerate(cards) if card.startswith("END     ")), len(cards))


def _value(card: str) -> Value:
    if card[8:10] != "= ":
        return None
    text = card[10:].lstrip()
    if text.startswith("'"):
        match = _STRING.match(text)
        return match[1].replace("''", "'").rstrip() if match else None
    text = text.split("/", 1)[0].strip()
    if text in ("T", "F"):
        return text == "T"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text.upper().replace("D", "E"))
    except ValueError:
        return None


@dataclass(frozen=True)
class Hdu:
    """One header and data unit, its sizes found to be possible."""

    index: int
    kind: Literal["image", "compressed", "other"]
    header: Header = field(repr=False)
    #: Where the data begin in the (decompressed) file, and how many bytes they are unpadded.
    start: int
    size: int
    bitpix: int
    #: NAXIS1, NAXIS2, ... of the image; of a compressed one the image's, not its table's.
    axes: tuple[int, ...]

    @property
    def name(self) -> str:
        """EXTNAME in capitals, PRIMARY for the first without one."""
        default = "" if self.index else "PRIMARY"
        return self.header.string("EXTNAME").upper() or default

    @property
    def version(self) -> int:
        """EXTVER, 1 where it is absent."""
        return self.header.integer("EXTVER", 1) or 1


@contextmanager
def open_fits(path: Path) -> Iterator[OpenedFile]:
    """Open a FITS file, plain or compressed by gzip or bzip2 (known by its first bytes).

    Raises
    ------
    InputError
        The file is missing, unreadable, empty, or compressed in another way; also where a
        compressed stream turns out damaged while it is read.
    """
    name = str(path)
    try:
        if path.exists() and not path.is_file():
            kind = "folder" if path.is_dir() else "device or pipe"
            raise fault(name, f"must be a file, is a {kind}")
        with path.open("rb", buffering=1 << 16) as plain:
            packed = path.stat().st_size
            magic = plain.read(6)
            plain.seek(0)
            if magic[:2] == b"\x1f\x8b":
                with gzip.open(plain) as unzipped:
                    yield OpenedFile(cast("BinaryIO", unzipped), name, None, packed)
            elif magic[:3] == b"BZh":
                with bz2.open(plain) as unzipped:
                    yield OpenedFile(cast("BinaryIO", unzipped), name, None, packed)
            else:
                _recognise(name, magic)
                yield OpenedFile(plain, name, packed, packed)
    except FileNotFoundError:
        raise fault(name, "must be an existing file, there is none") from None
    except PermissionError:
        raise fault(name, "must be readable, permission is denied") from None
    except _STREAM_ERRORS as error:
        raise fault(name, f"must be readable to its end, got {error}") from error


def _recognise(name: str, magic: bytes) -> None:
    if not magic:
        raise fault(name, "must be a FITS file, is empty (0 bytes)")
    if magic[:2] == b"\x1f\x9d":
        raise fault(name, "must be plain, .gz, .bz2 or .fz, is compressed by compress (.Z)")
    if not magic.startswith(b"SIMPLE"[: len(magic)]):
        raise fault(name, f"must be a FITS file (SIMPLE = T first), begins with {magic!r}")


def fault(name: str, *reasons: str) -> InputError:
    """The error of one faulty file, all its reasons in one sentence."""
    return InputError([Fault(name, "; ".join(reasons))])


def walk(opened: OpenedFile, largest_bytes: int = LARGEST_BYTES) -> Iterator[Hdu]:
    """Give the units of a file one after the other, each with its sizes checked.

    Parameters
    ----------
    opened
        The file, at its begin.
    largest_bytes
        No unit of a compressed file, and no compressed image, may be larger.

    Raises
    ------
    InputError
        A header or a size is impossible. Units before it were given; those after are unreachable.
    """
    position = 0
    index = 0
    while (raw := _read_header(opened, index)) is not None:
        header = Header(raw)
        position += len(raw)
        hdu = _make_hdu(opened, index, header, position)
        _check_room(opened, hdu, largest_bytes)
        yield hdu
        position += padded(hdu.size)
        opened.file.seek(position)
        index += 1


def padded(size: int) -> int:
    """The next multiple of the block size."""
    return -(-size // BLOCK) * BLOCK


def _read_header(opened: OpenedFile, index: int) -> bytes | None:
    where = f"{opened.name}[{index}]"
    blocks: list[bytes] = []
    while True:
        block = opened.file.read(BLOCK)
        if not blocks and not _begins(where, block, index):
            return None
        if len(block) < BLOCK and b"END     " not in block:
            raise fault(where, "header must end with END, the file is truncated inside the header")
        blocks.append(block)
        if _has_end(block):
            return b"".join(blocks)
        if len(blocks) * 36 > _LARGEST_CARDS:
            raise fault(where, f"header must end with END within {_LARGEST_CARDS} cards, does not")


def _begins(where: str, block: bytes, index: int) -> bool:
    if index == 0:
        if block[:9] != b"SIMPLE  =":
            raise fault(where, f"must be a FITS file (SIMPLE = T first), begins with {block[:9]!r}")
        return True
    # What follows the last extension without being one is padding or special records.
    return block.startswith(b"XTENSION")


def _has_end(block: bytes) -> bool:
    return any(block[i : i + 8] == b"END     " for i in range(0, len(block), 80))


def _make_hdu(opened: OpenedFile, index: int, header: Header, start: int) -> Hdu:
    where = f"{opened.name}[{index}]"
    faults: list[str] = []
    axes = _axes(header, "NAXIS", faults)
    bitpix = _bitpix(header, "BITPIX", faults)
    parameters = _at_least(header, "PCOUNT", 0, faults)
    groups = _at_least(header, "GCOUNT", 1, faults)
    if faults:
        raise fault(where, *faults)
    is_groups = header.get("GROUPS") is True and axes[:1] == (0,)
    elements = math.prod(axes[1:] if is_groups else axes) if axes else 0
    size = abs(bitpix) // 8 * groups * (parameters + elements) if axes else 0
    if header.get("ZIMAGE") is True:
        image_axes = _axes(header, "ZNAXIS", faults)
        image_bitpix = _bitpix(header, "ZBITPIX", faults)
        if faults:
            raise fault(where, *faults)
        return Hdu(index, "compressed", header, start, size, image_bitpix, image_axes)
    is_image = not is_groups and (index == 0 or header.string("XTENSION") == "IMAGE")
    return Hdu(index, "image" if is_image else "other", header, start, size, bitpix, axes)


def _axes(header: Header, keyword: str, faults: list[str]) -> tuple[int, ...]:
    count = header.integer(keyword, -1)
    if count is None or not 0 <= count <= _LARGEST_AXES:
        faults.append(f"{keyword} must be 0 to {_LARGEST_AXES}, is {_shown(header, keyword)}")
        return ()
    names = [f"{keyword}{i + 1}" for i in range(count)]
    return tuple(_at_least(header, name, 0, faults, absent=-1) for name in names)


def _bitpix(header: Header, keyword: str, faults: list[str]) -> int:
    value = header.integer(keyword, 0)
    if value not in _BITPIX:
        legal = ", ".join(map(str, _BITPIX))
        faults.append(f"{keyword} must be one of {legal}, is {_shown(header, keyword)}")
        return 8
    return value


def _at_least(
    header: Header, keyword: str, low: int, faults: list[str], absent: int | None = None
) -> int:
    value = header.integer(keyword, low if absent is None else absent)
    if value is None or value < low:
        faults.append(f"{keyword} must be a whole number from {low}, is {_shown(header, keyword)}")
        return low
    return value


def _shown(header: Header, keyword: str) -> str:
    value = header.get(keyword)
    return "absent" if keyword not in header else "unreadable" if value is None else repr(value)


def _check_room(opened: OpenedFile, hdu: Hdu, largest_bytes: int) -> None:
    where = f"{opened.name}[{hdu.index}]"
    if opened.length is None:
        _check_promise(where, "unpacked data", hdu.size, opened.packed, largest_bytes)
    elif hdu.start + hdu.size > opened.length:
        there = max(opened.length - hdu.start, 0)
        raise fault(
            where,
            f"data must be {hdu.size:,} bytes as its NAXIS and BITPIX say, "
            f"the file is truncated: {there:,} are there",
        )
    if hdu.kind == "compressed":
        size = math.prod(hdu.axes) * abs(hdu.bitpix) // 8
        _check_promise(where, "uncompressed image", size, hdu.size, largest_bytes)


def _check_promise(where: str, what: str, size: int, packed: int, largest_bytes: int) -> None:
    if size > largest_bytes:
        raise fault(where, f"{what} must be at most {largest_bytes:,} bytes, would be {size:,}")
    limit = max(_SMALL_BYTES, _LARGEST_RATIO * packed)
    if size > limit:
        raise fault(
            where,
            f"{what} must be at most {limit:,} bytes ({_LARGEST_RATIO} times its "
            f"compressed size), would be {size:,}",
        )


def verify_checksums(opened: OpenedFile, hdu: Hdu) -> list[str]:
    """Compare a unit's bytes with its DATASUM and CHECKSUM; give what is wrong.

    A unit without these keywords has nothing wrong: its bits cannot be checked.
    """
    if "DATASUM" not in hdu.header and "CHECKSUM" not in hdu.header:
        return []
    opened.file.seek(hdu.start)
    found = sum32(_chunks(opened, padded(hdu.size)))
    faults = []
    wanted = hdu.header.string("DATASUM")
    if wanted and wanted != str(found):
        faults.append(f"DATASUM must be that of the data, is {wanted} and the data give {found}")
    if hdu.header.string("CHECKSUM") not in ("", "0" * 16):
        whole = add32(found, sum32([hdu.header.raw]))
        if whole not in (0, 0xFFFFFFFF) and not faults:
            faults.append("CHECKSUM must be that of header and data, the header was changed")
    return faults


def _chunks(opened: OpenedFile, size: int) -> Iterator[bytes]:
    while size > 0:
        chunk = opened.file.read(min(_CHUNK, size))
        if not chunk:
            return
        size -= len(chunk)
        yield chunk


def sum32(chunks: Iterable[bytes | np.ndarray]) -> int:
    """The ones' complement sum of big-endian 32-bit words, as DATASUM wants it.

    Every chunk but the last must be a multiple of four bytes long.
    """
    total = 0
    for chunk in chunks:
        raw = np.frombuffer(chunk, np.uint8)
        if raw.size % 4:
            raw = np.concatenate([raw, np.zeros(-raw.size % 4, np.uint8)])
        total += int(np.sum(raw.view(">u4"), dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def add32(first: int, second: int) -> int:
    """The ones' complement sum of two 32-bit words."""
    total = first + second
    return (total & 0xFFFFFFFF) + (total >> 32)
