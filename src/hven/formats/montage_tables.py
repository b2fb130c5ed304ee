"""The four tables that Montage's programs pass on: images, differences, fits and corrections.

Column names and formats are those of Montage 6, so either program reads what the other wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.errors import Fault, InputError
from hven.formats.sky import celestial_wcs, longitude_latitude, pixel_to_icrs
from hven.formats.tables import Cell, Column, IpacTable, read_ipac, write_ipac

#: Names of columns that other programs use for Montage's.
_ALIASES = {"nl": "naxis2", "ns": "naxis1", "file": "fname"}
_KEYWORDS = {"datatype": "fitshdr"}


class ImageRow(NamedTuple):
    """One image of images.tbl; None where the table does not say."""

    cntr: int
    #: Centre, ICRS degrees.
    ra: float | None
    dec: float | None
    naxis1: int | None
    naxis2: int | None
    ctype1: str | None
    ctype2: str | None
    crpix1: float | None
    crpix2: float | None
    crval1: float | None
    crval2: float | None
    cdelt1: float | None
    cdelt2: float | None
    crota2: float | None
    equinox: float | None
    #: ra1 dec1 ... ra4 dec4: lower left, upper left, upper right, lower right; or empty.
    corners: tuple[float, ...]
    #: Bytes of the file.
    size: int | None
    hdu: int | None
    fname: str
    #: What pixel values are multiplied with, and the image's weight; other columns by name.
    scale: float | None = None
    weight: float | None = None
    extra: tuple[tuple[str, Cell], ...] = ()


IMAGE_COLUMNS = (
    Column("cntr", "int", "%6d"),
    Column("ra", "double", "%13.7f"),
    Column("dec", "double", "%13.7f"),
    Column("cra", "char", "%14s"),
    Column("cdec", "char", "%14s"),
    Column("naxis1", "int", "%6d"),
    Column("naxis2", "int", "%6d"),
    Column("ctype1", "char", "%8s"),
    Column("ctype2", "char", "%8s"),
    Column("crpix1", "double", "%15.5f"),
    Column("crpix2", "double", "%15.5f"),
    Column("crval1", "double", "%13.7f"),
    Column("crval2", "double", "%13.7f"),
    Column("cdelt1", "double", "%19.10e"),
    Column("cdelt2", "double", "%19.10e"),
    Column("crota2", "double", "%13.7f"),
    Column("equinox", "double", "%8.2f"),
)
_CORNER_COLUMNS = tuple(
    Column(f"{name}{corner}", "double", "%13.7f")
    for corner in (1, 2, 3, 4)
    for name in ("ra", "dec")
)
_FACTOR_COLUMNS = (Column("scale", "double", "%14.8g"), Column("weight", "double", "%14.8g"))
_FILE_COLUMNS = (
    Column("size", "int", "%12d"),
    Column("hdu", "int", "%6d"),
    Column("fname", "char", "%-s"),
)


def image_row(
    number: int,
    header: str,
    nx: int,
    ny: int,
    fname: str,
    *,
    size: int | None = None,
    hdu: int | None = 0,
    scale: float | None = None,
    weight: float | None = None,
) -> ImageRow:
    """What images.tbl says of an image, from the cards of its celestial WCS.

    Notes
    -----
    The centre is the middle of the image; Montage's own lies half a pixel aside. CROTA2 and CDELT
    are the nearest to a CD matrix that shears.
    """
    wcs = celestial_wcs(header)
    x = np.array([(nx - 1) / 2, -0.5, -0.5, nx - 0.5, nx - 0.5])
    y = np.array([(ny - 1) / 2, -0.5, ny - 0.5, ny - 0.5, -0.5])
    longitude, latitude = longitude_latitude(pixel_to_icrs(wcs, x, y))
    places = np.stack([longitude, latitude], axis=1)
    cdelt, rotation = _scales_and_rotation(wcs.pixel_scale_matrix)
    equinox = float(wcs.wcs.equinox)
    crpix, crval = wcs.wcs.crpix, wcs.wcs.crval
    return ImageRow(
        cntr=number,
        ra=float(places[0, 0]),
        dec=float(places[0, 1]),
        naxis1=nx,
        naxis2=ny,
        ctype1=str(wcs.wcs.ctype[0]),
        ctype2=str(wcs.wcs.ctype[1]),
        crpix1=float(crpix[0]),
        crpix2=float(crpix[1]),
        crval1=float(crval[0]),
        crval2=float(crval[1]),
        cdelt1=float(cdelt[0]),
        cdelt2=float(cdelt[1]),
        crota2=float(rotation),
        equinox=equinox if 0.0 < equinox < 1e100 else 2000.0,
        corners=tuple(float(value) for value in places[1:].ravel()),
        size=size,
        hdu=hdu,
        fname=fname,
        scale=scale,
        weight=weight,
    )


def _scales_and_rotation(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """CDELT1, CDELT2 and CROTA2 (degrees) nearest to a CD matrix.

    CROTA2 stands for CD = (CDELT1 cos, -CDELT2 sin; CDELT1 sin, CDELT2 cos), Calabretta & Greisen
    2002, A&A 395, 1077, equation 186; where x and y are sheared the two angles are averaged.
    """
    handed = np.sign(np.linalg.det(matrix)) or 1.0
    turn = (handed * matrix[0, 0] + matrix[1, 1], handed * matrix[1, 0] - matrix[0, 1])
    return np.linalg.norm(matrix, axis=0) * [handed, 1.0], float(
        np.degrees(np.arctan2(*turn[::-1]))
    )


def image_layout(rows: Sequence[ImageRow]) -> tuple[list[Column], list[list[Cell]]]:
    """Columns and cells of images.tbl; only those optional columns that an image has."""
    factors = [c for c in _FACTOR_COLUMNS if any(getattr(r, c.name) is not None for r in rows)]
    has_corners = any(row.corners for row in rows)
    extra = list(dict.fromkeys(name for row in rows for name, _ in row.extra))
    columns = [*IMAGE_COLUMNS, *factors, *(_extra_column(name, rows) for name in extra)]
    columns += [*(_CORNER_COLUMNS if has_corners else ()), *_FILE_COLUMNS]
    cells: list[list[Cell]] = []
    for row in rows:
        place: list[Cell] = [*row[:3], *_sexagesimal(row.ra, row.dec), *row[3:15]]
        place += [getattr(row, column.name) for column in factors]
        place += [dict(row.extra).get(name) for name in extra]
        place += (row.corners or (None,) * 8) if has_corners else ()
        cells.append([*place, row.size, row.hdu, row.fname])
    return columns, cells


def _extra_column(name: str, rows: Sequence[ImageRow]) -> Column:
    values = [dict(row.extra).get(name) for row in rows]
    if all(value is None or isinstance(value, int) for value in values):
        return Column(name, "int", "%12d")
    if all(value is None or isinstance(value, (int, float)) for value in values):
        return Column(name, "double", "%18.10g")
    return Column(name, "char", "%-s")


def _sexagesimal(ra: float | None, dec: float | None) -> tuple[str | None, str | None]:
    """Right ascension and declination as Montage writes them, 18h 20m 59.23s and -16d 14m 55.0s."""
    if ra is None or dec is None or not np.isfinite(ra + dec):
        return None, None
    hours = round(ra % 360.0 * 24000.0) % 8640000
    degrees = round(abs(dec) * 36000.0)
    first = f"{hours // 360000:02d}h {hours // 6000 % 60:02d}m {hours % 6000 / 100:05.2f}s"
    second = f"{degrees // 36000:02d}d {degrees // 600 % 60:02d}m {degrees % 600 / 10:04.1f}s"
    return first, f"{'-' if dec < 0 else ''}{second}"


def write_images(path: str | Path, rows: Sequence[ImageRow]) -> None:
    """Write images.tbl."""
    write_ipac(path, *image_layout(rows), _KEYWORDS)


def read_images(path: str | Path) -> list[ImageRow]:
    """Read images.tbl, or a table of another program with names nl, ns and file.

    Raises
    ------
    InputError
        It is no table of images: a column cntr or fname is missing, or a file name.
    """
    table = read_ipac(path)
    columns = {
        _ALIASES.get(name.lower(), name.lower()): cells for name, cells in table.columns.items()
    }
    _require(columns, ("fname",), path)
    nothing: list[Cell] = [None] * len(table)
    columns.setdefault("cntr", list(range(len(table))))
    names = ImageRow._fields[:15]
    corner_names = [column.name for column in _CORNER_COLUMNS]
    known = {*ImageRow._fields, *corner_names, "cra", "cdec"}
    extra = [name for name in columns if name not in known and columns[name] != nothing]
    rows = []
    for index in range(len(table)):
        row = {name: columns.get(name, nothing)[index] for name in (*names, *_TAIL)}
        corners = [columns[name][index] for name in corner_names if name in columns]
        row["extra"] = tuple((name, columns[name][index]) for name in extra)  # type: ignore[assignment]
        row["corners"] = tuple(corners) if len(corners) == 8 and None not in corners else ()  # type: ignore[assignment]
        rows.append(ImageRow(**row))  # type: ignore[arg-type]
    _refuse_empty(rows, path)
    return rows


_TAIL = ("size", "hdu", "fname", "scale", "weight")


def _require(columns: dict[str, list[Cell]], names: Iterable[str], path: str | Path) -> None:
    missing = [name for name in names if name not in columns]
    if missing:
        got = ", ".join(columns)
        faults = [
            Fault(f"{Path(path).name}: {name}", f"must be a column, got {got}") for name in missing
        ]
        raise InputError(faults)


def _refuse_empty(rows: Sequence[ImageRow], path: str | Path) -> None:
    faults = [
        Fault(f"{Path(path).name}: fname", f"must be a file name, got nothing in row {number}")
        for number, row in enumerate(rows, 1)
        if not row.fname
    ]
    if faults:
        raise InputError(faults)


class DifferenceRow(NamedTuple):
    """One pair of images of diffs.tbl."""

    cntr1: int
    cntr2: int
    plus: str
    minus: str
    #: File of the difference image, plus less minus.
    diff: str


class FitRow(NamedTuple):
    """One plane of fits.tbl: a x + b y + c, with x and y counted from the reference pixel."""

    plus: int
    minus: int
    a: float
    b: float
    c: float
    #: Reference pixel of the difference image.
    crpix1: float
    crpix2: float
    #: Limits and centre of the overlap, counted from the reference pixel.
    xmin: int
    xmax: int
    ymin: int
    ymax: int
    xcenter: float
    ycenter: float
    npixel: float
    rms: float
    #: The rectangle around the overlap: centre, size, and angle in degrees.
    boxx: float
    boxy: float
    boxwidth: float
    boxheight: float
    boxang: float


class CorrectionRow(NamedTuple):
    """What is taken from one image: a x + b y + c about its reference pixel."""

    id: int
    a: float
    b: float
    c: float


DIFFERENCE_COLUMNS = (
    Column("cntr1", "int", "%7d"),
    Column("cntr2", "int", "%7d"),
    Column("plus", "char", "%-s"),
    Column("minus", "char", "%-s"),
    Column("diff", "char", "%-s"),
)
FIT_COLUMNS = (
    *(Column(name, "int", "%9d") for name in ("plus", "minus")),
    *(Column(name, "double", "%16.5e") for name in ("a", "b", "c")),
    *(Column(name, "double", "%14.2f") for name in ("crpix1", "crpix2")),
    *(Column(name, "int", "%10d") for name in ("xmin", "xmax", "ymin", "ymax")),
    *(Column(name, "double", "%13.2f") for name in ("xcenter", "ycenter")),
    Column("npixel", "double", "%13.0f"),
    Column("rms", "double", "%16.5e"),
    *(Column(n, "double", "%16.1f") for n in ("boxx", "boxy", "boxwidth", "boxheight", "boxang")),
)
CORRECTION_COLUMNS = (
    Column("id", "int", "%8d"),
    *(Column(name, "double", "%14.5e") for name in ("a", "b", "c")),
)


def write_differences(path: str | Path, rows: Iterable[DifferenceRow]) -> None:
    """Write diffs.tbl."""
    write_ipac(path, DIFFERENCE_COLUMNS, rows)


def write_fits(path: str | Path, rows: Iterable[FitRow]) -> None:
    """Write fits.tbl."""
    write_ipac(path, FIT_COLUMNS, rows)


def write_corrections(path: str | Path, rows: Iterable[CorrectionRow]) -> None:
    """Write corrections.tbl."""
    write_ipac(path, CORRECTION_COLUMNS, rows)


def read_differences(path: str | Path) -> list[DifferenceRow]:
    """Read diffs.tbl."""
    return [DifferenceRow(*row) for row in _tuples(read_ipac(path), DifferenceRow._fields, path)]  # type: ignore[arg-type]


def read_fits(path: str | Path) -> list[FitRow]:
    """Read fits.tbl."""
    return [FitRow(*row) for row in _tuples(read_ipac(path), FitRow._fields, path)]  # type: ignore[arg-type]


def read_corrections(path: str | Path) -> list[CorrectionRow]:
    """Read corrections.tbl."""
    return [CorrectionRow(*row) for row in _tuples(read_ipac(path), CorrectionRow._fields, path)]  # type: ignore[arg-type]


def _tuples(table: IpacTable, names: Sequence[str], path: str | Path) -> list[tuple[Cell, ...]]:
    _require(table.columns, names, path)
    return list(zip(*(table.columns[name] for name in names), strict=True))
