"""Images as a mosaic takes them: where one lies, what is known of it, its pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from hven.formats.brightness_units import Brightness
from hven.formats.companions import Companion, WeightKind, is_bad, read_companion, weights_of
from hven.formats.fits_structure import LARGEST_BYTES, Hdu, fault, open_fits, walk
from hven.formats.hdu_choice import choose_hdu, choose_to_last, image_axes, is_sky_image
from hven.formats.image_planes import Floats, PlaneRequest, read_plane
from hven.formats.image_wcs import restore_wcs

#: Names of extensions that go with an image and are none: errors, weights, masks, maps of time.
_COMPANIONS = frozenset(
    "ERR ERROR STAT VAR VARIANCE UNCERT SIGMA RMS NOISE IVAR WHT WEIGHT WT WGT CONF EXPMAP EXP "  # noqa: SIM905
    "CTX DQ MASK FLAG FLAGS QUALITY AREA FOOTPRINT COVERAGE BKG BACKGROUND SKY SAMP TIME".split()
)


@dataclass(frozen=True)
class Source:
    """One image to be used: its file, the part of it, and what goes with it."""

    path: Path
    #: Number (0 is the primary unit), name, or "NAME,VERSION" of the unit with the image; None
    #: for the first image with a celestial WCS.
    hdu: int | str | None = None
    #: Plane of a cube, counted from 1, the third axis fastest; None where there is only one.
    plane: int | None = None
    #: File of the weights; None for the image's own file where `weight_hdu` is given, else no
    #: weights. Without `weight_hdu`, the unit is the one with the image's number.
    weight: Path | None = None
    weight_hdu: int | str | None = None
    #: What the weight plane holds: weights, or the variance or rms of each pixel.
    weight_kind: WeightKind = "weight"
    #: File and unit of the mask, chosen as those of the weights. 0 is a good pixel.
    mask: Path | None = None
    mask_hdu: int | str | None = None
    #: The bits of the mask that make a pixel bad; None for all.
    mask_bits: int | None = None
    #: Pixels are multiplied by this, beside what the zero point gives.
    scale: float = 1.0
    #: Photometric zero point in magnitudes, or the keyword that has it (2MASS: MAGZP).
    zero_point: float | str | None = None
    #: Pixels are brought to this zero point: times 10^(-0.4 (zero_point - reference)).
    reference_zero_point: float | None = None


@dataclass(frozen=True)
class Summary:
    """The facts of a usable image, found by `examine`; small, and enough to plan a mosaic."""

    #: The path as it was given.
    name: str
    #: The path without links, by which one file given twice is known.
    real_path: str
    #: Number of the unit with the image, its name, and its plane (1 where there is only one).
    hdu: int
    extension: str
    plane: int
    nx: int
    ny: int
    #: What `read_image` gives: "float32" or "float64".
    dtype: str
    #: FITS cards of the celestial WCS, a newline between, and the lookup tables of its
    #: distortions as a FITS file; `wcs` is made of both.
    header: str
    lookup: bytes
    #: "icrs" where the positions below are ICRS, else the longitude axis of the frame ("HPLN")
    #: with its observer; images of different frames do not go together.
    frame: str
    #: Outer corners of the first, the lower right, the last, the upper left pixel; longitude,
    #: latitude in degrees, NaN off the sky.
    corners: tuple[tuple[float, float], ...]
    center: tuple[float, float]
    pixel_scale_deg: float
    #: BUNIT in one spelling, empty where there is none.
    unit: str
    brightness: Brightness
    #: The product of `Source.scale` and the zero point's factor.
    scale: float
    zero_point: float | None
    reference_zero_point: float | None
    #: Pixels that can be used: finite, not masked, of a weight above 0.
    finite: int
    #: Whether infinite pixels must be made NaN on reading.
    has_infinite: bool
    has_weight: bool
    #: Whether a checksum in the file was verified; where not, a flipped bit stays unseen.
    is_verified: bool
    #: Size of the file on disk.
    bytes: int

    @cached_property
    def wcs(self) -> WCS:
        """The celestial WCS; must not be changed."""
        return restore_wcs(self.header, self.lookup)

    def named_as(self, source: Source) -> Summary:
        """The same facts under the path of this source.

        Facts that were kept by the content of a file may bear the name of a copy of it.
        """
        return replace(self, name=str(source.path), real_path=str(source.path.resolve()))


class Frame(NamedTuple):
    """The pixels of one image."""

    #: (ny, nx) float32 or float64, scaled; NaN where there is no data or the mask forbids.
    data: Floats
    #: (ny, nx) float32, of the scaled image; 0 where the pixel is bad. None where all count alike.
    weight: NDArray[np.float32] | None


def sources_of(
    path: Path, hdu: int | str | None = None, *, plane: int | None = None, **options: Any
) -> list[Source]:
    """List the images of a file.

    Parameters
    ----------
    path
        FITS file.
    hdu
        "all" for every image with a celestial WCS that is not named as a weight, error or mask
        plane; a name for every unit of this name (SCI,1 SCI,2 ...); else as `Source.hdu`.
    plane
        As `Source.plane`.
    **options
        Further fields of each Source.

    Raises
    ------
    InputError
        The file cannot be read, or has no such image.
    """
    template = Source(path, hdu, plane, **options)
    if not isinstance(hdu, str) or "," in hdu or hdu.isdigit():
        return [template]
    with open_fits(path) as opened:
        hdus = list(walk(opened))
        if hdu.lower() == "all":
            found = [unit for unit in hdus if is_sky_image(unit) and unit.name not in _COMPANIONS]
        else:
            found = [unit for unit in hdus if unit.name == hdu.upper() and unit.kind != "other"]
        if not found:
            choose_hdu(opened, iter(hdus), None if hdu.lower() == "all" else hdu)
    return [replace(template, hdu=unit.index) for unit in found]


def read_image(
    source: Source, summary: Summary | None = None, *, largest_bytes: int = LARGEST_BYTES
) -> Frame:
    """Read the pixels of an image, with its weights and its mask.

    Parameters
    ----------
    source
        The image.
    summary
        What `examine` found, for speed; None reads an image that was not examined.
    largest_bytes
        No image larger than this is read.

    Raises
    ------
    InputError
        The image cannot be read.

    Notes
    -----
    Integers of 32 or 64 bits and float64 give float64, all else float32. BLANK, infinite and
    masked pixels are NaN. Weights are those of the scaled image: divided by the scale squared.
    """
    with open_fits(source.path) as opened:
        chosen = source.hdu if summary is None else summary.hdu
        hdus = choose_to_last(opened, chosen, largest_bytes)
        hdu = hdus[-1]
        request = PlaneRequest(image_axes(hdu), source.plane, largest_bytes)
        data = read_plane(opened, hdu, request)
    scale = photometric_scale(source, hdus) if summary is None else summary.scale
    if summary is None or summary.has_infinite:
        data[np.isinf(data)] = np.nan
    if scale != 1.0:
        data *= data.dtype.type(scale)
    return _with_companions(source, data, scale, hdu, request)


def photometric_scale(source: Source, hdus: list[Hdu]) -> float:
    """The factor of an image's pixels.

    Parameters
    ----------
    source
        The image.
    hdus
        The units whose headers may have the zero point's keyword; the last counts first.

    Raises
    ------
    InputError
        The keyword is absent or no number, or the reference zero point is missing.
    """
    zero_point = find_zero_point(source, hdus)
    if zero_point is None:
        return source.scale
    if source.reference_zero_point is None:
        raise fault(str(source.path), "reference_zero_point must be given with a zero point")
    return float(source.scale * 10.0 ** (-0.4 * (zero_point - source.reference_zero_point)))


def find_zero_point(source: Source, hdus: list[Hdu]) -> float | None:
    """The photometric zero point of an image in magnitudes; None where none is asked for."""
    if not isinstance(source.zero_point, str):
        return source.zero_point
    for hdu in reversed(hdus):
        number = hdu.header.number(source.zero_point.upper())
        if number is not None and math.isfinite(number):
            return number
    raise fault(
        f"{source.path}[{hdus[-1].index}]",
        f"{source.zero_point} must be the zero point in magnitudes, there is no such number",
    )


def _with_companions(
    source: Source, data: Floats, scale: float, hdu: Hdu, request: PlaneRequest
) -> Frame:
    weight: NDArray[np.float32] | None = None
    for companion in companions(source):
        values = read_companion(companion, hdu, request)
        if companion.kind == "mask":
            data[is_bad(values, source.mask_bits)] = np.nan
        else:
            weight = weights_of(values, source.weight_kind, scale)
    return Frame(data, weight)


def companions(source: Source) -> list[Companion]:
    """The weight and mask planes of an image."""
    found: list[Companion] = []
    if source.weight is not None or source.weight_hdu is not None:
        found.append(Companion("weight", source.weight or source.path, source.weight_hdu))
    if source.mask is not None or source.mask_hdu is not None:
        found.append(Companion("mask", source.mask or source.path, source.mask_hdu))
    return found
