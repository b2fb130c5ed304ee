"""The mark a live run leaves in its store: what it uses is not removed."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

from hven.engine.locks import open_lock_file, try_lock


class Presence:
    """A file that is locked as long as the run's process lives, whatever ends it.

    Parameters
    ----------
    folder
        The store's folder of runs.
    run
        The run's id.
    label
        What the run is called.
    """

    def __init__(self, folder: Path, run: str, label: str) -> None:
        self._path = folder / f"{run}.run"
        #: A file that appears when the run is cancelled.
        self.cancel_mark = folder / f"{run}.cancel"
        self._descriptor = open_lock_file(self._path)
        try_lock(self._descriptor)
        facts = {"label": label, "process": os.getpid(), "begun": time.time()}
        os.write(self._descriptor, json.dumps(facts).encode())

    def end(self) -> None:
        """Take the mark away."""
        if self._descriptor < 0:
            return
        os.close(self._descriptor)
        self._descriptor = -1
        self._path.unlink(missing_ok=True)
        self.cancel_mark.unlink(missing_ok=True)


def oldest_live_run(folder: Path) -> float | None:
    """When the oldest run began that still lives; marks of dead ones are taken away."""
    begun = []
    for path in folder.glob("*.run"):
        with contextlib.suppress(OSError):
            if _is_dead(path):
                path.unlink(missing_ok=True)
                path.with_suffix(".cancel").unlink(missing_ok=True)
            else:
                begun.append(path.stat().st_mtime)
    return min(begun, default=None)


def _is_dead(path: Path) -> bool:
    descriptor = open_lock_file(path)
    try:
        return try_lock(descriptor)
    finally:
        os.close(descriptor)
