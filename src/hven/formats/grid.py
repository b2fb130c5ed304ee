"""The output grid of a mosaic: a celestial WCS and a size, as text that enters product keys.

`grid_making` makes grids from images or from a request; here they are kept, read and cut.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.io import fits
from astropy.io.fits import Header
from astropy.wcs import WCS
from numpy.typing import NDArray

from hven.errors import Fault, InputError
from hven.formats.footprint import Footprint, footprint
from hven.formats.frames import frame_cards, frame_of
from hven.formats.sky import (
    CYLINDRICAL,
    celestial_wcs,
    pixel_scale,
    pixel_to_icrs,
    pixel_to_sky,
    projection_of,
)

Card = tuple[str, "str | float | int"]
#: (x_min, y_min, x_max, y_max), half open.
Window = tuple[int, int, int, int]

#: Distortions that a grid cannot have, since nothing can write them into the mosaic's header.
_UNWRITABLE = ("AMDX1", "WAT1_001", "CPDIS1", "CPDIS2", "CQDIS1", "D2IMDIS1", "D2IMDIS2", "D2IMEXT")
#: gzip, bzip2, xz, zip, compress.
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK\x03\x04", b"\x1f\x9d")
_NUMBER = r"T|F|[+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d+)?"
_SIP_CARD = re.compile(r"(?:A|B|AP|BP)_(?:ORDER|DMAX|\d_\d)")
#: Solid angles vary by 1e-6 of themselves between nodes this far apart.
_SOLID_ANGLE_STEP_DEG = 0.1


@dataclass(frozen=True)
class Grid:
    """A pixel grid on the sky; two grids of the same pixels have the same text."""

    #: FITS cards of the celestial WCS, a newline between cards, in one canonical order and form.
    header: str
    #: Columns and rows.
    nx: int
    ny: int

    @property
    def wcs(self) -> WCS:
        """The WCS; shared by equal grids, not to be changed."""
        return celestial_wcs(self.header)

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx), as arrays have it."""
        return self.ny, self.nx

    @property
    def pixel_scale_deg(self) -> float:
        """The square root of a pixel's area at the reference point."""
        return pixel_scale(self.wcs)

    def footprint(self) -> Footprint:
        """Where the grid lies on the sky."""
        return footprint(self.wcs, self.nx, self.ny)

    def to_header(self) -> Header:
        """The WCS cards as an astropy header, without NAXIS."""
        return Header.fromstring(self.header, sep="\n")

    def to_template(self) -> str:
        """The text of a Montage header template (.hdr), LF at the ends of lines."""
        size = f"NAXIS   = 2\nNAXIS1  = {self.nx}\nNAXIS2  = {self.ny}"
        return f"SIMPLE  = T\nBITPIX  = -64\n{size}\n{self.header}\nEND\n"

    def cut(self, window: Window) -> Grid:
        """The same pixels within a window, which may reach beyond this grid."""
        x_min, y_min, x_max, y_max = window
        x_reference, y_reference = (float(pixel) for pixel in self.wcs.wcs.crpix)
        lines = [
            _card("CRPIX1", x_reference - x_min) if line.startswith("CRPIX1 ")
            else _card("CRPIX2", y_reference - y_min) if line.startswith("CRPIX2 ")
            else line
            for line in self.header.split("\n")
        ]  # fmt: skip
        return Grid("\n".join(lines), x_max - x_min, y_max - y_min)

    def pixel_solid_angle(self, window: Window | None = None) -> NDArray[np.float64]:
        """The solid angle of each pixel (ny, nx) of a window, or of the grid, in steradians.

        NaN where the projection has no sky. Found by differences across a pixel on a grid of
        nodes at most 0.1 degrees apart, linear between them: right to 1e-6, 1e-4 for pixels of
        a degree.
        """
        x_min, y_min, x_max, y_max = window or (0, 0, self.nx, self.ny)
        step = max(1, min(32, int(_SOLID_ANGLE_STEP_DEG / self.pixel_scale_deg)))
        columns, rows = _nodes(x_min, x_max, step), _nodes(y_min, y_max, step)
        nodes = _solid_angles(self.wcs, columns[None, :], rows[:, None])
        if step == 1:
            return nodes
        along = _between(nodes, columns, np.arange(x_min, x_max))
        return _between(along.T, rows, np.arange(y_min, y_max)).T


def _nodes(low: int, high: int, step: int) -> NDArray[np.float64]:
    nodes = np.arange(low, high, step, dtype=np.float64)
    return nodes if nodes[-1] == high - 1 else np.append(nodes, high - 1.0)


def _between(
    values: NDArray[np.float64], nodes: NDArray[np.float64], wanted: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Linear interpolation along the last axis."""
    if len(nodes) == 1:
        return np.repeat(values, len(wanted), axis=-1)
    place = np.clip(np.searchsorted(nodes, wanted, side="right") - 1, 0, len(nodes) - 2)
    part = (wanted - nodes[place]) / (nodes[place + 1] - nodes[place])
    return np.asarray(values[..., place] * (1.0 - part) + values[..., place + 1] * part)


def _solid_angles(wcs: WCS, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    across = pixel_to_icrs(wcs, x + 0.5, y) - pixel_to_icrs(wcs, x - 0.5, y)
    along = pixel_to_icrs(wcs, x, y + 0.5) - pixel_to_icrs(wcs, x, y - 0.5)
    areas = np.linalg.norm(np.cross(across, along, axis=0), axis=0)
    return np.asarray(areas, dtype=np.float64)


def grid_of(wcs: WCS, nx: int, ny: int, extra: Iterable[Card] = ()) -> Grid:
    """The grid of a WCS, its text in canonical form: CDELT with PC where turned, full precision."""
    celestial = wcs.wcs
    # Takes wcslib's defaults, such as LONPOLE, into the numbers that are written.
    celestial.set()
    if celestial.has_pc():
        scale, turn = celestial.cdelt, celestial.get_pc()
    else:
        scale, turn = _scale_and_turn(wcs.pixel_scale_matrix)
    cards: list[Card] = [("WCSAXES", 2)]
    cards += [(f"CTYPE{i + 1}", str(celestial.ctype[i])) for i in (0, 1)]
    cards += [(f"CRVAL{i + 1}", float(celestial.crval[i])) for i in (0, 1)]
    cards += [(f"CRPIX{i + 1}", float(celestial.crpix[i])) for i in (0, 1)]
    cards += [(f"CDELT{i + 1}", float(scale[i])) for i in (0, 1)]
    if np.any(turn != np.eye(2)):
        cards += [(f"PC{i + 1}_{j + 1}", float(turn[i, j])) for i in (0, 1) for j in (0, 1)]
    cards += [("LONPOLE", float(celestial.lonpole)), ("LATPOLE", float(celestial.latpole))]
    cards += [(f"PV{i}_{m}", float(value)) for i, m, value in sorted(celestial.get_pv())]
    cards += frame_cards(frame_of(wcs))
    cards += extra
    return Grid("\n".join(_card(key, value) for key, value in cards), nx, ny)


def _scale_and_turn(
    matrix: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """CDELT and PC of a matrix; the lengths of its rows, the first negative where x runs east."""
    if matrix[0, 1] == 0.0 and matrix[1, 0] == 0.0:
        return np.diag(matrix), np.eye(2)
    scale = np.linalg.norm(matrix, axis=1)
    scale[0] *= np.sign(np.linalg.det(matrix))
    return scale, matrix / scale[:, None]


def _card(key: str, value: str | float | int) -> str:
    # repr gives the shortest text that reads back as the same number.
    text = f"'{value:<8}'" if isinstance(value, str) else repr(value).upper()
    return f"{key:<8}= {text:>20}" if not isinstance(value, str) else f"{key:<8}= {text}"


class Template(NamedTuple):
    """A grid that was given as a header."""

    grid: Grid
    #: What had to be assumed about it, as sentences for the user.
    notes: tuple[str, ...]


def read_grid(path: str | Path, *, hdu: int | str | None = None) -> Grid:
    """The grid that a FITS file or a Montage header template (.hdr) describes."""
    return read_template(path, hdu=hdu).grid


def read_template(path: str | Path, *, hdu: int | str | None = None) -> Template:
    """The grid that a file describes, and what was assumed about it.

    Parameters
    ----------
    path
        A FITS file, of which `hdu` or the first image with a celestial WCS is taken; or text, a
        card a line, unpadded, LF or CRLF, as Montage has it.

    Raises
    ------
    InputError
        The file cannot be read, or lacks what a grid needs: all that is missing is named.

    Notes
    -----
    A map in a cylindrical projection that reaches beyond 180 degrees from CRVAL1 gets an equal
    header whose CRVAL1 lies in the middle. Axes beyond the second are left out.
    """
    path = Path(path)
    try:
        header = _text_header(path) if _is_text(path) else _fits_header(path, hdu)
    except OSError as error:
        raise InputError([Fault(path.name, f"must be readable, got: {error}")]) from error
    return template_of(header, path.name)


def template_of(header: Header, name: str) -> Template:
    """The grid that a header describes; `name` is what faults call it."""
    faults = [Fault(f"{name}: {key}", text) for key, text in _faults(header)]
    if faults:
        raise InputError(faults)
    try:
        wcs = celestial_wcs(header)
        frame_of(wcs)
    except InputError as error:
        raise InputError([Fault(f"{name}: {key}", text) for key, text in error.faults]) from error
    nx, ny = int(header["NAXIS1"]), int(header["NAXIS2"])
    sip = [(key, header[key]) for key in sorted(header) if _SIP_CARD.fullmatch(key)]
    return Template(grid_of(_centered(wcs, nx), nx, ny, extra=sip), _assumptions(header, wcs))


def _is_text(path: Path) -> bool:
    """FITS headers have no line ends; compressed files are told by their first bytes."""
    with path.open("rb") as stream:
        start = stream.read(161)
    return b"\n" in start and not start.startswith(_COMPRESSED)


def _text_header(path: Path) -> Header:
    """The cards of a template; numbers stay as they are written, to the last digit."""
    cards = []
    for line in path.read_text("ascii", "replace").splitlines():
        key, equals, rest = line.partition("=")
        key = key.strip().upper()
        if key == "END":
            break
        if equals and re.fullmatch(r"[A-Z0-9_-]{1,8}", key) and key not in ("COMMENT", "HISTORY"):
            cards.append(f"{key:<8}= {_value(rest.strip())}")
    return Header.fromstring("\n".join(cards), sep="\n")


def _value(text: str) -> str:
    """The value of a card, without its comment; what is no FITS value becomes a text."""
    quoted = re.match(r"'(?:[^']|'')*'", text)
    if quoted:
        return quoted[0]
    bare = text.partition("/")[0].strip()
    return bare if re.fullmatch(_NUMBER, bare) else f"'{bare}'"


def _fits_header(path: Path, hdu: int | str | None) -> Header:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path, memmap=True, ignore_missing_simple=False) as hdus:
            if hdu is not None:
                return _chosen_header(hdus, hdu, path)
            for candidate in hdus:
                if not any(True for _ in _faults(candidate.header)):
                    return candidate.header.copy()
            return hdus[0].header.copy()


def _chosen_header(hdus: fits.HDUList, hdu: int | str, path: Path) -> Header:
    try:
        return hdus[hdu].header.copy()
    except (KeyError, IndexError) as error:
        names = ", ".join(f"{i} {item.name}".strip() for i, item in enumerate(hdus))
        raise InputError([Fault(path.name, f"must have HDU {hdu}, got {names}")]) from error


def _faults(header: Header) -> Iterable[Fault]:
    """What keeps a header from being a grid."""
    for key in ("NAXIS1", "NAXIS2"):
        size = header.get(key)
        if not isinstance(size, int) or size < 1:
            yield Fault(key, f"must be a whole number of pixels above 0, got {size}")
    for key in ("CTYPE1", "CTYPE2"):
        if not isinstance(header.get(key), str):
            yield Fault(key, f"must name a celestial axis such as RA---TAN, got {header.get(key)}")
    for key in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2"):
        if not _is_number(header.get(key)):
            yield Fault(key, f"must be a number, got {header.get(key)}")
    if not any(_is_number(header.get(key)) for key in ("CDELT1", "CD1_1", "CD1_2")):
        got = header.get("CDELT1", header.get("CD1_1"))
        yield Fault("CDELT1", f"must be the size of a pixel, here or in CD1_1, got {got}")
    for key in _UNWRITABLE:
        if key in header:
            yield Fault(key, "must be absent: a grid cannot have this kind of distortion")


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value)


def _assumptions(header: Header, wcs: WCS) -> tuple[str, ...]:
    frame = frame_of(wcs)
    if frame.name not in ("fk5", "fk4", "icrs") or "RADESYS" in header or "RADECSYS" in header:
        return ()
    if frame.name == "icrs":
        return ("The grid's header has no RADESYS and no EQUINOX: ICRS is assumed.",)
    # Montage takes such a header for ICRS, and lies 0.03" aside.
    year = f"EQUINOX {frame.equinox:g}"
    return (f"The grid's header has {year} and no RADESYS: {frame.name.upper()} is assumed.",)


def _centered(wcs: WCS, nx: int) -> WCS:
    """The same map with CRVAL1 in its middle, where wcslib would fold pixels beyond 180 degrees."""
    matrix = wcs.pixel_scale_matrix
    plain = matrix[0, 1] == 0.0 and matrix[1, 0] == 0.0 and not wcs.has_distortion
    if projection_of(wcs) not in CYLINDRICAL or not plain or wcs.wcs.lng != 0:
        return wcs
    edges = (np.array([0.5, nx + 0.5]) - wcs.wcs.crpix[0]) * wcs.wcs.cdelt[0]
    if wcs.wcs.crval[1] != 0.0 or np.abs(edges).max() <= 180.0:
        return wcs
    centered = wcs.deepcopy()
    middle = np.floor((nx + 1) / 2)
    longitude, _ = pixel_to_sky(wcs, np.array([middle - 1.0]), wcs.wcs.crpix[1:] - 1.0)
    centered.wcs.crpix = [middle, wcs.wcs.crpix[1]]
    centered.wcs.crval = [longitude[0], 0.0]
    return centered
