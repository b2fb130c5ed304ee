"""Which kind a file is, by its first bytes, and who looks into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hven.errors import Fault, InputError

_HEAD = 16
_LINES, _LINE = 20, 200


def looked_into(path: Path, name: str, *, picture: bool) -> dict[str, Any]:
    """What is in a file.

    Parameters
    ----------
    path
        Where it lies.
    name
        As its owner calls it; its ending tells formats of text apart.
    picture
        Whether a picture is made, where there is something to see.
    """
    if path.is_dir():
        return {"kind": "folder", "facts": [["Files", str(sum(1 for _ in path.iterdir()))]]}
    size = path.stat().st_size
    if size == 0:
        raise InputError([Fault(name, "is empty (0 bytes)")])
    with path.open("rb") as file:
        head = file.read(_HEAD)
    found = _by_head(path, name, head, picture)
    return found | {"facts": [*found.get("facts", ()), ["Size", f"{size:,} bytes"]]}


def _by_head(path: Path, name: str, head: bytes, picture: bool) -> dict[str, Any]:
    lower = name.lower()
    packed = lower.removesuffix(".gz").removesuffix(".bz2")
    is_packed = head[:2] == b"\x1f\x8b" or head[:3] == b"BZh"
    if head.startswith(b"SIMPLE  =") or (
        is_packed and packed.endswith((".fits", ".fit", ".fts", ".fz", ".uvfits"))
    ):
        from hven.portal.examination.fits_files import look_into_fits

        return look_into_fits(path, picture=picture)
    if lower.endswith((".fits", ".fit", ".fts", ".uvfits")):
        raise InputError(
            [Fault(name, f"must begin with SIMPLE as FITS does, begins with {head!r}")]
        )
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"GIF8")):
        from hven.portal.examination.pictures import look_into_picture

        return look_into_picture(path, shown=picture)
    if head.startswith((b"\x89HDF", b"PAR1", b"\x93NUMPY")):
        from hven.portal.examination.arrays import look_into_arrays

        return look_into_arrays(path, head)
    if is_packed:
        return {"kind": "compressed file"}
    return _look_into_text(path, name)


def _look_into_text(path: Path, name: str) -> dict[str, Any]:
    with path.open("rb") as file:
        start = file.read(_LINES * _LINE * 4)
    if b"\0" in start:
        return {"kind": "unknown", "facts": [["Begins with", start[:_HEAD].hex(" ")]]}
    lines = start.decode("utf-8", "replace").splitlines()
    text = "\n".join(line[:_LINE] for line in lines[:_LINES])
    ending = Path(name).suffix.lower()
    if start.lstrip().startswith(b"<?xml") and b"VOTABLE" in start:
        from hven.portal.examination.arrays import look_into_votable

        return look_into_votable(path)
    if start.startswith(b"# %ECSV") or ending in (".csv", ".ecsv"):
        return _separated(lines, "ECSV" if start.startswith(b"# %ECSV") else "CSV")
    return {"kind": "text", "text": text}


def _separated(lines: list[str], kind: str) -> dict[str, Any]:
    """The first lines of a table of which each column is set apart by a character."""
    import csv

    rows = [line for line in lines if line.strip() and not line.startswith("#")]
    if not rows:
        return {"kind": kind, "text": "\n".join(lines[:_LINES])}
    mark = max((" ", ",", "\t", ";"), key=rows[0].count)
    table = list(csv.reader(rows[: 12 + 1], delimiter=mark, skipinitialspace=True))
    return {"kind": kind, "columns": table[0], "rows": table[1:]}
