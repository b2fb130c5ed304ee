"""Looking at an image piece by piece, whatever its size: what a viewer on a screen asks for.

An image is cut into square tiles at several levels: at level 0 a tile has the pixels themselves, at
level n the means of blocks of 2^n x 2^n pixels.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from hven.errors import InputError
from hven.formats.fits_structure import LARGEST_BYTES, Hdu, OpenedFile, fault, open_fits, walk
from hven.formats.frames import frame_of
from hven.formats.hdu_choice import image_axes, is_sky_image
from hven.formats.image_planes import (
    PlaneRequest,
    plane_count,
    plane_faults,
    plane_size,
    read_window,
)
from hven.formats.image_wcs import celestial_axes, image_wcs, restore_wcs
from hven.formats.sky import (
    icrs_to_pixel,
    longitude_latitude,
    pixel_scale,
    pixel_to_icrs,
    pixel_to_sky,
    unit_vectors,
)

#: Pixels along each side of a tile.
TILE = 256
#: Of a block that is shown as one pixel at most so many pixels along each side are read: what the
#: screen shows of an image is a sample of it, and does not take longer for a larger image.
_SAMPLED = 4
#: Pixels along each side of the sample from which limits are taken.
_SAMPLE = 1024
#: wcslib keeps intermediate values in its structures: one thread at a time.
_wcs_lock = threading.Lock()


class Limits(NamedTuple):
    """Values between which an image can be shown."""

    #: Of the sample: lowest and highest value.
    lowest: float
    highest: float
    #: The middle 99.5 per cent of all values.
    low: float
    high: float
    #: Around the background, by the algorithm zscale of IRAF.
    faint: float
    bright: float


class Spot(NamedTuple):
    """What is at a place of an image."""

    #: NaN where there is nothing.
    value: float
    #: Degrees in the image's own frame; None without a WCS, or off the sky.
    longitude: float | None
    latitude: float | None
    #: ICRS in degrees; None where the frame is not celestial.
    ra: float | None
    dec: float | None


class TiledImage:
    """One plane of an image unit, read in tiles.

    Parameters
    ----------
    opened
        The file; it has to stay open.
    hdu
        Its unit.
    plane
        Counted from 1.
    """

    def __init__(self, opened: OpenedFile, hdu: Hdu, plane: int) -> None:
        self._opened = opened
        self.hdu = hdu
        self._request = PlaneRequest(image_axes(hdu), plane)
        faults = plane_faults(hdu, self._request._replace(largest_bytes=1 << 62))
        if faults:
            raise fault(f"{opened.name}[{hdu.index}]", *faults)
        self.nx, self.ny = plane_size(hdu, self._request.axes)
        self.planes = plane_count(hdu, self._request.axes)

    @property
    def levels(self) -> int:
        """How many levels there are; the last one has a single tile."""
        return 1 + max(0, math.ceil(math.log2(max(self.nx, self.ny) / TILE)))

    @property
    def unit(self) -> str:
        """What the values are in, as the header says; empty where it does not."""
        return self.hdu.header.string("BUNIT")

    def tile(self, level: int, column: int, row: int) -> NDArray[np.float32]:
        """The tile (TILE, TILE) or less at the upper and right edge; NaN where there is nothing.

        Parameters
        ----------
        level
            0 is full resolution.
        column, row
            Counted from the left, and from the first row of the image.

        Raises
        ------
        InputError
            There is no such tile, or the file is damaged.
        """
        block = 1 << level
        x, y = column * TILE * block, row * TILE * block
        if not (0 <= level < self.levels and 0 <= x < self.nx and 0 <= y < self.ny):
            told = f"tile must be inside the image, got level {level}, {column}, {row}"
            raise fault(self._opened.name, told)
        size = TILE * block
        return self._means(x, y, min(size, self.nx - x), min(size, self.ny - y), block)

    def limits(self) -> Limits:
        """Values between which the image is shown."""
        block = 1 << max(0, math.ceil(math.log2(max(self.nx, self.ny) / _SAMPLE)))
        # It comes with matplotlib, which takes a second to load.
        from astropy.visualization import ZScaleInterval

        sample = self._means(0, 0, self.nx, self.ny, block)
        values = sample[np.isfinite(sample)]
        if not values.size:
            return Limits(0.0, 1.0, 0.0, 1.0, 0.0, 1.0)
        low, high = np.percentile(values, (0.25, 99.75))
        found = (values.min(), values.max(), low, high, *ZScaleInterval().get_limits(values))
        return Limits(*map(float, found))

    def spot(self, x: float, y: float) -> Spot:
        """Value and position of the 0-based pixel coordinates x, y."""
        column, row = math.floor(x + 0.5), math.floor(y + 0.5)
        value = math.nan
        if 0 <= column < self.nx and 0 <= row < self.ny:
            value = float(
                read_window(self._opened, self.hdu, self._request, (column, row, 1, 1))[0, 0]
            )
        wcs = self.wcs()
        if wcs is None:
            return Spot(value, None, None, None, None)
        with _wcs_lock:
            place = pixel_to_sky(wcs, np.array(x), np.array(y))
            celestial = frame_of(wcs).is_celestial
            icrs = longitude_latitude(pixel_to_icrs(wcs, np.array(x), np.array(y)))
        longitude, latitude = map(_finite, place)
        ra, dec = map(_finite, icrs) if celestial else (None, None)
        return Spot(value, longitude, latitude, ra, dec)

    def pixels_of(self, ra: NDArray[Any], dec: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """0-based pixel coordinates of ICRS positions in degrees; NaN where there are none."""
        wcs = self.wcs()
        if wcs is None or not frame_of(wcs).is_celestial:
            return np.full(len(ra), np.nan), np.full(len(ra), np.nan)
        with _wcs_lock:
            return icrs_to_pixel(wcs, unit_vectors(ra, dec))

    def wcs(self) -> WCS | None:
        """The celestial WCS; None where there is none that can be used."""
        if celestial_axes(self.hdu.header) is None:
            return None
        try:
            return _wcs(*image_wcs(self.hdu.header, Path(self._opened.name)))
        except InputError:
            return None

    def north(self) -> tuple[float, float, float] | None:
        """Towards north at the centre: dx, dy of length 1, and on which side east is.

        The third number is 1 where east is to the left of north, as on the sky, -1 where it is to
        the right; None without a celestial WCS.
        """
        wcs = self.wcs()
        if wcs is None or not frame_of(wcs).is_celestial:
            return None
        x, y = (self.nx - 1) / 2, (self.ny - 1) / 2
        with _wcs_lock:
            ra, dec = longitude_latitude(pixel_to_icrs(wcs, np.array(x), np.array(y)))
            step = pixel_scale(wcs)
            ras = np.array([ra, ra + step / max(math.cos(math.radians(float(dec))), 1e-6)])
            decs = np.array([dec + step, dec])
            px, py = icrs_to_pixel(wcs, unit_vectors(ras, decs))
        dx, dy, ex, ey = px[0] - x, py[0] - y, px[1] - x, py[1] - y
        length = math.hypot(dx, dy)
        if not math.isfinite(length) or length == 0:
            return None
        side = 1.0 if dx * ey - dy * ex > 0 else -1.0
        return float(dx / length), float(dy / length), side

    def scale_arcsec(self) -> float | None:
        """Arcseconds along a pixel at the reference point; None without a WCS."""
        wcs = self.wcs()
        return None if wcs is None else 3600.0 * pixel_scale(wcs)

    def _means(self, x: int, y: int, width: int, height: int, block: int) -> NDArray[np.float32]:
        """Means of blocks, from a sample of the pixels of each."""
        step = max(1, block // _SAMPLED)
        window = (x, y, width, height)
        values = read_window(self._opened, self.hdu, self._request, window, step)
        found = block_means(values, block // step) if block > step else values
        return np.ascontiguousarray(found, np.float32)


@contextmanager
def open_image(path: Path, hdu: int | None = None, plane: int = 1) -> Iterator[TiledImage]:
    """An image of a FITS file, to be looked at.

    Parameters
    ----------
    path
        The file.
    hdu
        Number of its unit; None is the first image, one with a celestial WCS before others.
    plane
        Of a cube, counted from 1.

    Raises
    ------
    InputError
        The file is no FITS file, is damaged, or has no such image.
    """
    with open_fits(path) as opened:
        units = image_units(opened)
        there = ", ".join(f"{unit.index} {unit.name}".strip() for unit in units) or "none"
        if hdu is None:
            chosen = next(filter(is_sky_image, units), units[0] if units else None)
        else:
            chosen = next((unit for unit in units if unit.index == hdu), None)
        if chosen is None:
            wanted = "an image of two axes" if hdu is None else f"an image in its unit {hdu}"
            raise fault(opened.name, f"must hold {wanted}, its images are: {there}")
        yield TiledImage(opened, chosen, plane)


def image_units(opened: OpenedFile) -> list[Hdu]:
    """The units of a file that are images of two axes or more, with pixels."""
    return [
        hdu
        for hdu in walk(opened, LARGEST_BYTES)
        if hdu.kind != "other" and len(hdu.axes) > 1 and math.prod(hdu.axes) > 0
    ]


def header_cards(path: Path, most: int = 2000) -> list[tuple[int, str, list[str]]]:
    """The headers of a FITS file as text: number and name of each unit, and its cards."""
    with open_fits(path) as opened:
        return [
            (hdu.index, hdu.name, [card.rstrip() for card in hdu.header.cards[:most]])
            for hdu in walk(opened, LARGEST_BYTES)
        ]


def block_means(values: NDArray[Any], factor: int) -> NDArray[Any]:
    """Means of blocks of factor x factor pixels, NaN left out; NaN where there is nothing else."""
    ny, nx = values.shape
    spare = (-ny % factor, -nx % factor)
    whole = np.pad(values, ((0, spare[0]), (0, spare[1])), constant_values=np.nan)
    parts = whole.reshape(whole.shape[0] // factor, factor, whole.shape[1] // factor, factor)
    finite = np.isfinite(parts)
    count = finite.sum(axis=(1, 3))
    total = np.where(finite, parts, 0).sum(axis=(1, 3), dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(count, total / count, np.nan)


@lru_cache(maxsize=64)
def _wcs(text: str, lookup: bytes) -> WCS:
    with _wcs_lock:
        wcs = restore_wcs(text, lookup)
        wcs.wcs.set()
    return wcs


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
