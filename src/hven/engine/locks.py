"""Locks between processes that no crash can leave behind."""

from __future__ import annotations

import fcntl
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WAIT = getattr(fcntl, "F_OFD_SETLKW", None)
_TRY = getattr(fcntl, "F_OFD_SETLK", None)


class KeyLocks:
    """One lock a key, all in one file.

    A lock is a range of one byte at an offset made from the key, held through an open file
    description: one system call, no file to remove, and the kernel frees it when its holder dies.
    Two keys share an offset by chance once in 2**60 pairs; then one waits for the other. Where
    there are no such locks (another system, a file system without them) nothing is locked: products
    are whole all the same, and a step may be done twice.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened = threading.local()

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Wait until no other process and no other thread holds the key, and hold it."""
        offset = int(key[:15], 16)
        held = _lock(self._file(), fcntl.F_WRLCK, _WAIT, offset)
        try:
            yield
        finally:
            if held:
                _lock(self._file(), fcntl.F_UNLCK, _TRY, offset)

    def _file(self) -> int:
        # A description is shared across fork, and with it its locks: each process and each thread
        # opens its own.
        if getattr(self._opened, "process", None) != os.getpid():
            self._opened.file = _LockFile(self._path)
            self._opened.process = os.getpid()
        descriptor: int = self._opened.file.descriptor
        return descriptor


class _LockFile:
    """Closes the descriptor when the thread that opened it has ended."""

    def __init__(self, path: Path) -> None:
        self.descriptor = open_lock_file(path)

    def __del__(self) -> None:
        os.close(self.descriptor)


def open_lock_file(path: Path) -> int:
    """A descriptor of the file, made when it is not there, closed in started programs."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def try_lock(descriptor: int) -> bool:
    """Lock the file's first byte through this descriptor, unless another one holds it."""
    if _TRY is None:
        return True
    return _lock(descriptor, fcntl.F_WRLCK, _TRY, 0)


def _lock(descriptor: int, kind: int, command: int | None, offset: int) -> bool:
    if command is None:
        return False
    # struct flock of Linux: type, whence, start, length, pid (which must be 0 for these locks).
    request = struct.pack("hhqqi4x", kind, os.SEEK_SET, offset, 1, 0)
    try:
        fcntl.fcntl(descriptor, command, request)
    except OSError:
        return False
    return True
