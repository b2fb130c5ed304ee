"""Input files of an attempt: links in a folder of its own, named as users named the files."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

#: What may stand in a name. Wildcards may not, since applications open them.
_ODD = re.compile(r"[^\w.+=@,~ -]", re.UNICODE)
#: Bytes of a name, with room for a number.
_LONGEST = 200


def link_all(folder: Path, names: Mapping[Path, str]) -> dict[Path, Path]:
    """Make the folder anew, with a link to each file; gives the links by file.

    Parameters
    ----------
    folder
        Removed first, where an attempt that was killed has left it.
    names
        How each file is to be called; the same name twice gets a number.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    taken: set[str] = set()
    links: dict[Path, Path] = {}
    for path, name in names.items():
        links[path] = folder / _unused(clean_name(name), taken)
        links[path].symlink_to(path)
    return links


def clean_name(name: str) -> str:
    """A file name without anything that leads elsewhere, hides the file, or is a wildcard."""
    base = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    found = _ODD.sub("_", base).strip(" .") or "file"
    stem, suffix = _split(found)
    return _cut(stem, _LONGEST - len(suffix.encode())) + suffix


def _unused(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken; some file systems do not tell cases apart."""
    stem, suffix = _split(name)
    number = 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}{suffix}"
    taken.add(name.casefold())
    return name


def _split(name: str) -> tuple[str, str]:
    """The name and its endings: those by which programs know what is in a file."""
    match = re.search(r"(?<=.)((\.[A-Za-z]\w{0,7}){1,2})$", name, re.ASCII)
    return (name[: match.start()], match[0]) if match else (name, "")


def _cut(text: str, longest: int) -> str:
    return text.encode()[:longest].decode(errors="ignore")
