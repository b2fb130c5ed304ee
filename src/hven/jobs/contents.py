"""Where the files lie that users sent and jobs gave, and how they are opened for handing out.

No link is followed on the way, so that none leads out of the service's folders.
"""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from hven.errors import MissingError
from hven.jobs.configuration import configuration
from hven.jobs.models import Result

#: Bytes that are read at a time.
_PIECE = 2**18


def result_path(result: Result) -> Path:
    """Where a result lies."""
    return configuration().jobs_folder / result.file


def upload_path(upload: uuid.UUID) -> Path:
    """Where an upload's content lies. An identifier begins with the time, and ends at random."""
    return configuration().uploads_folder / upload.hex[-2:] / str(upload)


def open_result(result: Result) -> BinaryIO:
    """A result's file, for reading.

    Raises
    ------
    MissingError
        There is no such file any more, or it is a link.
    """
    try:
        return open_inside(configuration().jobs_folder, result.file)
    except OSError as error:
        raise MissingError(f"{result.name}: its file is not there any more") from error


def open_inside(folder: Path, name: str) -> BinaryIO:
    """The regular file `name` below `folder`, for reading; no link on the way is followed.

    Raises
    ------
    OSError
        There is none, or there is a link in its place.
    """
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or parts[0] == "/":
        raise FileNotFoundError(name)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        # Not to wait for a writer, where somebody put a pipe.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.fdopen(os.open(parts[-1], flags, dir_fd=descriptor), "rb", buffering=0)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise FileNotFoundError(name)
    return file


class Part:
    """A stretch of an open file, piece by piece; closing it closes the file.

    Parameters
    ----------
    file
        Open for reading, and given up to this.
    start, stop
        The first byte, and the first one behind.
    """

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        self._file = file
        self._at = start
        self._stop = stop

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = b""
        if self._at < self._stop:
            wanted = min(_PIECE, self._stop - self._at)
            piece = os.pread(self._file.fileno(), wanted, self._at)
        if not piece:
            self.close()
            raise StopIteration
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Close the file."""
        # What was closed has no number that could be read from, whoever has it now.
        self._stop = self._at
        self._file.close()
