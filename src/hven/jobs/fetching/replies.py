"""Asking the server of an address, wherever redirects lead, and nobody else.

A name is resolved once. If any address that it has is in a network of somebody's own it is refused;
else the connection goes to what was checked, whatever the name may mean a moment later. Proxies of
the environment are left aside: they would resolve the name again.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from hven.errors import SourceError
from hven.jobs.fetching.address import Address, AddressError
from hven.jobs.fetching.allowed import Rule, admitted
from hven.jobs.fetching.networks import is_public

#: Redirects that are followed.
MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Seconds in which one address of a host has to take a connection.
_CONNECT_SECONDS = 10.0
_AGENT = "Hven (inputs of jobs)"


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Network(NamedTuple):
    """By what names are resolved and connections made."""

    resolve: Callable[[str, int], list[str]] = resolve
    connect: Callable[[tuple[str, int], float], socket.socket] = socket.create_connection
    #: Whose certificates are trusted; `SSL_CERT_FILE` of the environment may say so.
    context: Callable[[], ssl.SSLContext] = ssl.create_default_context


class Patience(NamedTuple):
    """How long is waited for a server."""

    #: Of `time.monotonic`: when all has to be over.
    deadline: float
    #: Seconds without a byte.
    silence: float

    def left(self) -> float:
        """Seconds that are left."""
        return self.deadline - time.monotonic()


class Line:
    """A connection that is cut when all has to be over, whatever is done with it then.

    Parameters
    ----------
    sock
        Connected.
    patience
        How long it may last.
    """

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        self._sock = sock
        self.is_cut = False
        self._timer = threading.Timer(max(0.0, patience.left()), self._cut)
        self._timer.daemon = True
        self._timer.start()

    def handle(self) -> socket.socket:
        """A handle of the connection, for the caller to close."""
        return self._sock.dup()

    def close(self) -> None:
        """Let go of it."""
        self._timer.cancel()
        self._sock.close()

    def _cut(self) -> None:
        self.is_cut = True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)


class Reply:
    """The answer of a server, of which the body has still to be read.

    Parameters
    ----------
    address
        Whose it is, behind all redirects.
    connection
        On which the request was sent; closed with the answer, as is `line`.
    line
        What is below it.
    """

    def __init__(
        self, address: Address, connection: http.client.HTTPConnection, line: Line
    ) -> None:
        self.address = address
        self._connection = connection
        self._line = line
        try:
            self._response = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        self.status = self._response.status
        self.headers = self._response.headers
        self._left = self.length
        self._come = 0

    @property
    def reason(self) -> str:
        """The status in words."""
        phrase = http.client.responses.get(self.status, "")
        return f"{self.status} {phrase}".rstrip()

    @property
    def length(self) -> int | None:
        """Bytes of the body as announced; None where that is not said."""
        length: int | None = self._response.length
        return None if self._response.chunked else length

    def header(self, name: str, longest: int = 1000) -> str:
        """A header; empty when it is absent, or nothing one would keep."""
        text = str(self.headers.get(name, "")).strip()
        return text if len(text) <= longest and text.isprintable() and text.isascii() else ""

    def read(self, size: int) -> bytes:
        """At most so many of the next bytes; none at the end.

        Raises
        ------
        OSError, http.client.HTTPException
            It broke off.
        """
        if self._left is not None:
            size = min(size, self._left)
        try:
            piece = self._response.read1(size) if size else b""
        except OSError as error:
            if self._line.is_cut:
                raise TimeoutError("it took too long") from error
            raise
        if self._line.is_cut:
            raise TimeoutError("it took too long")
        self._come += len(piece)
        if self._left is not None:
            self._left -= len(piece)
            if not piece and self._left:
                raise ConnectionResetError(f"{self._left} bytes of what was announced are missing")
        elif not self._come and not self._response.chunked:
            # A server that dies within its headers leaves this, which is no empty file.
            raise ConnectionResetError("nothing came")
        return piece

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._line.close()


def ask(
    address: Address,
    headers: Mapping[str, str],
    rules: Sequence[Rule],
    patience: Patience,
    network: Network,
) -> Reply:
    """The answer to a GET, behind redirects each of which is checked as the first address was.

    Raises
    ------
    AddressError
        It, or where it leads, must not be fetched from, or is nowhere.
    SourceError
        There is no answer; later there may be one.
    """
    here = address
    for _ in range(MOST_REDIRECTS + 1):
        reply = _ask_once(here, headers, rules, patience, network)
        location = reply.header("Location", 8000) if reply.status in _REDIRECTS else ""
        if not location:
            return reply
        reply.close()
        try:
            here = here.leading_to(location)
        except AddressError as error:
            raise AddressError(f"{error}, where {here.place} sends on to") from error
    raise AddressError(f"must lead to a file within {MOST_REDIRECTS} redirects")


def _ask_once(
    address: Address,
    headers: Mapping[str, str],
    rules: Sequence[Rule],
    patience: Patience,
    network: Network,
) -> Reply:
    private = admitted(address, rules)
    addresses = _checked(address, private, network)
    try:
        line = Line(_connected(address, addresses, patience, network), patience)
        try:
            return Reply(address, _sent(address, headers, line, network), line)
        except BaseException as error:
            line.close()
            if line.is_cut:
                raise TimeoutError("it took too long") from error
            raise
    except ssl.SSLCertVerificationError as error:
        told = f"must be at a server with a valid certificate for {address.host}"
        raise AddressError(f"{told}: {error.verify_message}") from error
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(f"{address.place} does not answer: {reason_of(error)}") from error


def _sent(
    address: Address, headers: Mapping[str, str], line: Line, network: Network
) -> http.client.HTTPConnection:
    """A connection on which the request was sent."""
    connection = http.client.HTTPConnection(address.host, address.port)
    connection.auto_open = 0
    connection.sock = line.handle()
    try:
        if address.scheme == "https":
            connection.sock = network.context().wrap_socket(
                connection.sock, server_hostname=address.host
            )
        connection.putrequest("GET", address.target, skip_host=True, skip_accept_encoding=True)
        for name, text in _headers(address, headers).items():
            connection.putheader(name, text)
        connection.endheaders()
    except BaseException:
        connection.close()
        raise
    return connection


def _checked(address: Address, private: bool, network: Network) -> list[str]:
    """The addresses of a host, each of which may be connected to."""
    try:
        found = network.resolve(address.host, address.port)
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            raise AddressError(f"must be at a host that exists, {address.host} does not") from error
        raise SourceError(f"the name {address.host} cannot be resolved now: {error}") from error
    except UnicodeError as error:
        raise AddressError(f"must be at a host that exists, {address.host} does not") from error
    closed = [text for text in found if not private and not _is_public(text)]
    if closed or not found:
        # What the name means in the service's network is nobody's business.
        raise AddressError(f"must be at a host of the public internet, {address.host} is not")
    return found


def _is_public(text: str) -> bool:
    try:
        return is_public(ipaddress.ip_address(text))
    except ValueError:  # With a zone: it is link-local.
        return False


def _connected(
    address: Address, addresses: Sequence[str], patience: Patience, network: Network
) -> socket.socket:
    """A connection to the first of the addresses that takes it."""
    trouble: OSError = TimeoutError("it took too long")
    for text in addresses:
        seconds = min(_CONNECT_SECONDS, patience.silence, patience.left())
        if seconds <= 0:
            break
        try:
            found = network.connect((text, address.port), seconds)
        except OSError as error:
            trouble = error
            continue
        found.settimeout(patience.silence)
        return found
    raise trouble


def _headers(address: Address, more: Mapping[str, str]) -> dict[str, str]:
    return {
        "Host": address.place,
        "User-Agent": _AGENT,
        "Accept": "*/*",
        # What is kept is what the server has, not what somebody on the way packed.
        "Accept-Encoding": "identity",
        "Connection": "close",
        **more,
    }


def reason_of(error: Exception) -> str:
    """What broke a connection, for people."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text if isinstance(error, OSError) else f"{type(error).__name__}: {text}"
