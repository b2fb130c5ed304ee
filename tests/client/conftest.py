"""What tests of the client may ask for: a real service, and the client of its administrator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cutting_proxy import CuttingProxy, cutting
from hven.client import Service as Client
from served import _nothing_from_the_user as _nothing_from_the_user
from served import archive as archive
from served import served as served
from service import Service


@pytest.fixture
def client(served: Service) -> Iterator[Client]:
    """Who asks the service."""
    with Client(served.url, served.token) as found:
        yield found


@pytest.fixture
def proxy(served: Service) -> Iterator[CuttingProxy]:
    """A proxy that cuts, in front of the service."""
    with cutting(served.url) as found:
        yield found


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two small files of text that no other test has."""
    paths = [tmp_path / "one.txt", tmp_path / "two.txt"]
    for path in paths:
        path.write_text(f"{path.name} of {tmp_path}\n")
    return paths
