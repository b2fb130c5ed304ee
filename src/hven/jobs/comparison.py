"""Whether two files are the same result, and by how much they differ, in words."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

#: Keywords that say when a file was written, and what follows from that.
_VOLATILE = ("DATE", "CHECKSUM", "DATASUM")
#: Rows of an image that are compared at a time.
_ROWS = 256
#: Endings of tables as text, and astropy's names of their formats.
_TABLES = {
    ".ecsv": "ascii.ecsv",
    ".csv": "ascii.csv",
    ".vot": "votable",
    ".xml": "votable",
}


class Verdict(NamedTuple):
    """What a comparison found."""

    same: bool
    #: For people.
    text: str


def compare_files(first: Path, second: Path) -> Verdict:
    """Compare two files by their bytes, else by what they mean."""
    if _digest(first) == _digest(second):
        return Verdict(True, "the same bytes")
    with contextlib.suppress(OSError, ValueError, TypeError):
        if _is_fits(first) and _is_fits(second):
            return _compare_fits(first, second)
        form = _TABLES.get(first.suffix.lower())
        if form:
            return _compare_tables(_table(first, form), _table(second, form))
    sizes = first.stat().st_size, second.stat().st_size
    return Verdict(False, f"other bytes ({sizes[0]} before, {sizes[1]} now)")


def _compare_fits(first: Path, second: Path) -> Verdict:
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        difference = fits.FITSDiff(
            str(first), str(second), ignore_keywords=list(_VOLATILE), numdiffs=0
        )
    if difference.identical:
        return Verdict(True, "the same but for the date in the header")
    words = []
    if difference.diff_hdu_count:
        before, now = difference.diff_hdu_count
        words.append(f"{before} parts before, {now} now")
    for number, part, *_ in difference.diff_hdus:
        words += [f"part {number}: {text}" for text in _part_words(first, second, number, part)]
    return Verdict(False, "; ".join(words) or "other headers")


def _part_words(first: Path, second: Path, number: int, part: Any) -> Iterator[str]:
    """What FITSDiff found in one part of a file."""
    headers, data = part.diff_headers, part.diff_data
    if part.diff_extension_types:
        yield "another kind of part"
    if headers is not None and not headers.identical:
        names = {*headers.diff_keyword_values, *headers.diff_keyword_comments}
        names.update(*(headers.diff_keywords or ((), ())))
        yield f"header differs in {', '.join(sorted(names)) or 'its number of cards'}"
    if data is None or data.identical:
        return
    if getattr(data, "diff_dimensions", ()):
        before, now = data.diff_dimensions
        yield f"image of {_shape(before)} before, {_shape(now)} now"
    elif hasattr(data, "diff_pixels"):
        largest, scale = _largest_difference(first, second, number)
        yield (
            f"{data.diff_total} pixels differ ({100 * data.diff_ratio:.3g} %), "
            f"by at most {largest:.3g} where values reach {scale:.3g}"
        )
    elif hasattr(data, "diff_column_count") and data.diff_column_count:
        before, now = data.diff_column_count
        yield f"{before} columns before, {now} now"
    elif getattr(data, "diff_rows", ()):
        before, now = data.diff_rows
        yield f"{before} rows before, {now} now"
    elif getattr(data, "diff_total", 0):
        yield f"{data.diff_total} values of the table differ ({100 * data.diff_ratio:.3g} %)"
    else:
        yield "other data"


def _shape(lengths: Any) -> str:
    # As FITS counts: the axis that runs fastest first.
    return " x ".join(map(str, reversed(lengths)))


def _largest_difference(first: Path, second: Path, number: int) -> tuple[float, float]:
    """The largest difference of two images, and the largest value; row by row."""
    from astropy.io import fits

    largest = scale = 0.0
    with fits.open(first) as before, fits.open(second) as now:
        one, other = (file[number].data for file in (before, now))
        for start in range(0, len(one), _ROWS):
            a = np.asarray(one[start : start + _ROWS], dtype=float)
            b = np.asarray(other[start : start + _ROWS], dtype=float)
            both = np.isfinite(a) & np.isfinite(b)
            if both.any():
                largest = max(largest, float(np.abs(a[both] - b[both]).max()))
                scale = max(scale, float(np.abs(a[both]).max()))
    return largest, scale


def _compare_tables(before: Any, now: Any) -> Verdict:
    if before.colnames != now.colnames:
        names = set(before.colnames) ^ set(now.colnames)
        return Verdict(False, f"other columns: {', '.join(sorted(names)) or 'in another order'}")
    if len(before) != len(now):
        return Verdict(False, f"{len(before)} rows before, {len(now)} now")
    words = []
    for name in before.colnames:
        a, b = np.ma.asarray(before[name]), np.ma.asarray(now[name])
        count, largest = _column_difference(a.filled(), b.filled())
        if count:
            told = f", by at most {largest:.3g}" if largest is not None else ""
            words.append(f"{count} of {len(before)} values of {name} differ{told}")
    if words:
        return Verdict(False, "; ".join(words))
    return Verdict(True, "the same values, written differently")


def _column_difference(a: Any, b: Any) -> tuple[int, float | None]:
    """How many values differ, and by how much; NaN equals NaN."""
    if a.dtype.kind in "fc" and b.dtype.kind in "fc":
        differing = ~((a == b) | (np.isnan(a) & np.isnan(b)))
        gaps = np.abs(a[differing] - b[differing])
        return int(differing.sum()), float(np.nanmax(gaps)) if gaps.size else None
    differing = np.asarray(a != b)
    if differing.any() and a.dtype.kind in "iu":
        return int(differing.sum()), float(np.abs(a.astype(float) - b.astype(float)).max())
    return int(differing.sum()), None


def _table(path: Path, form: str) -> Any:
    from astropy.table import Table

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Table.read(path, format=form)


def _is_fits(path: Path) -> bool:
    if path.suffixes[-1:] in ([".gz"], [".bz2"]):
        return ".fits" in path.suffixes or ".fit" in path.suffixes
    with path.open("rb") as file:
        return file.read(9) == b"SIMPLE  ="


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
