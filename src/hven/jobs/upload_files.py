"""The files of uploads: made, written by one request at a time, their digest taken on the way."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import os
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from hven.errors import ConflictError, MissingError, UnavailableError, UserError
from hven.jobs.contents import upload_path

#: By which a client can have a part of an upload compared.
CHECKSUMS = ("sha1", "sha256")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class ChecksumError(UserError):
    """A part of an upload is not what its client announced; nothing of it is kept."""


class Checksum(NamedTuple):
    """What a client says that a part of an upload is."""

    #: One of CHECKSUMS.
    algorithm: str
    digest: bytes


class Hash(Protocol):
    """What hashlib gives."""

    def update(self, data: bytes, /) -> None: ...  # noqa: D102
    def hexdigest(self) -> str: ...  # noqa: D102


def make(upload: uuid.UUID) -> None:
    """Make the empty file of an upload; it is there after a loss of power, too."""
    path = upload_path(upload)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_all(file: io.FileIO, piece: bytes) -> None:
    """Write all of `piece`; the system may take it in parts."""
    rest = memoryview(piece)
    while rest:
        rest = rest[file.write(rest) or 0 :]


def digest_of(file: io.FileIO) -> str:
    """SHA-256 of the whole file."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def locked(upload: uuid.UUID) -> Iterator[io.FileIO]:
    """The upload's file for writing, by one request at a time; a killed process lets go of it."""
    path = upload_path(upload)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError as error:
        raise MissingError(f"upload: there is none with the id {upload}") from error
    with io.FileIO(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError("upload: must be written by one request at a time") from error
        yield file


@contextlib.contextmanager
def room() -> Iterator[None]:
    """Say in words that there is no space left."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise UnavailableError("there is no space left for uploads", 60) from error


class Hashers:
    """Digests of uploads that are under way, as long as one process has read all that came."""

    _MOST = 256

    def __init__(self) -> None:
        self._known: OrderedDict[uuid.UUID, tuple[int, Hash]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, upload: uuid.UUID, at: int) -> Hash | None:
        """The digest of the first `at` bytes, given up to the caller; None when not known."""
        with self._lock:
            known = self._known.pop(upload, None)
        if at == 0:
            return hashlib.sha256()
        return known[1] if known is not None and known[0] == at else None

    def keep(self, upload: uuid.UUID, at: int, hasher: Hash | None) -> None:
        """Keep a digest for the next request."""
        with self._lock:
            if hasher is not None:
                self._known[upload] = at, hasher
            while len(self._known) > self._MOST:
                self._known.popitem(last=False)


#: Those of this process.
hashers = Hashers()
