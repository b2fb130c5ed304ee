"""Pictures of the pages for the help page: `make pictures` takes them anew.

`HVEN_TEST_PICTURES` names the folder that gets them; without it none is taken.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: What a picture of the help page weighs at most. All of them count to the weight of its page, so
#: those that are no photographs have to do with less.
MOST_BYTES, _MOST_OF_PAGES = 22_500, 18_500
#: How wide and high the window is of which they are taken.
WINDOW = {"width": 1100, "height": 740}


def take_picture(page: Page, name: str) -> None:
    """Keep what is seen of a page, where pictures are wanted."""
    folder = os.environ.get("HVEN_TEST_PICTURES")
    if not folder:
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    page.mouse.move(0, 0)  # Nothing looks hovered over.
    page.wait_for_timeout(500)  # What is on its way to a canvas has come.
    image = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide")))
    (Path(folder) / f"{name}.webp").write_bytes(_packed(image.convert("RGB")))


def _packed(image: Image.Image) -> bytes:
    """As WebP below the limit: exact in few colours, as pages are, else as photographs are."""
    for colours in (64, 48, 32, 24, 16):
        few = image.quantize(colours, kmeans=2, dither=Image.Dither.NONE).convert("RGB")
        found = _webp(few, lossless=True, quality=100)
        if len(found) < _MOST_OF_PAGES:
            return found
    for quality in range(80, 10, -10):
        found = _webp(image, quality=quality)
        if len(found) < MOST_BYTES:
            return found
    raise AssertionError(f"no quality of WebP makes the picture smaller than {MOST_BYTES} bytes")


def _webp(image: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "WEBP", method=6, **options)
    return stream.getvalue()
