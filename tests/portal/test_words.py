"""All words of the portal are there in all its languages."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import hven.portal

_FOLDER = Path(hven.portal.__file__).parent
_CATALOGUE = "locale/pt_BR/LC_MESSAGES/django"
_ENTRY = re.compile(r"(?P<flags>(?:^#.*\n)*)^msgid (?P<words>(?:\".*\"\n)+)", re.MULTILINE)


class Entry(NamedTuple):
    """An entry of a catalogue."""

    words: str
    flags: str


def entries(path: Path) -> Iterator[Entry]:
    """The entries of a catalogue, its head aside."""
    for found in _ENTRY.finditer(path.read_text(encoding="utf-8")):
        words = "".join(map(ast.literal_eval, found["words"].strip().split("\n")))
        if words:
            yield Entry(words, found["flags"])


def test_every_word_of_the_pages_is_translated(
    tmp_path: Path, require_program: Callable[[str, str], str]
) -> None:
    require_program("xgettext", "gettext")
    copy = tmp_path / "portal"
    shutil.copytree(_FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__", "static"))
    words = [sys.executable, "-m", "django", "makemessages", "-l", "pt_BR", "--no-obsolete"]
    subprocess.run(words, cwd=copy, check=True, capture_output=True)
    wanted = {entry.words for entry in entries(copy / f"{_CATALOGUE}.po")}
    there = {entry.words for entry in entries(_FOLDER / f"{_CATALOGUE}.po")}
    assert sorted(wanted ^ there) == []
    assert len(wanted) > 400


def test_no_translation_is_missing_or_doubtful_and_all_are_compiled() -> None:
    with (_FOLDER / f"{_CATALOGUE}.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    known = vars(compiled)["_catalog"]
    for entry in entries(_FOLDER / f"{_CATALOGUE}.po"):
        assert "fuzzy" not in entry.flags, entry.words
        assert known.get(entry.words) or known.get((entry.words, 0)), entry.words
