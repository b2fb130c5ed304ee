"""Real services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service import Service

#: Packages with applications of the tests.
APPLICATIONS = Path(__file__).parent.parent / "service_applications"


@pytest.fixture
def settings_of_service(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of a service on the database that is tested."""
    found = {"PYTHONPATH": str(APPLICATIONS), "HVEN_DISK_RESERVE": "0", "HVEN_SLOTS": "2"}
    if request.config.getoption("database") == "postgresql":
        found["HVEN_DATABASE"] = request.getfixturevalue("cluster").url()
    return found


@pytest.fixture
def begin(tmp_path: Path, settings_of_service: dict[str, str]) -> Iterator[Callable[..., Service]]:
    """Make a service; it and all it left is killed in the end."""
    made: list[Service] = []

    def one(command: str = "serve", folder: str = "service", **more: Any) -> Service:
        settings = settings_of_service | {name: str(value) for name, value in more.items()}
        made.append(Service(tmp_path / folder, settings, command))
        return made[-1]

    yield one
    for service in made:
        service.remove()


@pytest.fixture
def service(begin: Callable[..., Service]) -> Service:
    """A service that answers."""
    return begin().start()
