"""Which unit of a FITS file is the image: chosen by number or name, or found by its WCS."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hven.formats.fits_structure import Hdu, OpenedFile, fault, walk
from hven.formats.image_wcs import celestial_axes


def is_sky_image(hdu: Hdu) -> bool:
    """Whether a unit is an image on celestial axes, with at least one pixel."""
    axes = celestial_axes(hdu.header)
    has_pixels = hdu.kind != "other" and len(hdu.axes) > 1 and math.prod(hdu.axes) > 0
    return has_pixels and axes is not None and max(axes) <= len(hdu.axes)


def choose_hdu(opened: OpenedFile, hdus: Iterator[Hdu], choice: int | str | None) -> Hdu:
    """Give the chosen unit of a file; of None, the first image with a celestial WCS.

    Raises
    ------
    InputError
        There is none; the fault says which there are.
    """
    seen: list[Hdu] = []
    for hdu in hdus:
        if is_sky_image(hdu) if choice is None else _is_chosen(hdu, choice):
            return hdu
        seen.append(hdu)
    images = [hdu for hdu in seen if hdu.kind != "other" and len(hdu.axes) > 1]
    if choice is None and images:
        # Without a WCS anywhere the first image is the one to be named.
        return images[0]
    there = ", ".join(f"{hdu.index} {hdu.name}".strip() for hdu in seen) or "none"
    if choice is None:
        raise fault(opened.name, f"must hold an image of two axes, its units are: {there}")
    raise fault(opened.name, f"unit {choice} must be in the file, its units are: {there}")


def choose_to_last(opened: OpenedFile, choice: int | str | None, largest_bytes: int) -> list[Hdu]:
    """Give the first unit of a file, whose keywords may hold for all, and the chosen one."""
    seen: list[Hdu] = []

    def remembered() -> Iterator[Hdu]:
        for hdu in walk(opened, largest_bytes):
            seen.append(hdu)
            yield hdu

    chosen = choose_hdu(opened, remembered(), choice)
    return [seen[0], chosen]


def _is_chosen(hdu: Hdu, choice: int | str) -> bool:
    if isinstance(choice, int) or choice.isdigit():
        return hdu.index == int(choice)
    name, _, version = choice.upper().partition(",")
    return hdu.name == name.strip() and (not version or str(hdu.version) == version.strip())


def image_axes(hdu: Hdu) -> tuple[int, int]:
    """The axes of the image plane: the celestial ones, else the first two."""
    return celestial_axes(hdu.header) or (1, 2)
