"""The lock of step versions."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hven.engine.lock import main
from hven.engine.step import STEPS

SOURCE = '''
"""Steps of a toy package."""

from hven.engine import step

from toy_steps import kernels
from toy_steps.kernels import halve

LIMIT = 3


class Box:
    """A box."""

    def size(self) -> int:
        return 2


@step(version=1)
def scale(value: float, box: Box) -> float:
    """Scale a value."""
    # a comment
    if value > LIMIT:
        return kernels.double(value)
    return halve(
        value,
    )
'''
KERNELS = """
def double(value):
    return value * 2


def halve(value):
    return _divide(value)


def _divide(value):
    return value / 2


def unused(value):
    return value
"""


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """Write the package, changed as asked, and run the lock over it."""
    folder = tmp_path / "toy_steps"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = list(STEPS)

    def run(*words: str, change: tuple[str, str] = ("", "")) -> int:
        assert change[0] in SOURCE + KERNELS
        (folder / "steps.py").write_text(SOURCE.replace(*change))
        (folder / "kernels.py").write_text(KERNELS.replace(*change))
        for name in [name for name in sys.modules if name.startswith("toy_steps")]:
            del sys.modules[name]
        STEPS[:] = known
        importlib.invalidate_caches()
        file = str(tmp_path / "steps.lock")
        return main([*words, "--file", file, "--packages", "toy_steps"])

    yield run
    STEPS[:] = known


@pytest.fixture
def locked(check: Callable[..., int]) -> Callable[..., int]:
    """The same, with the package's steps in the lock file."""
    assert check("--write") == 0
    return check


def test_a_new_step_must_be_recorded(
    check: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert check("--check") == 1
    assert "toy_steps.steps.scale: must be in the lock file, is new" in capsys.readouterr().err


def test_unchanged_code_passes(locked: Callable[..., int]) -> None:
    assert locked("--check") == 0


@pytest.mark.parametrize(
    "change",
    [
        ("# a comment", "# another"),
        ('"""Scale a value."""', '"""Scale a number."""'),
        ("halve(\n        value,\n    )", "halve(value)"),
        ("def unused(value):\n    return value", "def unused(value):\n    return -value"),
        ("@step(version=1)", "@step(version=1, retries=3)"),
    ],
    ids=["comment", "documentation", "layout", "what it does not use", "retries"],
)
def test_what_does_not_change_results_passes(
    locked: Callable[..., int], change: tuple[str, str]
) -> None:
    assert locked("--check", change=change) == 0


@pytest.mark.parametrize(
    "change",
    [
        ("if value > LIMIT", "if value >= LIMIT"),
        ("LIMIT = 3", "LIMIT = 4"),
        ("return value * 2", "return value * 3"),
        ("return value / 2", "return value / 3"),
        ("return 2", "return 3"),
        (
            "        return kernels.double(value)\n    return",
            "        kernels.double(value)\n    return",
        ),
    ],
    ids=[
        "the step",
        "a constant",
        "a module's function",
        "what that calls",
        "a class",
        "a statement",
    ],
)
def test_changed_code_under_the_same_version_fails(
    locked: Callable[..., int], change: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert locked("--check", change=change) == 1
    assert "version must be raised" in capsys.readouterr().err
    assert locked("--write", change=change) == 1
    assert locked("--write", "--same-results", change=change) == 0
    assert locked("--check", change=change) == 0


def test_a_raised_version_is_recorded(locked: Callable[..., int]) -> None:
    raised = ("version=1", "version=2")
    assert locked("--check", change=raised) == 1
    assert locked("--write", change=raised) == 0
    assert locked("--check", change=raised) == 0


def test_a_version_must_not_fall(locked: Callable[..., int]) -> None:
    assert locked("--write", change=("version=1", "version=3")) == 0
    assert locked("--check", change=("version=1", "version=2")) == 1
