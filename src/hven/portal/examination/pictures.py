"""Pictures to look at: made from numbers, or smaller from pictures."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hven.errors import Fault, InputError

_SIDE = 512
#: More are refused before any is unpacked.
_MOST_PIXELS = 100_000_000


def png_of(sample: np.ndarray[Any, Any]) -> str:
    """Numbers (ny, nx) in FITS order as a grey PNG in base 64; NaN is transparent."""
    from hven.kernels.stretch import display_levels, stretch

    grey = stretch(sample, display_levels(sample))[::-1]
    alpha = np.where(grey == 0, 0, 255).astype(np.uint8)
    return _packed(Image.fromarray(np.dstack([grey, alpha])))


def look_into_picture(path: Path, *, shown: bool) -> dict[str, Any]:
    """A picture that a browser would know."""
    Image.MAX_IMAGE_PIXELS = _MOST_PIXELS
    try:
        with Image.open(path, formats=["PNG", "JPEG", "BMP", "TIFF", "GIF"]) as picture:
            width, height = picture.size
            if width * height > _MOST_PIXELS:
                told = f"must have at most {_MOST_PIXELS:,} pixels, has {width} × {height}"
                raise InputError([Fault(path.name, told)])
            found: dict[str, Any] = {
                "kind": picture.format or "picture",
                "facts": [["Picture", f"{width} × {height}, {picture.mode}"]],
            }
            if shown:
                picture.thumbnail((_SIDE, _SIDE))
                found["picture"] = _packed(picture.convert("RGBA"))
            return found
    except Image.DecompressionBombError as error:
        told = f"must have at most {_MOST_PIXELS:,} pixels: {error}"
        raise InputError([Fault(path.name, told)]) from error


def _packed(picture: Image.Image) -> str:
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=3)
    return base64.b64encode(stream.getvalue()).decode()
