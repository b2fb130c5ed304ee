"""The demo of groups: what it makes and finds, and that it notices other groups."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


@pytest.fixture(scope="module")
def demo() -> Iterator[Any]:
    """The script as a module."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield importlib.import_module("demo_groups")
    finally:
        sys.path.remove(str(SCRIPTS))


def test_the_demo_finds_what_scipy_finds(
    demo: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert demo.main(["--output", str(tmp_path)]) == 0
    said = capfd.readouterr().out
    assert "$ hven fof" in said
    assert "the same ones" in said
    groups = Table.read(tmp_path / "groups/found/groups.fits")
    assert len(groups) > 1000
    assert groups["size"][0] > 300


def test_the_demo_notices_other_groups(
    demo: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    positions = np.random.default_rng(1).uniform(0, demo.SIDE, (5000, 3))
    Table({"group": np.ones(5000, "i4")}).write(tmp_path / "membership.fits")
    assert demo.print_comparison(positions, tmp_path) == 1
    assert "OTHER ones" in capsys.readouterr().out
