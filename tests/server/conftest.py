"""Real services."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import postgresql
from service import APPLICATIONS_OF_TESTS, Service

#: Packages with applications of the tests.
APPLICATIONS = Path(__file__).parent.parent / "service_applications"


def settings_on(server: postgresql.Cluster | None) -> dict[str, str]:
    """The environment of a service on a database; SQLite where no server is given."""
    found = {
        "PYTHONPATH": str(APPLICATIONS),
        "HVEN_APPLICATIONS": APPLICATIONS_OF_TESTS,
        "HVEN_DISK_RESERVE": "0",
        "HVEN_SLOTS": "2",
        "HVEN_WEB_PROCESSES": "1",
    }
    return found | ({"HVEN_DATABASE": server.url()} if server else {})


@pytest.fixture
def settings_of_service(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of a service on the database that is tested."""
    wants_server = request.config.getoption("database") == "postgresql"
    return settings_on(request.getfixturevalue("cluster") if wants_server else None)


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


@pytest.fixture(scope="module")
def kept(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The service that tests of a module share."""
    with contextlib.ExitStack() as stack:
        server = None
        if request.config.getoption("database") == "postgresql":
            server = stack.enter_context(postgresql.running())
        found = Service(tmp_path_factory.mktemp("kept") / "service", settings_on(server))
        stack.callback(found.remove)
        yield found


@pytest.fixture
def service(kept: Service) -> Service:
    """A service that answers; what the tests before did to it is over."""
    return kept if kept.runs() else kept.start()
