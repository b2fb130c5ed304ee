"""What tests of the API may ask for: clients of it, in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api_client import Api
from hven.jobs.configuration import Configuration
from hven.jobs.models import User
from input_files import PACKAGES


@pytest.fixture(autouse=True)
def _service(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in PACKAGES:
        monkeypatch.syspath_prepend(package)


@pytest.fixture
def api() -> Callable[[User | None], Api]:
    """Makes clients."""
    return Api


@pytest.fixture
def alice(user: User) -> Api:
    """The client of Alice, who owns what the test makes."""
    return Api(user)


@pytest.fixture
def charlie(stranger: User) -> Api:
    """The client of Charlie, who has nothing to do with Alice."""
    return Api(stranger)


@pytest.fixture
def nobody(db: None) -> Api:
    """A client that does not say who it is."""
    return Api(None)
