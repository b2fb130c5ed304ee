"""A look into FITS: the structure checked first, then one image or the head of one table."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from hven.errors import InputError
from hven.formats.fits_structure import Hdu, OpenedFile, open_fits, walk
from hven.formats.image_planes import PlaneRequest, read_plane
from hven.formats.image_wcs import celestial_axes, footprint, image_wcs, restore_wcs
from hven.portal.examination.pictures import png_of

#: Side of a picture in pixels.
_SIDE = 512
_MOST_CARDS, _MOST_ROWS, _MOST_COLUMNS = 400, 12, 24
#: Pixels of a compressed image, or of one whose axes are in another order, that are read whole.
_MOST_PIXELS = 40_000_000
_MOST_UNPACKED = 2**29
_TYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


def look_into_fits(path: Path, *, picture: bool) -> dict[str, Any]:
    """What is in a FITS file; the first unit that has an image or a table is shown."""
    found: dict[str, Any] = {"kind": "FITS"}
    units: list[str] = []
    shown: Hdu | None = None
    with open_fits(path) as opened:
        for hdu in walk(opened, _MOST_UNPACKED):
            units.append(_unit(hdu))
            if shown is None and (_is_image(hdu) or _is_table(hdu)):
                shown = hdu
        if shown is None:
            return found | {"facts": [["Units", "; ".join(units)]]}
        found["cards"] = [card.rstrip() for card in shown.header.cards[:_MOST_CARDS]]
        if _is_table(shown):
            found |= _table(path, shown)
        else:
            found |= _image(path, opened, shown, picture)
    found.setdefault("facts", []).append(["Units", "; ".join(units)])
    return found


def _unit(hdu: Hdu) -> str:
    shape = " × ".join(map(str, hdu.axes)) or "no data"
    if _is_table(hdu):
        rows = hdu.header.integer("NAXIS2", 0)
        shape = f"table of {rows} rows, {hdu.header.integer('TFIELDS', 0)} columns"
    return f"{hdu.index} {hdu.name} ({shape})".replace("  ", " ")


def _is_image(hdu: Hdu) -> bool:
    return hdu.kind in ("image", "compressed") and len(hdu.axes) >= 2 and math.prod(hdu.axes) > 0


def _is_table(hdu: Hdu) -> bool:
    return hdu.kind == "other" and hdu.header.string("XTENSION") in ("BINTABLE", "TABLE")


def _image(path: Path, opened: OpenedFile, hdu: Hdu, picture: bool) -> dict[str, Any]:
    facts = [["Image", " × ".join(map(str, hdu.axes)) + f", {_pixel_type(hdu)}"]]
    for keyword, words in (("OBJECT", "Object"), ("FILTER", "Filter"), ("BUNIT", "Unit")):
        if text := hdu.header.string(keyword):
            facts.append([words, text])
    found: dict[str, Any] = {"facts": facts}
    corners, scale = _place(path, hdu)
    if corners:
        found["corners"] = corners
        facts.append(["Pixel", f"{3600 * scale:.4g} arcsec"])
    elif celestial_axes(hdu.header) is None:
        facts.append(["Sky", "no coordinates in its header"])
    if picture:
        try:
            found["picture"] = png_of(_sample(opened, hdu))
        except (InputError, MemoryError, ValueError) as error:
            facts.append(["Picture", f"none: {str(error)[:200] or 'too large'}"])
    return found


def _pixel_type(hdu: Hdu) -> str:
    kind = f"{abs(hdu.bitpix)} bit {'floating point' if hdu.bitpix < 0 else 'whole numbers'}"
    return f"{kind}, compressed" if hdu.kind == "compressed" else kind


def _place(path: Path, hdu: Hdu) -> tuple[list[tuple[float, float]], float]:
    """Corners on the sky and the pixel's size in degrees; none where it has no place there."""
    axes = celestial_axes(hdu.header)
    if axes is None:
        return [], 0.0
    try:
        wcs = restore_wcs(*image_wcs(hdu.header, path))
        place = footprint(wcs, hdu.axes[axes[0] - 1], hdu.axes[axes[1] - 1])
    except (InputError, IndexError, ValueError):
        return [], 0.0
    if place.frame != "icrs" or not np.isfinite(place.corners).all():
        return [], 0.0
    return list(place.corners), place.pixel_scale_deg


def _sample(opened: OpenedFile, hdu: Hdu) -> np.ndarray[Any, Any]:
    """About 512 x 512 pixels of the first plane, spread evenly, as they are in the file."""
    nx, ny = hdu.axes[:2]
    every = max(1, -(-max(nx, ny) // _SIDE))
    if hdu.kind == "image":
        return _sampled_rows(opened, hdu, every)
    if nx * ny > _MOST_PIXELS:
        raise ValueError(f"{nx} × {ny} compressed pixels are too many for a look")
    planes = math.prod(hdu.axes[2:])
    plane = read_plane(opened, hdu, PlaneRequest(plane=1 if planes > 1 else None))
    return plane[::every, ::every]


def _sampled_rows(opened: OpenedFile, hdu: Hdu, every: int) -> np.ndarray[Any, Any]:
    nx, ny = hdu.axes[:2]
    kind = np.dtype(_TYPES[hdu.bitpix])
    rows = []
    for number in range(0, ny, every):
        opened.file.seek(hdu.start + number * nx * kind.itemsize)
        raw = opened.file.read(nx * kind.itemsize)
        if len(raw) < nx * kind.itemsize:
            raise ValueError("the file ends before its pixels do")
        rows.append(np.frombuffer(raw, kind)[::every].astype(np.float64))
    # BSCALE and BZERO change no picture; BLANK does.
    sample = np.array(rows)
    blank = hdu.header.integer("BLANK", 1 << 70)
    if hdu.bitpix > 0 and blank not in (None, 1 << 70):
        sample[sample == blank] = np.nan
    return sample


def _table(path: Path, hdu: Hdu) -> dict[str, Any]:
    count = hdu.header.integer("NAXIS2", 0)
    with fits.open(path, memmap=True) as hdus:
        table = hdus[hdu.index]
        names = list(table.columns.names)[:_MOST_COLUMNS]
        units = [table.columns[name].unit or "" for name in names]
        head = table.data[:_MOST_ROWS]
        rows = [[_cell(head[name][row]) for name in names] for row in range(len(head))]
    columns = [
        f"{name} [{unit}]" if unit else name for name, unit in zip(names, units, strict=True)
    ]
    return {
        "kind": "FITS table",
        "facts": [["Rows", f"{count:,}"]],
        "columns": columns,
        "rows": rows,
    }


def _cell(value: Any) -> str:
    text = f"{value:.8g}" if isinstance(value, float | np.floating) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
