"""The `hven` command, with the applications of a package that is installed beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from hven.cli.main import main
from served import _nothing_from_the_user as _nothing_from_the_user
from served import archive as archive
from served import served as served

TOYS = Path(__file__).parent / "toy_package"


class Outcome(NamedTuple):
    """What a command gave."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Install the package of toys, and keep steps in a store of the test's own."""
    monkeypatch.syspath_prepend(TOYS)
    monkeypatch.setenv("PYTHONPATH", str(TOYS))
    monkeypatch.setenv("HVEN_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def hven(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command in this process."""

    def run(*words: object) -> Outcome:
        code = main([str(word) for word in words])
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command as a shell does: in a process group of its own, Ctrl-C not ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def begin(*words: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("hven")), *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | {"PYTHONWARNINGS": "default"},
        )

    yield begin
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three files of 1, 2 and 3 bytes."""
    paths = [tmp_path / f"{name}.dat" for name in ("one", "two", "three")]
    for size, path in enumerate(paths, start=1):
        path.write_bytes(b"x" * size)
    return paths
