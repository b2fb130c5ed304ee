"""The documents name only what exists, and every parameter is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hven.declare import applications

_ROOT = Path(__file__).resolve().parent.parent
_DOCUMENTS = sorted([*_ROOT.glob("*.md"), *_ROOT.glob("docs/*.md"), *_ROOT.glob("benchmarks/*.md")])
_PATH = re.compile(r"`((?:src|tests|docs|benchmarks|scripts)/[\w./-]*|[\w-]+\.(?:md|toml|lock))`")


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    named = _PATH.findall(document.read_text())
    missing = [path for path in named if not (_ROOT / path).exists()]
    assert missing == []


def test_architecture_is_one_page_and_names_every_layer() -> None:
    text = (_ROOT / "ARCHITECTURE.md").read_text()
    assert len(text.splitlines()) <= 90
    layers = [path.name for path in (_ROOT / "src/hven").iterdir() if not path.name.startswith("_")]
    assert [name for name in layers if f"src/hven/{name}" not in text] == []


@pytest.mark.parametrize("name", sorted(applications()))
def test_every_parameter_and_output_is_documented(name: str) -> None:
    application = applications()[name]
    text = (_ROOT / "docs" / f"{name}.md").read_text()
    wanted = [field.name for field in application.fields]
    wanted += [output.name for output in application.outputs]
    assert [entry for entry in wanted if f"`{entry}`" not in text] == []


def test_readme_shows_the_two_commands_first() -> None:
    text = (_ROOT / "README.md").read_text()
    first = re.search(r"```\n(.*?)```", text, re.DOTALL)
    assert first is not None
    assert [line.split("#")[0].strip() for line in first[1].strip().splitlines()] == [
        "make demo",
        "make test",
    ]


def test_the_conventions_are_held_to_by_file_length() -> None:
    long = {
        str(path.relative_to(_ROOT)): lines
        for folder in ("src", "tests", "benchmarks", "scripts")
        for path in (_ROOT / folder).rglob("*.py")
        if path.parent.name != "migrations"  # Django writes these.
        and (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}
