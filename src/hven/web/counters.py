"""Counters that all web processes of a machine share, without a database: one file in memory.

What is kept of a name is one number, the time at which all it has done would have been done at the
steady rate (the generic cell rate algorithm). It goes by the clock since boot, which all processes
of a machine have in common. A file that is left from before a restart has times that cannot be;
they count as none.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

_SLOT = struct.Struct("<Qd")
#: Slots that a name can be in; who finds all of them taken by others takes the quietest one's.
_SLOTS = 4
_BUCKET = _SLOT.size * _SLOTS
_BUCKETS = 2**14
_SIZE = _BUCKET * _BUCKETS
#: Seconds. A time that is further ahead was kept before a restart of the machine.
_FURTHEST = 3600.0


class Counters:
    """A table of names and what they have done lately.

    Parameters
    ----------
    path
        The file that the processes share. Where it cannot be made, each counts for itself.
    secret
        Keeps others from choosing names that meet in the table.
    clock
        Seconds.
    """

    def __init__(
        self, path: Path, secret: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._secret = hashlib.sha256(secret.encode()).digest()
        self._clock = clock
        self._lock = threading.Lock()
        self._file: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            # Without room of its own a write to it would kill the process when the disk is full.
            os.posix_fallocate(self._file, 0, _SIZE)
            self._table = mmap.mmap(self._file, _SIZE)
        except OSError:
            self.close()
            self._table = mmap.mmap(-1, _SIZE)

    def take(self, name: str, count: int, seconds: float) -> float:
        """Count one more, unless there were too many; gives 0, or how long to wait.

        Parameters
        ----------
        name
            Who, and what.
        count
            So many at once are let through.
        seconds
            And so many again within this time.
        """
        return self._change(name, count, seconds, even_above=False)

    def add(self, name: str, count: int, seconds: float) -> None:
        """Count one more that has happened; see `take`."""
        self._change(name, count, seconds, even_above=True)

    def wait(self, name: str, count: int, seconds: float) -> float:
        """How long to wait until one more is let through; 0 is not at all. See `take`."""
        at, key = self._place(name)
        with self._lock:
            ahead = self._ahead(self._find(at, key), key)
        return max(0.0, ahead + seconds / count - seconds)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _change(self, name: str, count: int, seconds: float, *, even_above: bool) -> float:
        at, key = self._place(name)
        each = seconds / count
        with self._lock:
            if self._file is not None:
                fcntl.lockf(self._file, fcntl.LOCK_EX, _BUCKET, at)
            try:
                slot = self._find(at, key)
                ahead = self._ahead(slot, key) + each
                wait = max(0.0, ahead - seconds)
                if not wait or even_above:
                    ahead = min(ahead, seconds)
                    _SLOT.pack_into(self._table, slot, key, self._clock() + ahead)
                return wait
            finally:
                if self._file is not None:
                    fcntl.lockf(self._file, fcntl.LOCK_UN, _BUCKET, at)

    def _place(self, name: str) -> tuple[int, int]:
        """Where the bucket of a name begins, and what stands for it there."""
        text = name.encode(errors="surrogatepass")
        digest = hashlib.blake2b(text, digest_size=16, key=self._secret).digest()
        bucket, key = struct.unpack("<QQ", digest)
        return bucket % _BUCKETS * _BUCKET, key or 1

    def _find(self, at: int, key: int) -> int:
        """The slot of a name; the one that is soonest of no account where it has none."""
        quietest, least = at, float("inf")
        for slot in range(at, at + _BUCKET, _SLOT.size):
            found, until = _SLOT.unpack_from(self._table, slot)
            if found == key:
                return slot
            if not found or until < least:
                quietest, least = slot, until if found else 0.0
        return quietest

    def _ahead(self, slot: int, key: int) -> float:
        """By how many seconds a name is ahead of the steady rate."""
        found, until = _SLOT.unpack_from(self._table, slot)
        ahead = until - self._clock() if found == key else 0.0
        return float(ahead) if 0.0 < ahead < _FURTHEST else 0.0
