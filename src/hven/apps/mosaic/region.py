"""Where things lie on the output grid: windows, the lattice, the images' places, the strips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.formats.footprint import edge_pixels, footprint_of_corners
from hven.formats.grid import Grid
from hven.formats.images import Summary
from hven.formats.sky import celestial_wcs, icrs_to_pixel, pixel_transform

Floats = NDArray[np.float64]

#: A strip is the unit of coaddition: large enough to be worth a step, small enough to spread.
_STRIPS_WANTED = 16
_STRIP_PIXELS = (1_000_000, 8_000_000)
#: An image that covers more pixels than this is projected only where it is near the region.
_WHOLE_PIXELS = 16_000_000


class Window(NamedTuple):
    """Half-open limits in pixels."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.x_max - self.x_min

    @property
    def height(self) -> int:
        """Rows."""
        return self.y_max - self.y_min

    @property
    def pixels(self) -> int:
        """Columns times rows; 0 for a window of nothing."""
        return max(self.width, 0) * max(self.height, 0)

    @property
    def middle(self) -> tuple[float, float]:
        """x and y of the middle."""
        return (self.x_min + self.x_max - 1) / 2, (self.y_min + self.y_max - 1) / 2

    def cut(self, other: Window) -> Window:
        """What the two share; a window of no pixels where that is nothing."""
        return Window(
            max(self.x_min, other.x_min),
            max(self.y_min, other.y_min),
            min(self.x_max, other.x_max),
            min(self.y_max, other.y_max),
        )

    def grown(self, columns: int, rows: int) -> Window:
        """The window with so many pixels more on each side."""
        return Window(
            self.x_min - columns, self.y_min - rows, self.x_max + columns, self.y_max + rows
        )

    def overlaps(self, other: Window) -> bool:
        """Whether the two share a pixel."""
        return self.cut(other).pixels > 0


@dataclass(frozen=True)
class Lattice:
    """The endless grid of which the mosaic is a window.

    Two regions of one sky grid whose reference pixels differ by whole pixels have one lattice, and
    so one set of projected images.
    """

    #: The cards of the WCS, with CRPIX of at least 0 and below 1.
    header: str
    #: The mosaic's place on it.
    window: Window


def lattice_of(grid: Grid) -> Lattice:
    """The lattice of a grid."""
    x_shift, y_shift = (math.floor(pixel) for pixel in grid.wcs.wcs.crpix)
    header = grid.cut((x_shift, y_shift, x_shift + 1, y_shift + 1)).header
    return Lattice(header, Window(-x_shift, -y_shift, grid.nx - x_shift, grid.ny - y_shift))


def places_on(lattice: Lattice, summaries: Sequence[Summary]) -> list[Window | None]:
    """About where each image will lie; None where its outline does not tell, as for all-sky ones.

    Right to a part of the image's size, by which its edges bend.
    """
    wcs = celestial_wcs(lattice.header)
    places: list[Window | None] = []
    for summary in summaries:
        if summary.frame == "icrs":
            outline = footprint_of_corners(summary.corners)
            x, y = icrs_to_pixel(wcs, outline.outline.T)
            places.append(None if outline.is_whole_sky else _around(x, y))
        else:
            to_lattice = pixel_transform(summary.wcs, wcs)
            x, y = to_lattice(*edge_pixels(summary.nx, summary.ny))
            # The Sun's limb lies inside its image, whose outline is then nowhere on its surface.
            places.append(_around(x, y) if np.isfinite(x + y).any() else None)
    return places


def _around(x: Floats, y: Floats) -> Window | None:
    """The window around an outline; of no pixels where the grid's projection has none of it."""
    seen = np.isfinite(x) & np.isfinite(y)
    if not seen.any():
        return Window(0, 0, 0, 0)
    if not seen.all():
        return None
    # An outline of a few points lies inside that of the image by what its edges bend.
    return Window(
        math.floor(x.min()) - 2,
        math.floor(y.min()) - 2,
        math.ceil(x.max()) + 3,
        math.ceil(y.max()) + 3,
    )


def projection_window(region: Window, place: Window | None) -> Window | None:
    """The part of the lattice on which an image is wanted; None for all of it.

    An image is projected whole where that is not much work: matching sees whole overlaps, and
    other regions find the same product.
    """
    if place is None:
        return region
    if place.pixels <= _WHOLE_PIXELS:
        return None
    near = region.grown(region.width // 4, region.height // 4)
    return near if place.cut(near).pixels < place.pixels else None


def strips_of(window: Window, shrink: int, bytes_per_pixel: float, memory: float) -> list[Window]:
    """Full-width bands of the window, each a multiple of `shrink` rows high but the last.

    Parameters
    ----------
    window
        What is to be covered.
    shrink
        Factor of the preview, which is made strip by strip.
    bytes_per_pixel
        What coaddition holds for a pixel of a strip.
    memory
        Bytes that a strip may take.
    """
    pixels = min(
        max(window.pixels // _STRIPS_WANTED, _STRIP_PIXELS[0]),
        _STRIP_PIXELS[1],
        int(memory / bytes_per_pixel),
    )
    rows = max(shrink, pixels // window.width // shrink * shrink)
    return [
        Window(window.x_min, y, window.x_max, min(y + rows, window.y_max))
        for y in range(window.y_min, window.y_max, rows)
    ]
