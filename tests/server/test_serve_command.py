"""The command line of the service."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import Any

import pytest

from hven.cli.main import main


@pytest.mark.parametrize("command", ["serve", "web", "dispatch"])
def test_help_names_the_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert "--data FOLDER" in said
    assert ("--port" in said) is (command != "dispatch")


def test_without_the_packages_of_the_service_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = importlib.util.find_spec
    absent: Any = lambda name: None if name == "uvicorn" else before(name)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", absent)
    assert main(["serve"]) == 2
    assert "wants the package uvicorn: pip install 'hven[server]'" in capsys.readouterr().err


def test_what_needs_no_service_does_not_load_django() -> None:
    program = (
        "import sys; from hven.cli.main import main; import hven; main(['--help']); main(['list']);"
        "hven.mosaic; sys.exit('django' in sys.modules)"
    )
    words = [sys.executable, "-c", program]
    assert subprocess.run(words, stdout=subprocess.DEVNULL, timeout=60, check=False).returncode == 0
