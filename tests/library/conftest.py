"""Files to weigh, and the package of toys that weighs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hven.declare import Application, registry

TOYS = Path(__file__).parent.parent / "cli" / "toy_package"


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Install the package of toys, and keep steps in a store of the test's own."""
    monkeypatch.syspath_prepend(TOYS)
    monkeypatch.setenv("HVEN_STORE", str(tmp_path / "store"))


@pytest.fixture
def weighing(toys: None) -> Application:
    """The application that weighs files."""
    return registry.find("weigh")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three files of 1, 2 and 3 bytes."""
    paths = [tmp_path / f"{name}.dat" for name in ("a", "b", "c")]
    for size, path in enumerate(paths, start=1):
        path.write_bytes(b"x" * size)
    return paths
