"""From an image to grey levels that show what is in it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.errors import Fault, ParameterError
from hven.kernels.compiled import compiled

#: A strip of rows that is read at a time has about this many pixels.
_STRIP_PIXELS = 4_000_000


class Levels(NamedTuple):
    """How values become grey: `asinh((value - black) / softening)`, black to white."""

    #: This value and all below are black.
    black: float
    #: This value and all above are white.
    white: float
    #: Up to about this far above black the stretch is linear, beyond it is logarithmic.
    softening: float


def shrink(
    image: NDArray[Any], factor: int, *, area: NDArray[Any] | None = None
) -> NDArray[np.float32]:
    """The image with the means of its blocks of factor x factor pixels.

    Parameters
    ----------
    image
        (ny, nx) of any real type and byte order; may be memory-mapped, as it is read in strips.
        NaN and infinite pixels are left out, a block without others is NaN.
    factor
        Pixels along each side of a block; blocks at the upper and right edge may be cut.
    area
        (ny, nx) weights of the pixels; those with 0 or less are left out.

    Returns
    -------
    NDArray
        (ceil(ny / factor), ceil(nx / factor)) float32.
    """
    if factor < 1:
        raise ParameterError([Fault("factor", f"must be at least 1, got {factor}")])
    ny, nx = image.shape
    shrunk = np.empty((-(-ny // factor), -(-nx // factor)), np.float32)
    blocks = max(1, _STRIP_PIXELS // max(nx * factor, 1))
    for row in range(0, shrunk.shape[0], blocks):
        rows = slice(row * factor, (row + blocks) * factor)
        kind = np.float32 if image.dtype.newbyteorder("=") == np.float32 else np.float64
        values = np.ascontiguousarray(image[rows], dtype=kind)
        weights = np.ones((1, 1)) if area is None else np.ascontiguousarray(area[rows], np.float64)
        _block_means(values, weights, area is not None, factor, shrunk[row : row + blocks])
    return shrunk


def display_levels(sample: NDArray[Any]) -> Levels:
    """Levels with the background just above black, faint structure visible and stars not bloated.

    Parameters
    ----------
    sample
        Values of the image, of any shape and real type; NaN and infinite ones are left out. About
        a million are enough.

    Notes
    -----
    The background is where the values crowd: the middle of the narrowest interval that holds a
    quarter of them, which stars do not move, nor a nebula over half of the image. Its noise comes
    from the values below it, since above it there is also light. Black lies two such deviations
    below the background, white at the brightest 1 in 500 or at least 20 deviations above.
    """
    values = np.asarray(sample).ravel()
    values = np.sort(values[np.isfinite(values)].astype(np.float64))
    if not values.size:
        return Levels(0.0, 1.0, 1.0)
    background, noise = _background(values)
    black = background - 2.0 * noise
    white = max(_quantile(values, 0.998), background + 20.0 * noise)
    return Levels(black, white, 4.0 * noise)


def stretch(image: NDArray[Any], levels: Levels) -> NDArray[np.uint8]:
    """Grey levels 1 (black) to 255 (white); 0 where there is no value.

    Parameters
    ----------
    image
        (ny, nx) of any real type. NaN means that there is nothing; infinities are black or white.
    levels
        As `display_levels` gives them; with one set for several bands their colours are kept.

    Notes
    -----
    asinh is linear for faint and logarithmic for bright values (Lupton, Gunn & Szalay 1999,
    doi:10.1086/301004).
    """
    values = np.asarray(image, np.float64)
    top = math.asinh((levels.white - levels.black) / levels.softening)
    with np.errstate(invalid="ignore"):
        grey = np.arcsinh((values - levels.black) / levels.softening) / top
        grey = np.where(np.isnan(grey), 0.0, 1.5 + 254.0 * np.clip(grey, 0.0, 1.0))
    return grey.astype(np.uint8)


def _background(values: NDArray[np.float64]) -> tuple[float, float]:
    """Level and noise of the background, from sorted values; the noise is never 0."""
    part = max(values.size // 4, 1)
    widths = values[part:] - values[:-part] if values.size > part else np.zeros(1)
    start = int(np.argmin(widths))
    background = 0.5 * float(values[start] + values[min(start + part, values.size - 1)])
    below = background - values[values < background]
    noise = 1.4826 * float(np.median(below)) if below.size else 0.0
    # Half of the values equal or none below: the scale of the upper half has to do.
    noise = noise or 0.1 * (_quantile(values, 0.95) - background) or 0.1 * float(np.ptp(values))
    least = np.finfo(np.float32).eps * abs(background) or np.finfo(np.float32).tiny
    return background, max(noise, float(least))


def _quantile(values: NDArray[np.float64], fraction: float) -> float:
    return float(values[round(fraction * (values.size - 1))])


@compiled
def _block_means(
    values: NDArray[Any],
    weights: NDArray[np.float64],
    weighted: bool,
    factor: int,
    means: NDArray[np.float32],
) -> None:
    """Means of blocks; `weights` is not looked at unless `weighted`."""
    ny, nx = values.shape
    # Of each column: whole rows are added first, several columns at once.
    totals, areas = np.empty(nx), np.empty(nx)
    for row in range(means.shape[0]):
        totals[:] = 0.0
        areas[:] = 0.0
        for y in range(row * factor, min((row + 1) * factor, ny)):
            line = values[y]
            strengths = weights[y if weighted else 0]
            if weighted:
                for x in range(nx):
                    good = (abs(line[x]) < np.inf) & (strengths[x] > 0.0)
                    totals[x] += strengths[x] * line[x] if good else 0.0
                    areas[x] += strengths[x] if good else 0.0
            else:
                for x in range(nx):
                    totals[x] += np.float64(line[x]) if abs(line[x]) < np.inf else 0.0
                    areas[x] += 1.0 if abs(line[x]) < np.inf else 0.0
        for column in range(means.shape[1]):
            total = area = 0.0
            for x in range(column * factor, min((column + 1) * factor, nx)):
                total += totals[x]
                area += areas[x]
            means[row, column] = total / area if area > 0.0 else np.nan
