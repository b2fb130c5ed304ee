"""Real services that are killed in parts, filled up and cut off."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import postgresql
from service import APPLICATIONS_OF_TESTS, Service

#: Bytes of the small disk.
_SIZE = 96 * 2**20
#: Packages with applications of the tests.
APPLICATIONS = Path(__file__).parent.parent / "service_applications"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> postgresql.Cluster | None:
    """The PostgreSQL server of the test's own service; None where it is SQLite's turn."""
    if request.config.getoption("database") != "postgresql":
        return None
    found: postgresql.Cluster = request.getfixturevalue("cluster")
    return found


@pytest.fixture
def begin(tmp_path: Path, server: postgresql.Cluster | None) -> Iterator[Callable[..., Service]]:
    """Make a service with settings by name; it and all it left is killed in the end."""
    made: list[Service] = []

    def one(folder: Path = tmp_path / "service", **more: Any) -> Service:
        settings = {
            "PYTHONPATH": str(APPLICATIONS),
            "HVEN_APPLICATIONS": APPLICATIONS_OF_TESTS,
            "HVEN_DISK_RESERVE": "0",
            "HVEN_SLOTS": "2",
            "HVEN_WORKERS": "2",
        }
        if server is not None:
            settings["HVEN_DATABASE"] = server.url()
        settings |= {f"HVEN_{name.upper()}": str(value) for name, value in more.items()}
        made.append(Service(folder, settings))
        return made[-1]

    yield one
    for service in made:
        service.remove()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "none", str(folder)]
    try:
        mounted = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("wants mount: apt-get install mount")
    if mounted.returncode:
        pytest.skip(f"wants to mount a tmpfs, which takes root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
