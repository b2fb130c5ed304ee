"""Fetching one input from a real server: what comes, what is kept, what is refused."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from file_server import (
    FileServer,
    breaking,
    chunked,
    dripping,
    failing,
    file,
    silent,
)
from hven.errors import FetchError, QuotaError, SourceError
from hven.jobs import uploads
from hven.jobs.configuration import Configuration
from hven.jobs.contents import upload_path
from hven.jobs.fetching.records import Fetched
from hven.jobs.models import Upload, User

pytestmark = pytest.mark.django_db
Fetcher = Callable[..., Fetched]
STARS = b"stars" * 100_000


def content(found: Fetched) -> bytes:
    """What was fetched, as it lies among the uploads."""
    return upload_path(Upload.objects.get(pk=found.upload).pk).read_bytes()


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


# -- what comes -----------------------------------------------------------------------------------


def test_a_file_is_fetched_and_is_the_users(
    fetch_url: Fetcher, server: FileServer, user: User
) -> None:
    server.responses["/a/m31.fits"] = file(STARS)
    found = fetch_url(server.url("/a/m31.fits?x=1"))
    assert content(found) == STARS
    assert (found.name, found.bytes, found.reused) == ("m31.fits", len(STARS), False)
    assert found.sha256 == hashlib.sha256(STARS).hexdigest()
    upload = Upload.objects.get()
    assert (upload.owner, upload.sha256, upload.completed is not None) == (user, found.sha256, True)
    path, headers = server.asked[0]
    assert (path, headers["Host"], headers["Accept-Encoding"]) == (
        "/a/m31.fits?x=1", server.place, "identity",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/get", {"Content_Disposition": 'attachment; filename="M 31.fits"'}, "M 31.fits"),
        ("/get", {"Content_Disposition": "attachment; filename*=UTF-8''%C3%A9.fits"}, "é.fits"),
        ("/get", {"Content_Disposition": 'x; filename="../../etc/passwd"'}, "passwd"),
        ("/a%2Fb%00.fits", {}, "b_.fits"),
        ("/", {}, "127.0.0.1"),
        ("/m31.fits", {"Content_Encoding": "gzip"}, "m31.fits.gz"),
        ("/m31.fits.gz", {"Content_Encoding": "x-gzip"}, "m31.fits.gz"),
    ],
)
def test_it_is_called_as_the_server_says_or_the_address(
    fetch_url: Fetcher, server: FileServer, path: str, headers: dict[str, str], name: str
) -> None:
    server.responses[path] = file(b"x", **headers)
    assert fetch_url(server.url(path)).name == name


def test_what_is_packed_stays_packed_and_other_packings_are_refused(
    fetch_url: Fetcher, server: FileServer
) -> None:
    server.responses["/m31.fits"] = file(b"x", Content_Encoding="br")
    told = refusal(fetch_url, server.url("/m31.fits"))
    assert told == "must come as it is, its server sends it packed as 'br'"


def test_a_file_of_unknown_size_is_fetched_to_its_end(
    fetch_url: Fetcher, server: FileServer
) -> None:
    server.responses["/x"] = chunked([b"one", b"two"])
    assert content(fetch_url(server.url("/x"))) == b"onetwo"


def test_an_empty_file_is_one(fetch_url: Fetcher, server: FileServer) -> None:
    server.responses["/x"] = file(b"")
    assert content(fetch_url(server.url("/x"))) == b""


# -- again ----------------------------------------------------------------------------------------


def test_what_is_unchanged_is_not_fetched_again(fetch_url: Fetcher, server: FileServer) -> None:
    server.responses["/x"] = file(STARS)
    first = fetch_url(server.url("/x"))
    second = fetch_url(server.url("/x"))
    assert (second.upload, second.reused) == (first.upload, True)
    assert server.asked[1][1]["If-None-Match"] == first.etag
    server.responses["/x"] = file(STARS + b"more")
    third = fetch_url(server.url("/x"))
    assert (third.upload != first.upload, third.reused) == (True, False)
    assert content(first) == STARS


def test_a_server_that_tells_no_version_is_asked_for_all_of_it_again(
    fetch_url: Fetcher, server: FileServer
) -> None:
    server.responses["/x"] = chunked([b"x"])
    assert fetch_url(server.url("/x")).upload != fetch_url(server.url("/x")).upload


def test_the_same_tag_is_as_good_as_not_modified(fetch_url: Fetcher, server: FileServer) -> None:
    server.responses["/x"] = chunked([b"x"], ETag='"1"')
    assert fetch_url(server.url("/x")).upload == fetch_url(server.url("/x")).upload


def test_what_another_user_fetched_is_not_taken(
    fetch_url: Fetcher, server: FileServer, stranger: User
) -> None:
    server.responses["/x"] = file(STARS)
    first = fetch_url(server.url("/x"))
    Upload.objects.update(owner=stranger)
    second = fetch_url(server.url("/x"))
    assert second.upload != first.upload
    assert "If-None-Match" not in server.asked[1][1]


# -- what breaks off ------------------------------------------------------------------------------


def test_what_broke_off_is_gone_on_with(fetch_url: Fetcher, server: FileServer) -> None:
    server.responses["/x"] = breaking(STARS, 300_000, file(STARS))
    told = trouble(fetch_url, server.url("/x"))
    assert "broke off after 300000 of 500000 bytes" in told
    assert content(fetch_url(server.url("/x"))) == STARS
    assert server.asked[1][1]["Range"] == "bytes=300000-"
    assert Upload.objects.count() == 1


def test_after_much_has_come_it_goes_on_at_once(fetch_url: Fetcher, server: FileServer) -> None:
    stars = STARS * 4
    server.responses["/x"] = breaking(stars, 1_500_000, file(stars))
    assert content(fetch_url(server.url("/x"))) == stars
    assert server.asked[1][1]["Range"] == "bytes=1500000-"


def test_what_changed_since_it_broke_off_is_fetched_from_its_beginning(
    fetch_url: Fetcher, server: FileServer
) -> None:
    server.responses["/x"] = breaking(STARS, 300_000, file(b"new"))
    trouble(fetch_url, server.url("/x"))
    assert content(fetch_url(server.url("/x"))) == b"new"
    assert Upload.objects.count() == 1


def test_a_part_of_another_version_is_not_put_behind_the_first(
    fetch_url: Fetcher, server: FileServer
) -> None:
    def lie(request: Any) -> None:
        if "Range" not in request.headers:
            file(b"new")(request)
            return
        span = "bytes 300000-499999/500000"
        request.begin(206, Content_Range=span, Content_Length=200_000, ETag='"other"')
        request.send(b"x" * 200_000)

    server.responses["/x"] = breaking(STARS, 300_000, lie)
    trouble(fetch_url, server.url("/x"))
    assert content(fetch_url(server.url("/x"))) == b"new"


def test_a_body_shorter_than_announced_is_no_file(fetch_url: Fetcher, server: FileServer) -> None:
    server.responses["/x"] = breaking(b"stars", 3, file(b""))
    assert "3 of 5 bytes" in trouble(fetch_url, server.url("/x"))


def test_a_body_longer_than_announced_is_what_was_announced(
    fetch_url: Fetcher, server: FileServer
) -> None:
    def respond(request: Any) -> None:
        request.begin(200, Content_Length=3)
        request.send(b"stars and more")

    server.responses["/x"] = respond
    assert content(fetch_url(server.url("/x"))) == b"sta"


def test_headers_without_their_end_are_no_file(fetch_url: Fetcher, server: FileServer) -> None:
    def respond(request: Any) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nETag: x\r\nContent-Le")

    server.responses["/x"] = respond
    assert "nothing came" in trouble(fetch_url, server.url("/x"))


def test_a_body_of_unknown_size_without_its_end_is_no_file(
    fetch_url: Fetcher, server: FileServer
) -> None:
    server.responses["/x"] = chunked([b"one"], end=False)
    assert "broke off" in trouble(fetch_url, server.url("/x"))
    assert not Upload.objects.exists()


def test_a_server_that_falls_silent_is_given_up(fetch_url: Fetcher, server: FileServer) -> None:
    server.responses["/x"] = silent(b"stars", 1.0, 10)
    assert "it took too long" in trouble(fetch_url, server.url("/x"), silence=0.2)


def test_a_server_that_never_answers_is_given_up(fetch_url: Fetcher, server: FileServer) -> None:
    waited = threading.Event()
    server.responses["/x"] = lambda _: waited.wait(5) and None
    told = trouble(fetch_url, server.url("/x"), silence=0.2)
    waited.set()
    assert told == f": {server.place} does not answer: it took too long"


def test_a_server_that_drips_is_given_up_when_the_time_is_over(
    fetch_url: Fetcher, server: FileServer
) -> None:
    server.responses["/x"] = dripping(5.0)
    told = trouble(fetch_url, server.url("/x"), seconds=0.5)
    assert "it took too long" in told


def test_a_server_that_drips_headers_is_given_up_as_well(
    fetch_url: Fetcher, server: FileServer
) -> None:
    over = threading.Event()

    def respond(request: Any) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not over.wait(0.05):
            request.send(b"X")

    server.responses["/x"] = respond
    told = trouble(fetch_url, server.url("/x"), seconds=0.5)
    over.set()
    assert "it took too long" in told


def test_nobody_at_the_port_is_told(fetch_url: Fetcher, server: FileServer) -> None:
    url = server.url("/x")
    server.stop()
    assert "does not answer: Connection refused" in trouble(fetch_url, url)


# -- what servers answer --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_an_answer_without_a_file_is_told(
    fetch_url: Fetcher, server: FileServer, status: int
) -> None:
    server.responses["/x"] = failing(status, 1, file(b""))
    told = refusal(fetch_url, server.url("/x"))
    assert f"its server answered {status} " in told


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_may_pass_is_trouble_of_the_server(
    fetch_url: Fetcher, server: FileServer, status: int
) -> None:
    server.responses["/x"] = failing(status, 1, file(STARS))
    assert f"its server answered {status} " in trouble(fetch_url, server.url("/x"))
    assert content(fetch_url(server.url("/x"))) == STARS


# -- how large it may be --------------------------------------------------------------------------


def test_a_file_that_is_announced_too_large_is_not_begun(
    fetch_url: Fetcher, server: FileServer
) -> None:
    server.responses["/x"] = silent(b"", 0, 60 * 10**9)
    told = refusal(fetch_url, server.url("/x"), most=10**9)
    assert told == "must be a file of at most 1 GB, its server announces 60 GB"


def test_a_file_that_turns_out_too_large_is_removed(fetch_url: Fetcher, server: FileServer) -> None:
    server.responses["/x"] = chunked([bytes(2**20)] * 20)
    told = refusal(fetch_url, server.url("/x"), most=10**6)
    assert told == "must be a file of at most 1 MB, more than that came"


def test_a_file_counts_among_its_users(
    fetch_url: Fetcher, server: FileServer, fetching: Configuration, settings: Any
) -> None:
    settings.HVEN = replace(fetching, user_bytes=1000)
    server.responses["/x"] = file(bytes(1001))
    server.responses["/y"] = chunked([bytes(1001)])
    for path in ("/x", "/y"):
        with pytest.raises(QuotaError, match="must be at most 1 kB"):
            fetch_url(server.url(path))
    assert not Upload.objects.exists()


# -- digests --------------------------------------------------------------------------------------


def test_the_digest_that_a_user_names_is_held_to(fetch_url: Fetcher, server: FileServer) -> None:
    server.responses["/x"] = file(STARS)
    right = hashlib.sha256(STARS).hexdigest()
    url = server.url("/x")
    told = refusal(fetch_url, f"{url}#sha256={'ab' * 32}")
    assert "ab" * 32 in told
    assert right in told
    found = fetch_url(f"{url}#sha256={right.upper()}")
    assert found.url.endswith(right.upper())
    with pytest.raises(FetchError, match=f"what came has {right}"):
        fetch_url(f"{url}#sha256={'cd' * 32}")
    assert Upload.objects.count() == 1


@pytest.mark.parametrize("name", ["Repr_Digest", "Digest"])
def test_what_is_not_what_its_server_says_is_not_taken(
    fetch_url: Fetcher, server: FileServer, name: str
) -> None:
    digest = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    text = f"sha-256=:{digest}:" if name == "Repr_Digest" else f"SHA-256={digest}"
    server.responses["/x"] = file(STARS, **{name: text})
    assert "something else than it said" in trouble(fetch_url, server.url("/x"))
    assert not Upload.objects.exists()


# -- several at a time ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_fetch_that_another_job_has_begun_is_waited_for(
    fetch_url: Fetcher, server: FileServer
) -> None:
    server.responses["/x"] = breaking(STARS, 300_000, file(STARS))
    trouble(fetch_url, server.url("/x"))
    begun = Upload.objects.get()
    found: list[Fetched] = []
    with uploads.upload_files.locked(begun.pk):
        waiting = threading.Thread(target=lambda: found.append(fetch_url(server.url("/x"))))
        waiting.start()
        waiting.join(0.3)
        assert not found
    waiting.join(10)
    assert content(found[0]) == STARS
    assert Upload.objects.count() == 1
