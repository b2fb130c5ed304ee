"""Projection with the kernels of STScI's drizzle."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.apps.mosaic.region import Window
from hven.formats.sky import PixelTransform
from hven.kernels.overlap import Projected


def drizzle_image(
    data: NDArray[Any],
    weight: NDArray[Any] | None,
    transform: PixelTransform,
    *,
    kernel: str,
    pixfrac: float,
    per_pixel: bool,
    window: Window | None,
) -> Projected:
    """An image on the output grid as drizzle makes it.

    Parameters
    ----------
    data
        (ny, nx); NaN is no data.
    weight
        (ny, nx) or None.
    transform
        From pixels of the image to pixels of the output.
    kernel, pixfrac
        As drizzle takes them; Fruchter & Hook 2002, doi:10.1086/338393.
    per_pixel
        Pixels hold flux: the result is flux per output pixel.
    window
        The part of the output that is wanted, or None for all that the image reaches.

    Notes
    -----
    The area is drizzle's weight: coverage in output pixels times the weight of the image.
    """
    # Its import takes a third of a second, and few ask for it.
    from drizzle.resample import Drizzle

    ny, nx = data.shape
    x, y = transform(*np.meshgrid(np.arange(nx, dtype=float), np.arange(ny, dtype=float)))
    good = np.isfinite(data) & np.isfinite(x) & np.isfinite(y)
    if window is not None:
        margin = 4.0 * _scale(x, y)
        good &= (x > window.x_min - margin) & (x < window.x_max + margin)
        good &= (y > window.y_min - margin) & (y < window.y_max + margin)
    box = _box(x[good], y[good], 4.0 * _scale(x, y), window)
    if box.width <= 0 or box.height <= 0:
        empty = np.empty((0, 0), np.float32)
        return Projected(empty, empty, box.x_min, box.y_min)
    pixmap = np.dstack([np.where(good, x - box.x_min, -1e6), np.where(good, y - box.y_min, -1e6)])
    values = np.where(good, data, 0.0).astype(np.float32)
    if per_pixel:
        values /= _pixel_areas(x, y).astype(np.float32)
    weights = np.where(good, 1.0 if weight is None else weight, 0.0).astype(np.float32)
    drizzle = Drizzle(
        kernel=kernel, fillval="nan", out_shape=(box.height, box.width), disable_ctx=True
    )
    with warnings.catch_warnings():
        # That gaussian and lanczos keep flux only about, the documentation says.
        warnings.simplefilter("ignore")
        drizzle.add_image(
            values,
            exptime=1.0,
            pixmap=pixmap,
            weight_map=weights,
            pixfrac=pixfrac,
            in_units="cps",
        )
    area = np.where(np.isfinite(drizzle.out_img), drizzle.out_wht, 0).astype(np.float32)
    return Projected(drizzle.out_img, area, box.x_min, box.y_min)


def _pixel_areas(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Area of each pixel of the image in pixels of the output."""
    if min(x.shape) < 2:
        return np.ones_like(x)
    (x_row, x_column), (y_row, y_column) = np.gradient(x), np.gradient(y)
    areas = np.abs(x_column * y_row - x_row * y_column)
    return np.where(np.isfinite(areas) & (areas > 0), areas, 1.0)


def _scale(x: NDArray[Any], y: NDArray[Any]) -> float:
    """Side of a pixel of the image in pixels of the output."""
    return max(1.0, math.sqrt(float(np.median(_pixel_areas(x, y)))))


def _box(x: NDArray[Any], y: NDArray[Any], margin: float, window: Window | None) -> Window:
    if not x.size:
        return Window(0, 0, 0, 0)
    box = Window(
        math.floor(x.min() - margin),
        math.floor(y.min() - margin),
        math.ceil(x.max() + margin) + 1,
        math.ceil(y.max() + margin) + 1,
    )
    return box if window is None else box.cut(window)
