"""The files of a mosaic: images, preview, tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.io.fits import Header
from numpy.typing import NDArray

from hven.apps.mosaic.inputs import Image
from hven.apps.mosaic.region import Window
from hven.apps.mosaic.steps import Strip
from hven.engine import Product, Run
from hven.formats.compressed_writing import Compression, write_compressed_image
from hven.formats.fits_writing import make_header, write_image
from hven.formats.grid import Grid
from hven.formats.preview import write_preview
from hven.kernels.stretch import display_levels, stretch

#: More names of images than this do not go into HISTORY; the table of images has them all.
_NAMES_IN_HISTORY = 100
#: Pixels that are read from a strip at a time.
_PIXELS_AT_ONCE = 1 << 16


class Strips(NamedTuple):
    """The finished bands of a mosaic, from the bottom up."""

    windows: list[Window]
    products: list[Product[Strip]]

    def rows_of(self, name: str) -> Iterator[tuple[int, NDArray[Any]]]:
        """First row of the mosaic, and some rows, of `image` or `area`."""
        bottom = self.windows[0].y_min
        # A few rows at a time, since run lengths become pixels here.
        step = max(_PIXELS_AT_ONCE // self.windows[0].width, 1)
        for window, product in zip(self.windows, self.products, strict=True):
            plane = getattr(product.load(), name)
            for row in range(0, window.height, step):
                yield window.y_min - bottom + row, plane[row : row + step]

    def preview(self) -> NDArray[np.float32]:
        """The mosaic, smaller."""
        return np.concatenate([product.load().preview for product in self.products])


def write_files(
    run: Run, grid: Grid, strips: Strips, images: Sequence[Image], values: Mapping[str, Any]
) -> dict[str, Path]:
    """The mosaic, its area and the preview, by the names of the application's outputs.

    They are written at the same time, each strip as soon as it is there: converting and writing
    leave Python's lock, and a mosaic of gigabytes is bound by the disk.
    """
    history = list(_history(images, values))
    unit = next((image.summary.unit for image in images if image.summary.unit), "")
    cards = {"BUNIT": (unit, "unit of the pixels")} if unit and values["combine"] != "count" else {}
    headers = {
        "mosaic": make_header(grid.header, cards, history),
        "area": make_header(
            grid.header, {"BTYPE": ("area", "coverage in pixels x weight")}, history
        ),
    }
    with ThreadPoolExecutor(3) as pool:
        writing = {
            name: pool.submit(_write_image, run, name, header, grid, strips, values)
            for name, header in headers.items()
        }
        writing["preview"] = pool.submit(_write_picture, run, strips)
        written = {name: future.result() for name, future in writing.items()}
    for name, path in written.items():
        run.publish(name, path, media_type="image/png" if name == "preview" else "image/fits")
    return written


def _write_image(
    run: Run, name: str, header: Header, grid: Grid, strips: Strips, values: Mapping[str, Any]
) -> Path:
    compression = values["compress"]
    rows = strips.rows_of("image" if name == "mosaic" else name)
    if compression == "none":
        path = run.folder / f"{name}.fits"
        write_image(path, header, grid.shape, values["pixel_type"], rows)
        return path
    path = run.folder / f"{name}.fits.fz"
    # The area is exact and smooth: it is never quantised.
    kind: Compression = "rice" if compression == "rice" and name == "mosaic" else "gzip"
    write_compressed_image(path, header, grid.shape, values["pixel_type"], rows, compression=kind)
    return path


def _write_picture(run: Run, strips: Strips) -> Path:
    small = strips.preview()
    path = run.folder / "preview.png"
    write_preview(path, stretch(small, display_levels(small)), valid=np.isfinite(small))
    return path


def _history(images: Sequence[Image], values: Mapping[str, Any]) -> Iterator[str]:
    yield f"Mosaic of {len(images)} images made by Hven."
    for name in ("kernel", "map_accuracy", "background", "combine"):
        yield f"{name}: {values[name]}"
    if values["zero_point"] is not None:
        yield f"scaled to zero point {values['zero_point']} mag by {values['zero_point_keyword']}"
    for image in images[:_NAMES_IN_HISTORY]:
        yield f"image: {Path(image.name).name}"
    if len(images) > _NAMES_IN_HISTORY:
        yield f"and {len(images) - _NAMES_IN_HISTORY} more: see images.tbl"
