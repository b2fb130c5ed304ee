"""Input files: known by the digest of their content, taken once."""

# Files are looked at for every step that has one, and pathlib would double the cost.
# ruff: noqa: PTH100, PTH104, PTH116, PTH123

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hven.errors import Fault, InputError

#: Seconds a file must have been left alone before its times tell it from a later version: the
#: kernel's clock for them ticks each 4 ms, and some file systems keep whole seconds only.
_FINE_TICK = 0.02
_COARSE_TICK = 2.0


class FileState(NamedTuple):
    """What changes when a file's content changes."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int


class InputDigests:
    """SHA-256 of input files, remembered in a folder by path and state."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[FileState, bytes]] = {}

    def digest(self, path: Path) -> bytes:
        """The SHA-256 of the file's content.

        Raises
        ------
        InputError
            There is no such file, or it cannot be read.
        """
        absolute = os.path.abspath(path)
        state = file_state(path)
        known = self._known.get(absolute) or self._recall(absolute)
        if known is not None and known[0] == state:
            self._known[absolute] = known
            return known[1]
        digest = _digest_file(path)
        if _is_settled(state):
            self._known[absolute] = state, digest
            self._write(absolute, state, digest)
        return digest

    def note(self, path: Path, digest: bytes) -> None:
        """Take somebody's word for a file's digest, who read it when it came; in this process."""
        self._known[os.path.abspath(path)] = file_state(path), digest

    def digest_all(self, paths: Iterable[Path], threads: int) -> None:
        """Take the digests of many files at once; those that cannot be read are passed over.

        Parameters
        ----------
        paths
            The files, some perhaps more than once.
        threads
            How many are read at the same time.
        """

        def digest(path: Path) -> None:
            with suppress(InputError):
                self.digest(path)

        # Reading and hashing leave Python's lock.
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(digest, dict.fromkeys(paths)))

    def _record(self, absolute: str) -> str:
        return f"{self._folder}/{hashlib.sha256(absolute.encode()).hexdigest()}"

    def _recall(self, absolute: str) -> tuple[FileState, bytes] | None:
        try:
            with open(self._record(absolute), encoding="utf-8") as file:
                _, state, digest = json.load(file)
            return FileState(*state), bytes.fromhex(digest)
        except (OSError, ValueError, TypeError):
            return None

    def _write(self, absolute: str, state: FileState, digest: bytes) -> None:
        record = self._record(absolute)
        draft = f"{record}.{os.getpid()}"
        try:
            with open(draft, "w", encoding="utf-8") as file:
                json.dump([absolute, state, digest.hex()], file)
            os.rename(draft, record)
        except OSError:
            # Remembering only saves time.
            return


def file_state(path: Path) -> FileState:
    """The file's state now.

    Raises
    ------
    InputError
        There is no such file.
    """
    try:
        found = os.stat(path)
    except OSError as error:
        raise InputError(
            [Fault(str(path), f"must be a readable file, {_reason(error)}")]
        ) from error
    return FileState(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _digest_file(path: Path) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise InputError(
            [Fault(str(path), f"must be a readable file, {_reason(error)}")]
        ) from error


def _is_settled(state: FileState) -> bool:
    latest = max(state.modified_ns, state.changed_ns)
    tick = _COARSE_TICK if state.modified_ns % 1_000_000_000 == 0 else _FINE_TICK
    return time.time() - latest * 1e-9 > tick


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
