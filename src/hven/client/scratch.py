"""A folder for files that were fetched to be looked at; it goes when Python ends."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path


@functools.cache
def scratch_folder() -> Path:
    """The folder of this process."""
    folder = Path(tempfile.mkdtemp(prefix="hven-client-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
