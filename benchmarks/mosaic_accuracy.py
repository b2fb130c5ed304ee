"""Holds a mosaic of the noise-free workload against its truth."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from workload import (
    STAR_SIGMA,
    TILE_NX,
    TILE_NY,
    Array,
    Grid,
    Sky,
    Workload,
    emission,
    make_tiles,
    star_free,
    starlight,
)

#: Pixels beside the mosaic's rim that are left out: programs differ in what they give there.
RIM = 4
#: Half the box in which a star's flux is added up: 7 sigma and the blur of two pixel grids.
BOX = 10
#: Half the box whose star-free pixels give the level around a star.
RING = 20
FAINTEST_FLUX = 1e4


class Accuracy(NamedTuple):
    """How far a mosaic is from the truth."""

    #: rms and largest difference where there are no stars, after one plane was taken off, DN.
    seam_rms: float
    seam_max: float
    #: Relative errors of the fluxes of bright stars that stand alone.
    star_rms: float
    star_max: float
    stars: int


class Truth:
    """What a mosaic of this workload should be, computed once for all programs."""

    def __init__(self, workload: Workload) -> None:
        self.sky: Sky = workload.sky
        self.grid: Grid = workload.grid
        self.smooth = emission(self.sky, self.grid)
        self.stars = starlight(self.sky, self.grid)
        self.free = star_free(self.sky, self.grid)
        rim = np.ones_like(self.free)
        rim[RIM:-RIM, RIM:-RIM] = False
        self.free &= ~rim
        self.lone = lone_stars(workload)

    def judge(self, path: Path) -> Accuracy:
        """Compare a mosaic on the workload's grid, or on a part of it (as mAdd writes)."""
        image = _on_grid(path, self.grid)
        difference = image - self.smooth
        free = self.free & np.isfinite(difference)
        difference -= _plane(difference, free)
        seams = difference[free]
        errors = self._star_errors(difference - self.stars)
        return Accuracy(
            float(np.sqrt(np.mean(seams**2))),
            float(np.max(np.abs(seams))),
            float(np.sqrt(np.mean(errors**2))),
            float(np.max(np.abs(errors))),
            len(errors),
        )

    def _star_errors(self, difference: Array) -> Array:
        """Sum of the difference around each lone bright star, over its flux.

        The local level is taken off, as photometry does. The truth of the star's neighbours is in
        the difference, so what counts is only that no light of theirs crosses the box's edge.
        """
        x, y, cosine = self.grid.pixels(self.sky.stars)
        errors = []
        for k in self.lone:
            column, row = round(x[k]), round(y[k])
            ring = np.s_[row - RING : row + RING + 1, column - RING : column + RING + 1]
            box = np.s_[row - BOX : row + BOX + 1, column - BOX : column + BOX + 1]
            level = np.nanmedian(difference[ring][self.free[ring]])
            errors.append(np.sum(difference[box] - level) * cosine[k] ** 3 / self.sky.fluxes[k])
        return np.array(errors)


def lone_stars(workload: Workload) -> NDArray[np.intp]:
    """Rows of the bright stars with no neighbour at the edge of their box and no tile's edge in it.

    Where the edge of a tile cuts a star, the two parts of the mosaic sample it differently, and
    its sum is off by up to a hundredth in every program.
    """
    sky, grid = workload.sky, workload.grid
    x, y, _ = grid.pixels(sky.stars)
    bright = sky.fluxes > FAINTEST_FLUX
    bright &= _depth(x, y, grid.nx, grid.ny) > RING + RIM
    for tile in make_tiles(workload.layout):
        across, along, cosine = tile.grid.pixels(sky.stars)
        depth = _depth(across, along, TILE_NX, TILE_NY)
        bright &= (abs(depth) > 2 * BOX) | (cosine < 0)
    alone = []
    for k in np.flatnonzero(bright):
        near = np.maximum(abs(x - round(x[k])), abs(y - round(y[k])))
        light = sky.fluxes[abs(near - BOX - 0.5) < 5 * STAR_SIGMA].sum()
        if light < 1e-3 * sky.fluxes[k]:
            alone.append(k)
    return np.array(alone)


def _depth(x: Array, y: Array, nx: int, ny: int) -> Array:
    """Pixels from the nearest edge of an image; negative outside."""
    return np.minimum(nx / 2 - abs(x - (nx - 1) / 2), ny / 2 - abs(y - (ny - 1) / 2))


def _on_grid(path: Path, grid: Grid) -> Array:
    """The mosaic as float64 on the whole grid; NaN where the file has nothing."""
    with fits.open(path, memmap=True) as hdus:
        hdu = next(hdu for hdu in hdus if hdu.data is not None)
        header, data = hdu.header, hdu.data
        x = round(grid.crpix[0] - header["CRPIX1"])
        y = round(grid.crpix[1] - header["CRPIX2"])
        image = np.full((grid.ny, grid.nx), np.nan)
        left, bottom = max(x, 0), max(y, 0)
        part = data[bottom - y : grid.ny - y, left - x : grid.nx - x]
        image[bottom : bottom + part.shape[0], left : left + part.shape[1]] = part
    return image


def _plane(difference: Array, free: NDArray[np.bool_]) -> Array:
    """The one plane that no matching can know, by least squares over the star-free pixels."""
    ny, nx = difference.shape
    y, x = np.nonzero(free)
    # A hundred thousand pixels fix three numbers well enough, and quickly.
    step = max(1, len(x) // 100_000)
    x, y = x[::step], y[::step]
    terms = np.stack([np.ones(len(x)), x / nx, y / ny], axis=1)
    a, b, c = np.linalg.lstsq(terms, difference[y, x], rcond=None)[0]
    return np.asarray(a + b * (np.arange(nx) / nx)[None, :] + c * (np.arange(ny) / ny)[:, None])
