"""Drafts: products that are being made."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
from functools import cache
from pathlib import Path


class Draft:
    """A folder or file of a product that is being made.

    Parameters
    ----------
    drafts
        The store's folder of drafts.
    """

    _numbers = itertools.count()

    def __init__(self, drafts: Path) -> None:
        #: Free at first, for a file that is written or moved there.
        self.path = drafts / f"{_host_name()}.{os.getpid()}.{next(self._numbers)}"
        #: Whether the folder has been made.
        self.has_folder = False

    def folder(self) -> Path:
        """The folder, made when it is first asked for."""
        if not self.has_folder:
            self.path.mkdir()
            self.has_folder = True
        return self.path

    def remove(self) -> None:
        """Remove it and what is in it, if it is there."""
        _remove(self.path)
        self.has_folder = False


def remove_stale_drafts(drafts: Path) -> int:
    """Remove the drafts of processes of this machine that have ended; gives how many."""
    stale = [path for path in drafts.iterdir() if _is_stale(path.name)]
    for path in stale:
        _remove(path)
    return len(stale)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except (IsADirectoryError, PermissionError):
        # Which of the two a folder gives is up to the system.
        shutil.rmtree(path, ignore_errors=True)


def _is_stale(name: str) -> bool:
    host, process, _ = name.rsplit(".", 2)
    return host == _host_name() and not Path("/proc", process).exists()


@cache
def _host_name() -> str:
    return socket.gethostname()
