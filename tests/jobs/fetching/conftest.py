"""A server of files for each test, and a fetch as a job's driver has it made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from file_server import FileServer
from hven.jobs.configuration import Configuration
from hven.jobs.fetching.allowed import rules_of
from hven.jobs.fetching.records import Fetched
from hven.jobs.fetching.replies import Network
from hven.jobs.fetching.transfer import Terms, fetch
from hven.jobs.models import User

Fetcher = Callable[..., Fetched]


@pytest.fixture
def server() -> Iterator[FileServer]:
    """It is at 127.0.0.1 and some port."""
    found = FileServer()
    yield found
    found.stop()


@pytest.fixture
def fetching(configuration: Configuration, server: FileServer, settings: Any) -> Configuration:
    """Settings with which the service fetches from the server."""
    found = replace(configuration, fetch_from=[f"private:{server.place}"])
    settings.HVEN = found
    return found


@pytest.fixture
def fetch_url(fetching: Configuration, user: User, server: FileServer) -> Fetcher:
    """Fetch for Alice: `fetch_url(url, allowed=..., most=..., seconds=..., silence=...)`."""

    def found(
        url: str,
        *,
        allowed: str = "",
        most: int = 2**30,
        seconds: float = 20.0,
        silence: float = 5.0,
        network: Network | None = None,
    ) -> Fetched:
        rules = rules_of((allowed or f"private:{server.place}",))
        terms = Terms(rules, most, seconds, silence)
        return fetch(user, url, terms, lambda *_: None, network)

    return found
