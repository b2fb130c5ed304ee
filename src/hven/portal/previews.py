"""Small pictures of results, for tables."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

from PIL import Image

from hven.errors import MissingError
from hven.jobs.contents import result_path
from hven.jobs.models import Result

#: Pixels of a picture that is larger are not read.
_MOST_PIXELS = 100_000_000
SIDE = 320


def thumbnail(result: Result, side: int = SIDE) -> bytes:
    """A picture of a picture, PNG, at most `side` pixels wide and high.

    Raises
    ------
    MissingError
        It is none that can be read.
    """
    path = result_path(result)
    try:
        state = path.stat()
        return _made(path, side, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError, SyntaxError) as error:
        raise MissingError(f"{result.name}: must be a picture that can be read") from error


@lru_cache(maxsize=256)
def _made(path: Path, side: int, changed: int, size: int) -> bytes:
    del changed, size  # What tells an altered file from the one that was read.
    with Image.open(path, formats=["PNG"]) as opened:
        if opened.width * opened.height > _MOST_PIXELS:
            raise ValueError(f"{path.name} has {opened.width} x {opened.height} pixels")
        plain = opened.mode in ("L", "LA", "RGB", "RGBA")
        picture = opened.copy() if plain else opened.convert("RGBA")
        picture.thumbnail((side, side), reducing_gap=2.0)
        sink = io.BytesIO()
        picture.save(sink, "PNG")
    return sink.getvalue()
