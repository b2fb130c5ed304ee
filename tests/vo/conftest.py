"""What tests of the Virtual Observatory's door may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import postgresql
from hven.jobs.configuration import Configuration
from hven.jobs.models import User
from input_files import PACKAGES
from service import Service
from vo_client import Vo


@pytest.fixture(autouse=True)
def _packages(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in PACKAGES:
        monkeypatch.syspath_prepend(package)


@pytest.fixture
def vo(configuration: Configuration) -> Callable[[User | None], Vo]:
    """Makes clients."""
    return Vo


@pytest.fixture
def alice(configuration: Configuration, user: User) -> Vo:
    """The client of Alice, who owns what the test makes."""
    return Vo(user)


@pytest.fixture
def charlie(configuration: Configuration, stranger: User) -> Vo:
    """The client of Charlie, who has nothing to do with Alice."""
    return Vo(stranger)


@pytest.fixture
def nobody(configuration: Configuration, db: None) -> Vo:
    """A client that does not say who it is."""
    return Vo(None)


@pytest.fixture(scope="module")
def begin(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Service]]:
    """Makes services on the database that is tested; all are killed in the end."""
    made: list[Any] = []

    def one(**more: Any) -> Service:
        settings = {
            "PYTHONPATH": ":".join(map(str, PACKAGES)),
            "HVEN_DISK_RESERVE": "0",
            "HVEN_APPLICATIONS": "echo\ntiles\ncopy\ntrouble\nstubborn\nweigh",
        }
        if request.config.getoption("database") == "postgresql":
            if postgresql.programs() is None:
                pytest.skip(f"wants initdb: apt-get install {postgresql.PACKAGE}")
            cluster = postgresql.Cluster()
            made.append(cluster)
            cluster.start()
            settings["HVEN_DATABASE"] = cluster.url()
        found = {**settings, **{name: str(value) for name, value in more.items()}}
        service = Service(tmp_path_factory.mktemp("service"), found)
        made.append(service)
        return service

    yield one
    for each in reversed(made):
        each.remove()


@pytest.fixture(scope="module")
def service(begin: Callable[..., Service]) -> Service:
    """A service that answers, shared by the tests of a module."""
    return begin(HVEN_SLOTS=2).start()
