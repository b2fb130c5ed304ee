"""Files that are whole or absent: written under another name, then renamed.

Nothing is forced to the disk here: whoever promises that a file survives a power failure (a run
whose store is durable) syncs what it publishes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hven.errors import Fault, ResourceError, StoreError

#: What is left free on the disk.
_RESERVE_BYTES = 64 << 20


@contextmanager
def draft_of(path: Path, size: int = 0) -> Iterator[Path]:
    """Give a path to write to, which takes the place of `path` when the block ends well.

    Parameters
    ----------
    path
        The file to be; what is there stays untouched until the draft is whole.
    size
        Bytes it will have, if known.

    Raises
    ------
    ResourceError
        The disk has no room for that size.
    StoreError
        The file cannot be written.
    """
    # The process number keeps two writers of one file apart; the last one wins, whole.
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        _check_room(path, size)
        yield draft
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: must be writable, got {error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _check_room(path: Path, size: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if size and size + _RESERVE_BYTES > free:
        text = f"must find {size / 1e9:.2f} GB on the disk, {free / 1e9:.2f} GB are free"
        raise ResourceError([Fault(str(path), text)])
