"""Waking the dispatchers of this machine, so that they need not look all the time.

A datagram to a socket in the run folder. One that is lost costs nothing: dispatchers look by
themselves a few times a second, which is also how those of other machines notice.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction

from hven.jobs.configuration import configuration

_SUFFIX = ".wake"


def nudge() -> None:
    """Wake the dispatchers of this machine when the running transaction has been committed."""
    transaction.on_commit(_nudge)


def _nudge() -> None:
    folder = configuration().run_folder
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for path in folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError), _short(path) as name:
                sender.sendto(b"!", name)


class Waker:
    """The dispatcher's end: `wait` returns when it was nudged, or after a while."""

    def __init__(self, name: str) -> None:
        folder = configuration().run_folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / f"{name}{_SUFFIX}"
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        with _short(self._path) as address:
            self._socket.bind(address)

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def wait(self, seconds: float) -> bool:
        """Wait for a nudge, or so many seconds; tells whether there was one."""
        ready = bool(select.select([self._socket], [], [], seconds)[0])
        self.drain()
        return ready

    def drain(self) -> None:
        """Forget all nudges that have come."""
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(64):
                pass

    def close(self) -> None:
        """Give the socket up; only its owner removes its name."""
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def close_inherited(self) -> None:
        """Close the copy that a forked process has."""
        self._socket.close()


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path by way of /proc, since a socket's address has room for 107 bytes."""
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
