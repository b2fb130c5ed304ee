"""The main job on real input: exposures cut from a real frame are put together again.

python scripts/demo.py [--frame xdf|m13|ngc1316] [--output demo]
python scripts/demo.py --data FOLDER
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.io import fits
from exposures import FRAMES, PIXEL, TURN, Exposures, Frame, Image, cut

from hven.errors import Fault, InputError, UserError

OUTPUT = Path(__file__).resolve().parent.parent / "demo"
ENDINGS = (".fits", ".fit", ".fts", ".fits.gz", ".fits.bz2", ".fz")
#: Pixels along the rim of the frame that are not compared: exposures cover them only in part.
RIM = 3
#: Detail is compared in means over squares of this many pixels, too: cutting and putting together
#: blur by a pixel each, which says nothing about the sky levels.
BLOCK = 20


class Comparison(NamedTuple):
    """What is left between mosaic and truth after one plane was taken off."""

    #: Standard deviation of the sky levels that the exposures were given.
    levels_rms: float
    #: rms of the difference of single pixels, and of means over BLOCK x BLOCK pixels.
    pixel_rms: float
    block_rms: float
    #: Scale of the mosaic's brightness over that of the truth, minus one.
    scale_error: float
    #: Standard deviation of the truth's pixels.
    contrast: float
    #: Share of the frame's pixels that the mosaic has.
    covered: float


def read_options(description: str | None, words: Sequence[str] | None) -> argparse.Namespace:
    """What a demo is told: which images, and where its files go."""
    manner = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, formatter_class=manner)
    parser.add_argument("--frame", choices=FRAMES, default="xdf", help="which real frame to use")
    parser.add_argument("--data", type=Path, help="folder with your own FITS images instead")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder for all files")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run the demo; gives the exit code."""
    options = read_options(__doc__, words)
    output = options.output.absolute()
    try:
        if options.data is not None:
            return make_mosaic_of(options.data, output)
        return take_apart_and_put_together(FRAMES[options.frame], output / options.frame)
    except UserError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)


def make_mosaic_of(data: Path, output: Path) -> int:
    """One mosaic of a user's own images; gives the exit code."""
    images = images_in(data)
    folder = output / (data.resolve().name or "data")
    print(f"{len(images)} FITS files in {data}\n")
    code = run_hven(images, folder, output / "store", [])
    if not code:
        print_places(folder)
    return code


def take_apart_and_put_together(frame: Frame, folder: Path) -> int:
    """Cut exposures from a frame, make a mosaic of them, compare it; gives the exit code."""
    # The year in which Tycho's observatory on Hven was begun.
    exposures = cut(frame, folder, np.random.default_rng(1576))
    print_exposures(frame, exposures)
    grid = ["--header", str(exposures.truth_file)]
    code = run_hven(exposures.files, folder / "mosaic", folder / "store", grid)
    if not code:
        print_places(folder / "mosaic")
        print_comparison(compare(folder / "mosaic" / "mosaic.fits", exposures))
    return code


def images_in(folder: Path) -> list[Path]:
    """The FITS files of a folder, by the endings of their names.

    Raises
    ------
    InputError
        There are none.
    """
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    images = [file for file in files if file.name.lower().endswith(ENDINGS)]
    if not images:
        text = f"must be a folder with FITS images ({', '.join(ENDINGS)}), has none"
        raise InputError([Fault(str(folder), text)])
    return images


def run_hven(images: list[Path], folder: Path, store: Path, options: list[str]) -> int:
    """`hven mosaic IMAGES -o FOLDER`."""
    options = [*options, "--store", str(store), "-o", str(folder)]
    return run_command("mosaic", images, options, shown=short(images[0].parent) + "/*")


def run_command(application: str, inputs: list[Path], options: list[str], *, shown: str) -> int:
    """`hven APPLICATION INPUTS OPTIONS` in a process of its own, as from a shell."""
    print(f"$ hven {application}", shown, *map(short, options), flush=True)
    command = str(Path(sys.executable).with_name("hven"))
    words = [command, application, *map(str, inputs), *options]
    # Standard error stays: it shows the progress. What standard output says is said here.
    return subprocess.run(words, stdout=subprocess.PIPE, check=False).returncode


def compare(mosaic: Path, exposures: Exposures) -> Comparison:
    """Hold a mosaic on the frame's own grid against the frame.

    One plane is taken off first: differences between images cannot tell the level and slope
    that all of them share.
    """
    truth = exposures.truth
    with fits.open(mosaic) as hdus:
        image = np.asarray(next(hdu.data for hdu in hdus if hdu.data is not None), dtype=np.float64)
    inner = np.zeros(truth.shape, dtype=bool)
    inner[RIM:-RIM, RIM:-RIM] = True
    inner &= np.isfinite(truth)
    difference = np.where(inner, image - truth, np.nan)
    blocks, scale_error = _without_plane(block_means(difference), block_means(truth))
    pixels, _ = _without_plane(difference, truth)
    return Comparison(
        float(np.std(exposures.levels)),
        float(np.sqrt(np.nanmean(pixels**2))),
        float(np.sqrt(np.nanmean(blocks**2))),
        scale_error,
        float(np.nanstd(truth)),
        float(np.isfinite(difference).sum() / inner.sum()),
    )


def _without_plane(difference: Image, truth: Image) -> tuple[Image, float]:
    """The difference less its plane, and how it grows with the truth's brightness."""
    y, x = np.indices(difference.shape)
    known = np.isfinite(difference)
    terms = np.stack([np.ones(difference.shape), x, y, np.nan_to_num(truth)], axis=-1)
    fitted = np.linalg.lstsq(terms[known], difference[known], rcond=None)[0]
    return difference - terms[..., :3] @ fitted[:3], float(fitted[3])


def block_means(image: Image) -> Image:
    """Means over squares; NaN where a square is not known in full."""
    ny, nx = (size // BLOCK for size in image.shape)
    squares = image[: ny * BLOCK, : nx * BLOCK].reshape(ny, BLOCK, nx, BLOCK)
    return np.asarray(squares.mean(axis=(1, 3)))


def print_exposures(frame: Frame, exposures: Exposures) -> None:
    """Say what was cut from what."""
    ny, nx = exposures.truth.shape
    low, high = min(exposures.levels), max(exposures.levels)
    print(
        f"{frame.title}, {nx} x {ny} pixels, from the package {frame.package}. {frame.remark}\n"
        f"Cut into {len(exposures.files)} exposures, each with its own pointing, rotation (up to "
        f"{TURN:.0f} degrees), pixel grid\n({PIXEL} of the frame's pixels), noise and sky "
        f"background (a plane, {low:.0f} to {high:.0f} DN).\n"
    )


def print_places(folder: Path) -> None:
    """Say where the mosaic, its preview and its log lie."""
    print(f"\nmosaic   {short(folder / 'mosaic.fits')}")
    print(f"preview  {short(folder / 'preview.png')}")
    print(f"log      {short(folder / 'log.txt')}")


def print_comparison(found: Comparison) -> None:
    """Say in numbers how far the mosaic is from the frame."""
    print(
        f"\nHeld against the frame it was cut from, one plane taken off "
        f"({100 * found.covered:.1f} % of its pixels covered):\n"
        f"  sky levels of the exposures      {found.levels_rms:8.3g} DN rms before matching\n"
        f"  mosaic - frame, {BLOCK} x {BLOCK} means     {found.block_rms:8.3g} DN rms\n"
        f"  mosaic - frame, single pixels    {found.pixel_rms:8.3g} DN rms, mostly the blur of "
        f"resampling twice\n"
        f"  contrast of the frame            {found.contrast:8.3g} DN rms\n"
        f"  brightness scale                 {100 * found.scale_error:+8.2g} %"
    )


def short(path: str | Path) -> str:
    """A path as seen from here, where that is shorter."""
    text = str(path)
    relative = os.path.relpath(text) if Path(text).is_absolute() else text
    return min(relative, text, key=len)


if __name__ == "__main__":
    sys.exit(main())
