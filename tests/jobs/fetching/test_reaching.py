"""Which machine is connected to: the one that was checked, and never one of somebody's own."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import certificates
from file_server import FileServer, file, redirect
from hven.errors import FetchError, SourceError
from hven.jobs.fetching import replies
from hven.jobs.fetching.records import Fetched
from hven.jobs.fetching.replies import Network

pytestmark = pytest.mark.django_db
Fetcher = Callable[..., Fetched]
Context = Callable[[], ssl.SSLContext]
#: Addresses of the public internet; nothing goes there, see `Wire`.
PUBLIC, OTHER = "8.8.8.8", "2001:4860:4860::8888"


class Wire:
    """Resolves names as a test says, and notes to which addresses is connected.

    Parameters
    ----------
    server
        Where every connection really ends.
    answers
        What each further question after a name gives; the last one for good.
    """

    def __init__(self, server: FileServer, *answers: list[str]) -> None:
        self._server = server
        self._answers = list(answers)
        self.asked: list[str] = []
        self.connected: list[tuple[str, int]] = []
        self.refusing: set[str] = set()

    def resolve(self, host: str, port: int) -> list[str]:
        """Answer as the name server that somebody else has."""
        del port
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def connect(self, place: tuple[str, int], seconds: float) -> socket.socket:
        """Connect to the server of the test."""
        self.connected.append(place)
        if place[0] in self.refusing:
            raise ConnectionRefusedError(111, "Connection refused")
        return socket.create_connection(("127.0.0.1", self._server.port), seconds)

    def network(
        self, context: Callable[[], ssl.SSLContext] = ssl.create_default_context
    ) -> Network:
        """As fetches take it."""
        return Network(self.resolve, self.connect, context)


def refused(fetch_url: Fetcher, wire: Wire, url: str, allowed: str = "*") -> str:
    """What is told of an address to which nothing was connected."""
    with pytest.raises(FetchError) as error:
        fetch_url(url, allowed=allowed, network=wire.network())
    assert wire.connected == []
    return error.value.faults[0].text


def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked(
    fetch_url: Fetcher, server: FileServer
) -> None:
    server.responses["/x"] = file(b"stars")
    wire = Wire(server, [PUBLIC], ["127.0.0.1"])
    fetch_url("http://rebinding.example/x", allowed="*", network=wire.network())
    assert (wire.asked, wire.connected) == (["rebinding.example"], [(PUBLIC, 80)])
    assert server.asked[0][1]["Host"] == "rebinding.example"
    # The next time it is asked again, and refused.
    with pytest.raises(FetchError, match="of the public internet"):
        fetch_url("http://rebinding.example/x", allowed="*", network=wire.network())
    assert wire.connected == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], [PUBLIC, "192.168.0.1"],
     ["::1"], [OTHER, "::ffff:10.0.0.1"], ["64:ff9b::7f00:1"], ["2002:7f00:1::"],
     ["fe80::1%eth0"], ["0.0.0.0"], []],
)  # fmt: skip
def test_a_name_with_any_address_of_somebodys_own_is_refused(
    fetch_url: Fetcher, server: FileServer, addresses: list[str]
) -> None:
    told = refused(fetch_url, Wire(server, addresses), "http://inside.example/x")
    assert told == "must be at a host of the public internet, inside.example is not"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x", "http://[::1]/x", "http://[::ffff:7f00:1]/x", "http://0.0.0.0/x",
     "http://169.254.169.254/x", "http://[::]/x", "http://localhost/x"],
)  # fmt: skip
def test_an_address_of_somebodys_own_is_refused_as_it_stands(fetch_url: Fetcher, url: str) -> None:
    with pytest.raises(FetchError, match="must be at a host of the public internet"):
        fetch_url(url, allowed="*")


def test_a_host_that_may_be_private_is_named_so(fetch_url: Fetcher, server: FileServer) -> None:
    server.responses["/x"] = file(b"stars")
    wire = Wire(server, ["10.0.0.1"])
    told = refused(fetch_url, wire, "http://lab.example/x", "lab.example")
    assert "of the public internet" in told
    fetch_url("http://lab.example/x", allowed="private:lab.example", network=wire.network())
    assert wire.connected == [("10.0.0.1", 80)]


def test_a_redirect_to_a_name_of_somebodys_own_is_refused(
    fetch_url: Fetcher, server: FileServer
) -> None:
    server.responses["/x"] = redirect("http://inside.example/secret")
    wire = Wire(server, [PUBLIC], ["10.0.0.1"])
    with pytest.raises(FetchError, match=r"public internet, inside\.example is not"):
        fetch_url("http://outside.example/x", allowed="*", network=wire.network())
    assert wire.connected == [(PUBLIC, 80)]


def test_leave_for_one_private_host_is_none_for_where_it_sends(
    fetch_url: Fetcher, server: FileServer
) -> None:
    server.responses["/x"] = redirect("http://metadata.example/x")
    wire = Wire(server, ["10.0.0.1"], ["169.254.169.254"])
    with pytest.raises(FetchError, match="public internet"):
        fetch_url("http://lab.example/x", allowed="*, private:lab.example", network=wire.network())
    assert wire.connected == [("10.0.0.1", 80)]


def test_another_address_of_the_host_is_tried_when_one_is_silent(
    fetch_url: Fetcher, server: FileServer
) -> None:
    server.responses["/x"] = file(b"stars")
    wire = Wire(server, [OTHER, PUBLIC])
    wire.refusing = {OTHER}
    fetch_url("http://two.example/x", allowed="*", network=wire.network())
    assert wire.connected == [(OTHER, 80), (PUBLIC, 80)]
    assert wire.asked == ["two.example"]


def test_a_name_that_nobody_has_is_told(fetch_url: Fetcher, server: FileServer) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, f"{host} {port}")

    network = Network(unknown, Wire(server, []).connect)
    with pytest.raises(FetchError, match=r"exists, nowhere\.example does not"):
        fetch_url("http://nowhere.example/x", allowed="*", network=network)


def test_a_name_server_that_is_away_is_passing_trouble(
    fetch_url: Fetcher, server: FileServer
) -> None:
    def away(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, f"{host} {port}")

    network = Network(away, Wire(server, []).connect)
    with pytest.raises(SourceError, match=r"the name far\.example cannot be resolved now"):
        fetch_url("http://far.example/x", allowed="*", network=network)


def test_proxies_of_the_environment_are_left_aside(
    fetch_url: Fetcher, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server.responses["/x"] = file(b"stars")
    assert fetch_url(server.url("/x")).bytes == 5


def test_the_system_gives_each_address_of_a_host_once() -> None:
    assert replies.resolve("127.0.0.1", 80) == ["127.0.0.1"]


# -- HTTPS ----------------------------------------------------------------------------------------


@pytest.fixture
def names() -> list[str | None]:
    """By which names clients asked."""
    return []


@pytest.fixture
def safe(tmp_path: Path, names: list[str | None]) -> Iterator[FileServer]:
    """A server with a certificate for archive.example."""
    path = certificates.make(tmp_path, "archive.example")
    found = FileServer(certificates.of_server(path, names))
    found.responses["/x"] = file(b"stars")
    yield found
    found.stop()


def test_a_certificate_is_checked_for_the_name_not_the_address(
    fetch_url: Fetcher, safe: FileServer, tmp_path: Path, names: list[str | None]
) -> None:
    wire = Wire(safe, [PUBLIC])
    trusting = wire.network(lambda: certificates.of_client(tmp_path / "archive.example.pem"))
    found = fetch_url("https://archive.example/x", allowed="*", network=trusting)
    assert (found.bytes, names, wire.connected) == (5, ["archive.example"], [(PUBLIC, 443)])
    with pytest.raises(FetchError, match=r"valid certificate for other\.example"):
        fetch_url("https://other.example/x", allowed="*", network=trusting)


def test_a_certificate_of_nobody_known_is_refused(fetch_url: Fetcher, safe: FileServer) -> None:
    with pytest.raises(FetchError, match=r"valid certificate for archive\.example: self.signed"):
        fetch_url("https://archive.example/x", allowed="*", network=Wire(safe, [PUBLIC]).network())
    assert safe.asked == []


def test_a_server_that_does_not_speak_tls_is_passing_trouble(
    fetch_url: Fetcher, server: FileServer
) -> None:
    wire = Wire(server, [PUBLIC])
    with pytest.raises(SourceError, match=r"archive\.example does not answer"):
        fetch_url("https://archive.example/x", allowed="*", network=wire.network())
