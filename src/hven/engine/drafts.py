"""Drafts: products that are being made."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
from functools import cache
from pathlib import Path


class Draft:
    """A folder of a product that is being made, made itself when it is first asked for.

    Parameters
    ----------
    drafts
        The store's folder of drafts.
    """

    _numbers = itertools.count()

    def __init__(self, drafts: Path) -> None:
        self._path = drafts / f"{_host_name()}.{os.getpid()}.{next(self._numbers)}"
        self._made = False

    def folder(self) -> Path:
        """The folder, made."""
        if not self._made:
            self._path.mkdir()
            self._made = True
        return self._path

    def reserve(self) -> Path:
        """The folder's path, for something that is to be moved there."""
        self._made = True
        return self._path

    def remove(self) -> None:
        """Remove it and what is in it, if it is still there."""
        if self._made:
            shutil.rmtree(self._path, ignore_errors=True)


def remove_stale_drafts(drafts: Path) -> int:
    """Remove the drafts of processes of this machine that have ended; gives how many."""
    stale = [path for path in drafts.iterdir() if _is_stale(path.name)]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    return len(stale)


def _is_stale(name: str) -> bool:
    host, process, _ = name.rsplit(".", 2)
    return host == _host_name() and not Path("/proc", process).exists()


@cache
def _host_name() -> str:
    return socket.gethostname()
