"""Arrays in `.npy` files: written in one go, read as read-only views of the file."""

from __future__ import annotations

import ast
import errno
import mmap
import os
import resource
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY\x01\x00"
#: Below this many bytes reading is cheaper than mapping, and costs no descriptor.
_SMALLEST_MAP = 65536


class FileDigest(NamedTuple):
    """What tells that a file is still the one that was written."""

    size: int
    #: xxh3-128 of the content, hexadecimal.
    digest: str


class ArrayLayout(NamedTuple):
    """How an array lies in its file."""

    #: The dtype as `.npy` headers give it.
    dtype: str
    shape: tuple[int, ...]
    #: Whether the first axis changes fastest.
    fortran: bool
    #: Bytes before the array's.
    offset: int


def write_array(path: Path, array: NDArray[Any]) -> tuple[ArrayLayout, FileDigest]:
    """Write an array as `.npy`, version 1.0, and tell what was written."""
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    content = array.T if fortran else np.ascontiguousarray(array)
    layout = ArrayLayout(dtype_text(array.dtype), array.shape, fortran, 0)
    head = _header(layout)
    data = content.reshape(-1).view(np.uint8).data
    digest = xxhash.xxh3_128(head)
    digest.update(data)
    with path.open("xb", buffering=0) as file:
        _write_all(file.fileno(), head)
        _write_all(file.fileno(), data)
    size = len(head) + len(data)
    return layout._replace(offset=len(head)), FileDigest(size, digest.hexdigest())


def map_file(path: Path, *, whole: bool = True) -> memoryview:
    """The content of a file, read-only: mapped, or read when it is small.

    Parameters
    ----------
    path
        The file.
    whole
        Whether all of it is going to be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        _allow_more_files()
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        if size < _SMALLEST_MAP:
            return memoryview(os.read(descriptor, size))
        return memoryview(_map(descriptor, size, whole))
    finally:
        os.close(descriptor)


def view_array(content: memoryview, layout: ArrayLayout) -> NDArray[Any]:
    """The array that lies in a file's content, read-only."""
    dtype = text_dtype(layout.dtype)
    count = int(np.prod(layout.shape, dtype=np.int64))
    flat = np.frombuffer(content, dtype, count, layout.offset)
    return flat.reshape(layout.shape, order="F" if layout.fortran else "C")


def digest_content(content: memoryview) -> FileDigest:
    """Size and digest of a file's content."""
    return FileDigest(len(content), xxhash.xxh3_128_hexdigest(content))


def dtype_text(dtype: np.dtype[Any]) -> str:
    """The dtype as a `.npy` header gives it."""
    return dtype.str if dtype.names is None else repr(np.lib.format.dtype_to_descr(dtype))


def text_dtype(text: str) -> np.dtype[Any]:
    """The dtype of a `.npy` header; one that would run code on loading is refused."""
    described: Any = ast.literal_eval(text) if text.startswith(("[", "{", "(")) else text
    dtype = np.lib.format.descr_to_dtype(described)
    if dtype.hasobject:
        raise ValueError(f"dtype: must not hold Python objects, got {text}")
    return dtype


def _header(layout: ArrayLayout) -> bytes:
    descr = layout.dtype if layout.dtype[0] in "[{(" else repr(layout.dtype)
    text = f"{{'descr': {descr}, 'fortran_order': {layout.fortran}, 'shape': {layout.shape}, }}"
    # The array begins at a multiple of 64 bytes, so that a mapped one is aligned.
    padding = -(len(_MAGIC) + 2 + len(text) + 1) % 64
    body = (text + " " * padding + "\n").encode("latin1")
    return _MAGIC + len(body).to_bytes(2, "little") + body


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    # One write moves at most 2 GiB.
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def _map(descriptor: int, size: int, whole: bool) -> mmap.mmap:
    # Populated at once when all of it is read: a page fault costs more than a page.
    flags = mmap.MAP_SHARED | (getattr(mmap, "MAP_POPULATE", 0) if whole else 0)
    try:
        return mmap.mmap(descriptor, size, flags=flags, prot=mmap.PROT_READ)
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        _allow_more_files()
        return mmap.mmap(descriptor, size, flags=flags, prot=mmap.PROT_READ)


def _allow_more_files() -> None:
    # A mapped file keeps a descriptor until Python 3.13, and a step may read a thousand products.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
