"""Planes that go with an image: weights and masks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.formats.fits_structure import Hdu, OpenedFile, fault, open_fits, walk
from hven.formats.hdu_choice import choose_hdu
from hven.formats.image_planes import Floats, PlaneRequest, plane_count, plane_size, read_plane

WeightKind = Literal["weight", "variance", "rms"]


class Companion(NamedTuple):
    """The plane that goes with an image: its weights or its mask."""

    kind: Literal["weight", "mask"]
    path: Path
    #: As `Source.hdu`; None for the unit with the image's number.
    hdu: int | str | None


def choose_companion(opened: OpenedFile, companion: Companion, image: Hdu) -> Hdu:
    """The unit of a weight or mask plane: the chosen one, else that of the image's number.

    Where that unit is no image (the image is plain and the mask compressed, or the other way
    round), the first image of the file.
    """
    if companion.hdu is not None:
        return choose_hdu(opened, walk(opened), companion.hdu)
    hdus = [hdu for hdu in walk(opened) if hdu.kind != "other" and len(hdu.axes) > 1]
    if not hdus:
        raise fault(opened.name, f"must hold the {companion.kind} plane, there is no image in it")
    return next((hdu for hdu in hdus if hdu.index == image.index), hdus[0])


def companion_plane(
    opened: OpenedFile, companion: Companion, image: Hdu, request: PlaneRequest
) -> tuple[Hdu, PlaneRequest]:
    """Which unit and plane goes with an image's plane, its size found to be the same.

    Raises
    ------
    InputError
        There is no such unit, or it is of another size.
    """
    hdu = choose_companion(opened, companion, image)
    axes = request.axes if max(request.axes) <= len(hdu.axes) else (1, 2)
    wanted, found = plane_size(image, request.axes), plane_size(hdu, axes)
    if wanted != found:
        raise fault(
            f"{opened.name}[{hdu.index}]",
            f"{companion.kind} plane must be {wanted[0]} x {wanted[1]} pixels as its image, "
            f"is {found[0]} x {found[1]}",
        )
    plane = request.plane if plane_count(hdu, axes) > 1 else None
    return hdu, request._replace(axes=axes, plane=plane)


def read_companion(companion: Companion, image: Hdu, request: PlaneRequest) -> Floats:
    """Read the plane that goes with an image's plane."""
    with open_fits(companion.path) as opened:
        hdu, own_request = companion_plane(opened, companion, image, request)
        return read_plane(opened, hdu, own_request)


def is_bad(mask: Floats, bits: int | None) -> NDArray[np.bool_]:
    """Tell which pixels a mask marks as bad, by the given bits or by any; NaN is bad."""
    if bits is None:
        return np.asarray(mask != 0)
    unknown = ~np.isfinite(mask)
    return np.asarray(((np.where(unknown, 0, mask).astype(np.int64) & bits) != 0) | unknown)


def weights_of(values: Floats, kind: WeightKind, scale: float) -> NDArray[np.float32]:
    """Turn a weight, variance or rms plane into weights of the scaled image; 0 is a bad pixel."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if kind == "variance":
            weight = 1.0 / values
        elif kind == "rms":
            weight = np.sign(values) / np.square(values)
        else:
            weight = values
        weight = (weight / (scale * scale)).astype(np.float32)
        return np.where((weight > 0) & np.isfinite(weight), weight, np.float32(0))
