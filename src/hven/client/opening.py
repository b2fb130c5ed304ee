"""A fetched file as the object that an astronomer works with; astropy is imported only here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

#: Media types of tables and the name by which astropy reads them.
_TABLES = {
    "application/x-votable+xml": "votable",
    "application/vnd.apache.parquet": "parquet",
    "text/csv": "ascii",
    "text/tab-separated-values": "ascii.tab",
}
#: Endings of tables whose media type says less.
_ENDINGS = {
    ".ecsv": "ascii.ecsv",
    ".tbl": "ascii.ipac",
    ".vot": "votable",
    ".xml": "votable",
    ".parquet": "parquet",
}


def opened(path: Path, media_type: str, **options: Any) -> Any:
    """The content of a file.

    Parameters
    ----------
    path
        Where it lies; its ending counts where the media type says little.
    media_type
        What it is.
    **options
        Passed on to what reads it.

    Returns
    -------
    HDUList, Table, WCS, Image, dict or list, str, or bytes
        astropy's for FITS, tables and headers; Pillow's for pictures; JSON and text as Python has
        them; bytes for all else.
    """
    kind = media_type.partition(";")[0].strip().lower()
    if "fits" in kind:
        return _fits(path, options)
    if kind in _TABLES or path.suffix in _ENDINGS:
        return _table(path, _ENDINGS.get(path.suffix) or _TABLES[kind], options)
    if path.suffix == ".hdr":
        return _header(path)
    if kind.startswith("image/"):
        from PIL import Image

        picture = Image.open(path, **options)
        picture.load()  # It closes the file as well.
        return picture
    if kind == "application/json" or kind.endswith("+json"):
        return json.loads(path.read_text(encoding="utf-8"))
    if kind.startswith("text/"):
        return path.read_text(encoding="utf-8", **options)
    return path.read_bytes()


def _fits(path: Path, options: dict[str, Any]) -> Any:
    from astropy.io import fits

    return fits.open(path, **options)


def _table(path: Path, form: str, options: dict[str, Any]) -> Any:
    from astropy.table import Table

    if form == "parquet":  # astropy would read it by pandas, which nothing else here wants.
        from pyarrow import parquet

        columns = parquet.read_table(path, **options)
        return Table({name: columns[name].to_numpy() for name in columns.column_names})
    return Table.read(path, format=form, **options)


def _header(path: Path) -> Any:
    """A text file of header cards, as Montage writes them: the WCS that they describe."""
    from astropy.io import fits
    from astropy.wcs import WCS

    header = fits.Header.fromtextfile(path)
    # It describes an image without having one, so it is no header of a file.
    return WCS(header)
