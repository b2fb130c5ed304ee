"""What tests of the pages may ask for: browsers without a screen, logged in or not."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from hven.jobs.configuration import Configuration
from hven.jobs.models import User
from input_files import PACKAGES
from portal_clients import page_client


@pytest.fixture(autouse=True)
def _service(configuration: Configuration, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMAIL_BACKEND = "hven.portal.mailing.Backend"  # pytest-django puts another.
    # Tries are counted there, by all processes of a service together.
    cache.clear()
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
