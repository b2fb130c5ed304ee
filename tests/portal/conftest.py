"""What tests of the pages may ask for: browsers without a screen, logged in or not."""

from __future__ import annotations

import pytest
from django.test import Client

from hven.jobs.configuration import Configuration
from hven.jobs.models import User
from input_files import PACKAGES


@pytest.fixture(autouse=True)
def _service(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in PACKAGES:
        monkeypatch.syspath_prepend(package)


@pytest.fixture
def sharer(db: None) -> User:
    """Bob, with whom Alice shares."""
    return User.objects.create_user("bob", "bob@example.org", "builder")


@pytest.fixture
def administrator(db: None) -> User:
    """Ada, who runs the service."""
    return User.objects.create_superuser("ada", "ada@example.org", "engine")


def page_client(user: User | None) -> Client:
    """A browser of somebody's; failures are answered, not raised."""
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def alice(user: User) -> Client:
    """Alice's, who owns what the test makes."""
    return page_client(user)


@pytest.fixture
def bob(sharer: User) -> Client:
    """Bob's, with whom Alice shares."""
    return page_client(sharer)


@pytest.fixture
def charlie(stranger: User) -> Client:
    """Charlie's, who has nothing to do with Alice."""
    return page_client(stranger)


@pytest.fixture
def ada(administrator: User) -> Client:
    """Of an administrator."""
    return page_client(administrator)


@pytest.fixture
def nobody(db: None) -> Client:
    """Of somebody who has not logged in."""
    return page_client(None)
