"""Cuts exposures from a real frame, so that the truth of their mosaic is known: the frame.

The frames lie inside astropy and scikit-image, so this needs no network. The exposures are made
with astropy's WCS and STScI's drizzle, which take no part in the mosaic that is tested on them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from hven.errors import Fault, InputError

Image = NDArray[np.float64]

#: The side of an exposure's pixel in pixels of the frame.
PIXEL = 0.8
#: Exposures are turned by up to this, degrees.
TURN = 20.0
#: Noise of an exposure's pixel, and how much its sky rises from edge to edge at most, in units of
#: the frame's contrast.
NOISE = 0.02
SLOPE = 0.3


@dataclass(frozen=True)
class Frame:
    """A real image inside a package that is installed anyway."""

    title: str
    package: str
    path: str
    sha256: str
    read: Callable[[Path], tuple[Image, WCS]]
    #: Exposures are cut in this many columns and rows.
    columns: int
    rows: int
    #: What the reader has to know about the numbers.
    remark: str


class Exposures(NamedTuple):
    """What was cut from a frame."""

    files: list[Path]
    #: The sky background in the middle of each, DN a pixel of the frame.
    levels: list[float]
    #: The frame, and a file of it on its own grid.
    truth: Image
    truth_file: Path


def _read_fits(path: Path) -> tuple[Image, WCS]:
    """The first image of a FITS file with its celestial WCS."""
    with fits.open(path) as hdus:
        hdu = next(hdu for hdu in hdus if hdu.data is not None)
        return np.asarray(hdu.data, dtype=np.float64), WCS(hdu.header)


def _read_ngc1316(path: Path) -> tuple[Image, WCS]:
    """The frame of NGC 1316 without its corners, which the plate does not reach."""
    image, wcs = _read_fits(path)
    y, x = np.indices(image.shape)
    # Measured on the frame: the circle inside which the sky is undimmed.
    image[np.hypot(x - 221, y - 150) > 222] = np.nan
    return image, wcs


def _read_xdf(path: Path) -> tuple[Image, WCS]:
    """The press picture of the eXtreme Deep Field as luminance, with its published pointing."""
    from PIL import Image as Picture

    with Picture.open(path) as picture:
        colours = np.asarray(picture.convert("RGB"), dtype=np.float64)[::-1] / 255
    # IEC 61966-2-1 (sRGB) back to linear light, then the luminance of Rec. 709.
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    image = 1000 * linear @ np.array([0.2126, 0.7152, 0.0722])
    ny, nx = image.shape
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crpix = [(nx + 1) / 2, (ny + 1) / 2]
    wcs.wcs.crval = [53.16042, -27.78333]  # 03h32m38.5s -27d47m00s
    wcs.wcs.cdelt = [-0.138 / 3600, 0.138 / 3600]  # 2.3' across
    wcs.wcs.pc = _turned(46.4)  # North is to the upper left.
    return image, wcs


FRAMES = {
    "xdf": Frame(
        "Hubble eXtreme Deep Field",
        "skimage",
        "data/hubble_deep_field.jpg",
        "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
        _read_xdf,
        4,
        3,
        "A press picture (JPEG): its brightness is\nonly roughly linear, its position and scale "
        "are those published. For a look, not for photometry.",
    ),
    "m13": Frame(
        "Globular cluster M 13",
        "astropy",
        "io/fits/hdu/compressed/tests/data/m13.fits",
        "eb3e208edbe302cae0ea45d17ab618930d85847da3f5e6ffd53d9410ec0a5a45",
        _read_fits,
        3,
        3,
        "A survey image from SkyView; counts, not calibrated.",
    ),
    "ngc1316": Frame(
        "Radio galaxy NGC 1316 (Fornax A) in visible light",
        "astropy",
        "io/fits/tests/data/comp.fits",
        "bc675bd775cd526ba49e971e5257c302877efcc3aa89a9a893c10f43b0ce525a",
        _read_ngc1316,
        4,
        3,
        "Coordinates of B1950;\nthe round field does not reach the corners.",
    ),
}


def find(frame: Frame) -> Path:
    """The frame's file inside its package, if it is what it is meant to be.

    Raises
    ------
    InputError
        The package has no such file, or another one.
    """
    spec = importlib.util.find_spec(frame.package)
    path = Path(spec.origin).parent / frame.path if spec and spec.origin else Path(frame.path)
    advice = (
        "set up again (rm -rf .venv; make demo) or take your own images (make demo DATA=folder)"
    )
    if not path.is_file():
        raise InputError([Fault(str(path), f"must be in the package {frame.package}; {advice}")])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != frame.sha256:
        text = f"must have the SHA-256 {frame.sha256}, has {digest}; {advice}"
        raise InputError([Fault(str(path), text)])
    return path


def cut(frame: Frame, folder: Path, random: np.random.Generator) -> Exposures:
    """Write exposures of a frame, each with its own pointing, rotation, grid, sky and noise.

    Parameters
    ----------
    frame
        What to cut.
    folder
        Gets `truth.fits` and the folder `exposures`, which is made anew.
    random
        Where the exposures look, how they are turned, their sky and their noise.
    """
    truth, wcs = frame.read(find(frame))
    shutil.rmtree(folder / "exposures", ignore_errors=True)
    (folder / "exposures").mkdir(parents=True)
    _write(folder / "truth.fits", truth, wcs, frame.title)
    contrast = float(np.nanstd(truth))
    files, levels = [], []
    for number, (x, y, side) in enumerate(_pointings(frame, truth, random), start=1):
        exposure_wcs = _pointed(wcs, x, y, side, random.uniform(-TURN, TURN))
        image = _resampled(truth, wcs, exposure_wcs, side)
        level = random.uniform(2, 8) * contrast
        slope_x, slope_y = random.uniform(-SLOPE, SLOPE, 2) * contrast
        place = np.linspace(-0.5, 0.5, side)
        image += level + slope_x * place[None, :] + slope_y * place[:, None]
        image += random.normal(0, NOISE * contrast, image.shape)
        path = folder / "exposures" / f"exposure-{number:02d}.fits"
        # Counts: a smaller pixel gets less of the light.
        _write(path, image * PIXEL**2, exposure_wcs, frame.title)
        files.append(path)
        levels.append(level)
    return Exposures(files, levels, truth, folder / "truth.fits")


def _pointings(
    frame: Frame, truth: Image, random: np.random.Generator
) -> list[tuple[float, float, int]]:
    """Centre of each exposure in pixels of the frame, and its side in pixels of its own."""
    ny, nx = truth.shape
    step_x, step_y = nx / frame.columns, ny / frame.rows
    # A square turned by 20 degrees holds an upright one of 0.78 of its side: overlaps, no gaps.
    side = round(1.6 * max(step_x, step_y) / PIXEL)
    places = []
    for number in range(frame.columns * frame.rows):
        row, column = divmod(number, frame.columns)
        shift_x, shift_y = random.uniform(-0.05, 0.05, 2)
        places.append(((column + 0.5 + shift_x) * step_x, (row + 0.5 + shift_y) * step_y, side))
    return places


def _pointed(frame: WCS, x: float, y: float, side: int, turn_deg: float) -> WCS:
    """The WCS of an exposure that looks at pixel (x, y) of a frame, turned against it."""
    wcs = frame.deepcopy()
    wcs.wcs.crval = frame.wcs_pix2world([[x, y]], 0)[0]
    wcs.wcs.crpix = [(side + 1) / 2, (side + 1) / 2]
    scale = np.diag(frame.wcs.cdelt)
    wcs.wcs.pc = np.linalg.inv(scale) @ _turned(turn_deg) @ scale @ frame.wcs.get_pc()
    wcs.wcs.cdelt = np.asarray(frame.wcs.cdelt) * PIXEL
    return wcs


def _turned(angle_deg: float) -> Image:
    angle = np.radians(angle_deg)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _resampled(image: Image, wcs: WCS, wcs_out: WCS, side: int) -> Image:
    """The image on another grid by exact areas; NaN where it does not reach."""
    from drizzle.resample import Drizzle

    y, x = np.indices(image.shape)
    ra, dec = wcs.wcs_pix2world(x.ravel(), y.ravel(), 0)
    pixel_map = np.stack(wcs_out.wcs_world2pix(ra, dec, 0), axis=-1).reshape(*image.shape, 2)
    known = np.isfinite(image)
    drizzle = Drizzle(kernel="square", out_shape=(side, side), fillval="NaN", disable_ctx=True)
    drizzle.add_image(
        np.where(known, image, 0).astype(np.float32),
        exptime=1.0,
        pixmap=pixel_map,
        weight_map=known.astype(np.float32),
    )
    # A pixel that the frame covers only in part is no measurement of a whole one.
    full = drizzle.out_wht > 0.99 * PIXEL**2
    return np.where(full, drizzle.out_img, np.nan).astype(np.float64)


def _write(path: Path, image: Image, wcs: WCS, title: str) -> None:
    header = wcs.to_header()
    header["OBJECT"] = title
    header["BUNIT"] = "DN"
    header["ORIGIN"] = "Hven demo"
    fits.PrimaryHDU(image.astype(np.float32), header).writeto(path, overwrite=True)
