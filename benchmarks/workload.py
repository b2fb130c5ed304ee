"""Makes the set of tiles that the mosaic benchmarks run on, with its truth.

Tiles like those of 2MASS: 512 x 1024 pixels of 1", SIN projection, each with its own pointing,
rotation (up to 3 degrees) and background plane (level 100 to 600 DN, slope up to 0.02 DN a pixel),
laid out with steps of 440 x 900 pixels; 20,000 stars a square degree as Gaussians integrated over
each tile's own pixels, and extended emission that is a function of the position on the sky. So
the truth can be computed on any grid. The projections are written out here, not taken from the
programs that are measured.

    python benchmarks/workload.py FOLDER [--columns 9 --rows 5 --size 3600] [--noise 1]
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.io import fits
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]

ARCSEC = math.radians(1 / 3600)
TILE_NX, TILE_NY = 512, 1024
STEP_X, STEP_Y = 440, 900
STARS_PER_SQUARE_DEGREE = 20_000
CLOUDS_PER_SQUARE_DEGREE = 12
#: Gaussian width of a star, pixels; 2MASS Atlas images have a FWHM of about 2.8".
STAR_SIGMA = 1.2
#: Half the box a star is drawn in: beyond 9 sigma a Gaussian is below float32's rounding.
STAR_REACH = 11


@dataclass(frozen=True)
class Layout:
    """How many tiles, the size of the mosaic that they cover, and what is random about them."""

    columns: int = 9
    rows: int = 5
    #: Pixels along each side of the mosaic.
    size: int = 3600
    #: Standard deviation of the noise of a pixel, DN; 0 for the noise-free set.
    noise: float = 0.0
    seed: int = 7
    ra_deg: float = 274.7
    dec_deg: float = -13.8

    @property
    def square_degrees(self) -> float:
        """Area of the mosaic on its tangent plane."""
        return (self.size / 3600) ** 2


ONE_SQUARE_DEGREE = Layout()
THIRTY_SIX_SQUARE_DEGREES = Layout(columns=50, rows=26, size=21_600)


@dataclass(frozen=True)
class Grid:
    """A pixel grid of 1" on the tangent plane of one point, without any distortion.

    `projection` is TAN or SIN; `crpix` and `rotation` are the FITS keywords CRPIX and CROTA2.
    """

    projection: str
    ra_deg: float
    dec_deg: float
    nx: int
    ny: int
    crpix: tuple[float, float]
    rotation_deg: float = 0.0

    def window(self, x: int, y: int, nx: int, ny: int) -> Grid:
        """The part of this grid whose first pixel is (x, y), 0-based."""
        return replace(self, nx=nx, ny=ny, crpix=(self.crpix[0] - x, self.crpix[1] - y))

    def cards(self) -> dict[str, str | float]:
        """The celestial WCS as FITS keywords; J2000 without RADESYS, as 2MASS writes it."""
        return {
            "CTYPE1": f"RA---{self.projection}",
            "CTYPE2": f"DEC--{self.projection}",
            "CRPIX1": self.crpix[0],
            "CRPIX2": self.crpix[1],
            "CRVAL1": self.ra_deg,
            "CRVAL2": self.dec_deg,
            "CDELT1": -1 / 3600,
            "CDELT2": 1 / 3600,
            "CROTA2": self.rotation_deg,
            "EQUINOX": 2000.0,
        }

    def axes(self) -> Array:
        """Unit vectors to the east, to the north and to the tangent point, as rows."""
        ra, dec = math.radians(self.ra_deg), math.radians(self.dec_deg)
        east = (-math.sin(ra), math.cos(ra), 0.0)
        north = (-math.sin(dec) * math.cos(ra), -math.sin(dec) * math.sin(ra), math.cos(dec))
        return np.array([east, north, _unit(self.ra_deg, self.dec_deg)])

    def directions(self) -> Array:
        """Unit vector of the sky position of each pixel's centre, (ny, nx, 3)."""
        cosine, sine = self._turn()
        dx = (np.arange(self.nx) + 1 - self.crpix[0])[None, :] * ARCSEC
        dy = (np.arange(self.ny) + 1 - self.crpix[1])[:, None] * ARCSEC
        east = -dx * cosine - dy * sine
        north = -dx * sine + dy * cosine
        square = east**2 + north**2
        depth = np.ones_like(square) if self.projection == "TAN" else np.sqrt(1 - square)
        plane = np.stack([east, north, depth], axis=-1) @ self.axes()
        norm: Array = np.sqrt(1 + square)[..., None] if self.projection == "TAN" else np.ones(1)
        return np.asarray(plane / norm)

    def pixels(self, directions: Array) -> tuple[Array, Array, Array]:
        """Pixel x and y (0-based) of unit vectors (n, 3), and the cosine of their distance."""
        east, north, depth = self.axes() @ directions.T
        if self.projection == "TAN":
            with np.errstate(divide="ignore", invalid="ignore"):
                east, north = east / depth, north / depth
        cosine, sine = self._turn()
        x = (-east * cosine - north * sine) / ARCSEC + self.crpix[0] - 1
        y = (-east * sine + north * cosine) / ARCSEC + self.crpix[1] - 1
        return x, y, depth

    def _turn(self) -> tuple[float, float]:
        angle = math.radians(self.rotation_deg)
        return math.cos(angle), math.sin(angle)


class Sky(NamedTuple):
    """What there is to see: stars and clouds, each at a unit vector."""

    #: Directions of the stars (n, 3) and their fluxes (n,), DN.
    stars: Array
    fluxes: Array
    #: Directions of the clouds (m, 3), 1 / width^2 (m,) per square radian, and height (m,), DN.
    clouds: Array
    concentrations: Array
    heights: Array


class Tile(NamedTuple):
    """One input image: where it looks and the background plane that was added to it."""

    name: str
    grid: Grid
    #: DN at the tile's centre, and DN a pixel along x and y.
    level: float
    slope_x: float
    slope_y: float


class Workload(NamedTuple):
    """A made set of tiles, with all that is needed to judge a mosaic of it."""

    layout: Layout
    tiles: list[Path]
    #: The mosaic's grid as Montage's header text, and as this file's own grid.
    header: Path
    grid: Grid
    sky: Sky


def mosaic_grid(layout: Layout) -> Grid:
    """The output grid: TAN, north up, centred."""
    middle = (layout.size + 1) / 2
    centre = (layout.ra_deg, layout.dec_deg)
    return Grid("TAN", *centre, layout.size, layout.size, (middle, middle))


def make_sky(layout: Layout) -> Sky:
    """Stars and clouds over all that the tiles cover."""
    random = np.random.default_rng([layout.seed, 1])
    reach_x = STEP_X * layout.columns / 2 + 200
    reach_y = STEP_Y * layout.rows / 2 + 200
    square_degrees = 4 * reach_x * reach_y / 3600**2
    n_stars = round(STARS_PER_SQUARE_DEGREE * square_degrees)
    n_clouds = round(CLOUDS_PER_SQUARE_DEGREE * square_degrees)
    grid = mosaic_grid(layout)

    def anywhere(count: int) -> Array:
        x = random.uniform(-reach_x, reach_x, count) + grid.crpix[0]
        y = random.uniform(-reach_y, reach_y, count) + grid.crpix[1]
        return _tangent_directions(grid, x, y)

    # N(>F) ~ 1/F up to 3e5 DN, which is what a galactic field looks like in J.
    fluxes = np.minimum(300 / (1 - random.random(n_stars)), 3e5)
    widths = random.uniform(200, 500, n_clouds) * ARCSEC
    heights = random.uniform(20, 200, n_clouds)
    return Sky(anywhere(n_stars), fluxes, anywhere(n_clouds), widths**-2, heights)


def make_tiles(layout: Layout) -> list[Tile]:
    """Pointing, rotation and background plane of each tile."""
    random = np.random.default_rng([layout.seed, 2])
    grid = mosaic_grid(layout)
    tiles: list[Tile] = []
    for row in range(layout.rows):
        for column in range(layout.columns):
            x = grid.crpix[0] + (column - (layout.columns - 1) / 2) * STEP_X
            y = grid.crpix[1] + (row - (layout.rows - 1) / 2) * STEP_Y
            centre = _tangent_directions(grid, np.array([x]), np.array([y]))[0]
            ra, dec = _angles(centre)
            middle = ((TILE_NX + 1) / 2, (TILE_NY + 1) / 2)
            pointing = Grid("SIN", ra, dec, TILE_NX, TILE_NY, middle, random.uniform(-3, 3))
            level = random.uniform(100, 600)
            slopes = random.uniform(-0.02, 0.02, 2)
            name = f"tile-{len(tiles):05d}.fits"
            tiles.append(Tile(name, pointing, level, float(slopes[0]), float(slopes[1])))
    return tiles


def truth(sky: Sky, grid: Grid) -> Array:
    """Surface brightness on a grid, DN per square arcsecond, without any background plane."""
    return emission(sky, grid) + starlight(sky, grid)


def emission(sky: Sky, grid: Grid) -> Array:
    """The clouds alone, at the pixels' centres.

    A pixel's mean differs from that by less than 2e-4 DN: the clouds are wider than 200 pixels.
    """
    values = np.empty((grid.ny, grid.nx))
    axes = grid.axes()
    # A strip at a time, with the clouds that reach it (to 7 sigma: 2e-11 of a cloud's height).
    for first in range(0, grid.ny, 256):
        strip = grid.window(0, first, grid.nx, min(256, grid.ny - first))
        middle = strip.window(strip.nx // 2, strip.ny // 2, 1, 1).directions()[0, 0]
        radius = math.hypot(strip.nx, strip.ny) / 2 * ARCSEC
        near = sky.clouds @ middle > np.cos(
            np.minimum(radius + 7 / np.sqrt(sky.concentrations), math.pi)
        )
        clouds = sky.clouds[near] @ axes.T
        directions = strip.directions() @ axes.T
        values[first : first + strip.ny] = _cloud_sum(
            directions, clouds, sky.concentrations[near], sky.heights[near]
        )
    return values


def starlight(sky: Sky, grid: Grid) -> Array:
    """The stars alone, integrated over each pixel."""
    values = np.zeros((grid.ny, grid.nx))
    x, y, cosine = _visible_stars(sky, grid)
    solid_angle = _pixel_solid_angle(grid, cosine[0])
    fluxes = sky.fluxes[cosine[1]] / solid_angle
    _add_stars(values, x, y, fluxes, STAR_SIGMA / np.sqrt(solid_angle))
    return values


def star_free(sky: Sky, grid: Grid, radius: int = 10) -> NDArray[np.bool_]:
    """True where no star's light reaches, not even after a pixel or two of blurring."""
    free = np.ones((grid.ny, grid.nx), dtype=bool)
    x, y, _ = _visible_stars(sky, grid)
    for column, row in zip(np.rint(x).astype(int), np.rint(y).astype(int), strict=True):
        left, bottom = max(column - radius, 0), max(row - radius, 0)
        free[bottom : max(row + radius + 1, 0), left : max(column + radius + 1, 0)] = False
    return free


def make(folder: Path, layout: Layout, workers: int = 2) -> Workload:
    """Write the tiles and the mosaic's header, unless the folder has just these already."""
    raw = folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    tiles, sky, grid = make_tiles(layout), make_sky(layout), mosaic_grid(layout)
    header, note = folder / "region.hdr", folder / "layout.json"
    written = json.dumps(asdict(layout) | {"format": 1})
    if not note.exists() or note.read_text() != written:
        header.write_text(_header_text(grid))
        with ProcessPoolExecutor(workers, initializer=_prepare, initargs=(sky, layout)) as pool:
            list(pool.map(_write_tile, tiles, [raw] * len(tiles), range(len(tiles)), chunksize=4))
        note.write_text(written)
    return Workload(layout, [raw / tile.name for tile in tiles], header, grid, sky)


def _tangent_directions(grid: Grid, x: Array, y: Array) -> Array:
    """Unit vectors (n, 3) of positions on the mosaic's tangent plane, 1-based pixels."""
    east, north = -(x - grid.crpix[0]) * ARCSEC, (y - grid.crpix[1]) * ARCSEC
    vectors = np.stack([east, north, np.ones_like(east)], axis=-1) @ grid.axes()
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _unit(ra_deg: float, dec_deg: float) -> tuple[float, float, float]:
    ra, dec = math.radians(ra_deg), math.radians(dec_deg)
    return math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)


def _angles(vector: Array) -> tuple[float, float]:
    ra = math.degrees(math.atan2(vector[1], vector[0])) % 360
    return ra, math.degrees(math.atan2(vector[2], math.hypot(vector[0], vector[1])))


def _visible_stars(sky: Sky, grid: Grid) -> tuple[Array, Array, tuple[Array, NDArray[np.intp]]]:
    """Pixel positions of the stars that touch a grid, the cosine of their distance, their rows."""
    x, y, cosine = grid.pixels(sky.stars)
    inside = (cosine > 0.5) & (abs(x - (grid.nx - 1) / 2) < grid.nx / 2 + STAR_REACH)
    inside &= abs(y - (grid.ny - 1) / 2) < grid.ny / 2 + STAR_REACH
    rows = np.flatnonzero(inside)
    return x[rows], y[rows], (cosine[rows], rows)


def _pixel_solid_angle(grid: Grid, cosine: Array) -> Array:
    """Solid angle of a pixel, square arcseconds, at a distance with this cosine."""
    return np.asarray(cosine**3 if grid.projection == "TAN" else 1 / cosine)


def _header_text(grid: Grid) -> str:
    header = fits.Header({"SIMPLE": True, "BITPIX": -64, "NAXIS": 2})
    header["NAXIS1"], header["NAXIS2"] = grid.nx, grid.ny
    header.update(grid.cards())
    return "\n".join(str(card).rstrip() for card in header.cards) + "\nEND\n"


_current: list[tuple[Sky, Layout]] = []


def _prepare(sky: Sky, layout: Layout) -> None:
    """Hand a worker the sky once, not with every tile."""
    _current[:] = [(sky, layout)]


def _write_tile(tile: Tile, folder: Path, number: int) -> None:
    sky, layout = _current[0]
    grid = tile.grid
    image = truth(sky, grid)
    image += tile.level
    image += tile.slope_x * (np.arange(grid.nx) + 1 - grid.crpix[0])[None, :]
    image += tile.slope_y * (np.arange(grid.ny) + 1 - grid.crpix[1])[:, None]
    if layout.noise:
        random = np.random.default_rng([layout.seed, 3, number])
        image += layout.noise * random.standard_normal(image.shape)
    header = fits.Header(grid.cards())
    header["BUNIT"] = "DN"
    header["MAGZP"] = (20.9044, "zero point, the same for all tiles")
    header["FILTER"] = "j"
    header["ORIGIN"] = "simulated"
    header["SCANNO"] = number
    hdu = fits.PrimaryHDU(image.astype(">f4"), header)
    hdu.writeto(folder / tile.name, overwrite=True)


@njit(cache=True)
def _cloud_sum(directions: Array, clouds: Array, concentrations: Array, heights: Array) -> Array:
    """Sum of heights * exp(-distance^2 / 2 width^2), distances as chords, per pixel."""
    ny, nx, _ = directions.shape
    values = np.zeros((ny, nx))
    for row in range(ny):
        for k in range(len(heights)):
            for column in range(nx):
                dx = directions[row, column, 0] - clouds[k, 0]
                dy = directions[row, column, 1] - clouds[k, 1]
                dz = directions[row, column, 2] - clouds[k, 2]
                distance = dx * dx + dy * dy + dz * dz
                values[row, column] += heights[k] * math.exp(-0.5 * concentrations[k] * distance)
    return values


@njit(cache=True)
def _add_stars(image: Array, x: Array, y: Array, fluxes: Array, sigmas: Array) -> None:
    ny, nx = image.shape
    across = np.empty(2 * STAR_REACH + 1)
    for k in range(len(x)):
        width = sigmas[k] * math.sqrt(2.0)
        left, bottom = round(x[k]) - STAR_REACH, round(y[k]) - STAR_REACH
        for i in range(across.size):
            low, high = left + i - 0.5 - x[k], left + i + 0.5 - x[k]
            across[i] = 0.5 * (math.erf(high / width) - math.erf(low / width))
        for row in range(max(bottom, 0), min(bottom + across.size, ny)):
            low, high = row - 0.5 - y[k], row + 0.5 - y[k]
            part = 0.5 * fluxes[k] * (math.erf(high / width) - math.erf(low / width))
            for column in range(max(left, 0), min(left + across.size, nx)):
                image[row, column] += part * across[column - left]


def _main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make the tiles of the mosaic benchmarks.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--columns", type=int, default=9)
    parser.add_argument("--rows", type=int, default=5)
    parser.add_argument("--size", type=int, default=3600)
    parser.add_argument("--noise", type=float, default=0.0)
    options = parser.parse_args(arguments)
    layout = Layout(options.columns, options.rows, options.size, options.noise)
    start = time.perf_counter()
    workload = make(options.folder, layout)
    seconds = time.perf_counter() - start
    print(f"{len(workload.tiles)} tiles in {seconds:.1f} s: {options.folder}")


if __name__ == "__main__":
    _main()
