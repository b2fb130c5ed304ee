"""Redirects are followed, and each is checked as the first address was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from file_server import FileServer, file, redirect
from hven.errors import FetchError
from hven.jobs.fetching.records import Fetched
from hven.jobs.models import Fetch, Upload

pytestmark = pytest.mark.django_db
Fetcher = Callable[..., Fetched]


def refusal(fetch_url: Fetcher, url: str, **terms: Any) -> str:
    """What is told of an address, which leaves nothing behind."""
    with pytest.raises(FetchError) as error:
        fetch_url(url, **terms)
    assert not Upload.objects.exists()
    (fault,) = error.value.faults
    assert fault.name == url
    return fault.text


def test_redirects_are_followed_to_the_file(fetch_url: Fetcher, server: FileServer) -> None:
    for number, status in enumerate((301, 302, 303, 307, 308)):
        server.responses[f"/{number}"] = redirect(f"/{number + 1}", status)
    server.responses["/5"] = file(b"stars")
    found = fetch_url(server.url("/0"))
    assert (found.url, found.found_at) == (server.url("/0"), server.url("/5"))
    assert found.name == "0"
    assert Fetch.objects.get().url == server.url("/0")


def test_more_than_five_redirects_are_too_many(fetch_url: Fetcher, server: FileServer) -> None:
    server.responses["/x"] = redirect("/x")
    assert refusal(fetch_url, server.url("/x")) == "must lead to a file within 5 redirects"
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("http://127.0.0.1:1/x", "must be at a host from which the service fetches"),
        ("http://169.254.169.254/latest/meta-data/", "must be at a host from which"),
        ("http://[::1]/x", "must be at a host from which"),
        ("http://2130706433/x", "must be the name of a host"),
        ("file:///etc/passwd", "begins with http:// or https://"),
        ("http://u:p@127.0.0.1/", "without a user's name and password"),
        ("//[", "must be an address that can be read"),
    ],
)
def test_a_redirect_is_checked_as_the_first_address_was(
    fetch_url: Fetcher, server: FileServer, place: str, told: str
) -> None:
    server.responses["/x"] = redirect(place)
    assert told in refusal(fetch_url, server.url("/x"))
