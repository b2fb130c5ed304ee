"""Pictures of images for the screen: PNG, north of a north-up image at the top."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from hven.formats.drafts import draft_of


def write_preview(
    path: Path,
    levels: NDArray[np.uint8],
    *,
    valid: NDArray[np.bool_] | None = None,
    texts: dict[str, str] | None = None,
) -> None:
    """Write a PNG picture.

    Parameters
    ----------
    path
        The file to be; it appears when it is whole.
    levels
        (ny, nx) uint8 for grey, or (ny, nx, 3) for red, green and blue, in FITS order: the first
        row is shown at the bottom.
    valid
        (ny, nx) bool; where it is False the picture is transparent. None, as all True, is opaque.
    texts
        Title, Description, ... kept in the file.
    """
    if valid is not None and not valid.all():
        alpha = np.where(valid, np.uint8(255), np.uint8(0))[..., None]
        colours = levels if levels.ndim == 3 else levels[..., None]
        levels = np.concatenate([colours, alpha], axis=2)
    described = PngImagePlugin.PngInfo()
    for name, text in (texts or {}).items():
        described.add_itxt(name, text)
    picture = Image.fromarray(np.ascontiguousarray(levels[::-1]))
    # Noise holds nothing longer than a run that is worth looking for: it costs time, not bytes.
    options = {"compress_level": 1, "compress_type": zlib.Z_RLE}
    with draft_of(path) as draft:
        picture.save(draft, format="PNG", pnginfo=described, **options)
