"""Pictures of the pages for the help page: `make pictures` takes them anew.

`HVEN_TEST_PICTURES` names the folder that gets them; without it none is taken.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: What a picture of the help page weighs at most.
MOST_BYTES = 60_000
#: How wide and high the window is of which they are taken.
WINDOW = {"width": 1200, "height": 800}


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
    """As WebP, as good as its size allows."""
    for quality in range(90, 10, -10):
        stream = io.BytesIO()
        image.save(stream, "WEBP", quality=quality, method=6)
        if stream.tell() < MOST_BYTES:
            return stream.getvalue()
    raise AssertionError(f"no quality of WebP makes the picture smaller than {MOST_BYTES} bytes")
