"""What becomes of a fetch that does not succeed, for the tests of fetching."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hven.errors import FetchError, SourceError
from hven.jobs.fetching.records import Fetched
from hven.jobs.models import Upload

Fetcher = Callable[..., Fetched]


def refusal(fetch_url: Fetcher, url: str, **terms: Any) -> str:
    """What is told of an address, which leaves nothing behind."""
    with pytest.raises(FetchError) as error:
        fetch_url(url, **terms)
    assert not Upload.objects.exists()
    (fault,) = error.value.faults
    assert fault.name == url
    return fault.text


def trouble(fetch_url: Fetcher, url: str, **terms: Any) -> str:
    """What is told of a server with which it may go better later."""
    with pytest.raises(SourceError) as error:
        fetch_url(url, **terms)
    assert str(error.value).startswith(url)
    return str(error.value).removeprefix(url)
