"""The demo of the service: a mosaic by HTTP alone."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hven.errors import InputError

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


@pytest.fixture
def demo() -> Iterator[Any]:
    """The script as a module."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield importlib.import_module("demo_service")
    finally:
        sys.path.remove(str(SCRIPTS))


def test_the_service_makes_the_same_mosaic_as_the_command_line(
    demo: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    library = importlib.import_module("demo")
    assert library.main(["--frame", "m13", "--output", str(tmp_path)]) == 0
    capfd.readouterr()
    assert demo.main(["--frame", "m13", "--output", str(tmp_path)]) == 0
    said = capfd.readouterr().out
    assert "PUT /api/v1/uploads   9 images" in said
    assert "COMPLETED" in said
    assert "The mosaic of the service has the same bytes as" in said
    assert "The service ended in" in said
    assert "exit code 0" in said
    for name in ("mosaic.fits", "preview.png", "log.txt"):
        assert (tmp_path / "service" / "mosaic" / name).stat().st_size > 0


def test_a_folder_without_images_is_refused(
    demo: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.main(["--data", str(tmp_path)]) == InputError.exit_code
    assert "must be a folder with FITS images" in capsys.readouterr().err


def event(number: int, kind: str, text: str = "", **data: Any) -> dict[str, Any]:
    time = "2026-11-23T10:01:44.035Z"
    return {"number": number, "kind": kind, "time": time, "text": text, "data": data}


def test_a_step_that_goes_on_keeps_one_line_at_a_terminal(
    demo: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events = [
        event(1, "say", "begun"),
        event(2, "stage", "Project.", step="project", done=1, total=2),
        event(3, "stage", "Project.", step="project", done=2, total=2),
        event(4, "stage", "Add.", step="add", done=0, total=1),
        event(5, "say", "done"),
    ]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    demo.show(iter(events))
    lines = [line.rpartition("\r")[2].rstrip() for line in capsys.readouterr().out.split("\n")]
    assert [line[22:] for line in lines if line] == [
        "say     begun",
        "stage   Project. 2 of 2",
        "stage   Add. 0 of 1",
        "say     done",
    ]
    demo.show(iter(events[:2]))
    assert capsys.readouterr().out.endswith("\n")
