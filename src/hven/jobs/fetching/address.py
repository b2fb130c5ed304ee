"""Addresses of inputs: read strictly, so that nobody else reads another host in them."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import unquote, urljoin

#: Characters of an address; a database keeps an index of them.
LONGEST = 2000
#: Ports that need not be named.
PORTS = {"http": 80, "https": 443}
_WHOLE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
#: What may stand in an address, as RFC 3986 has it.
_LEGAL = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
#: A last label by which programs take a host for an IPv4 address, however that is written.
_NUMERIC = re.compile(r"(?:\d+|0[xX][0-9a-fA-F]*)")
_CHECKSUM = re.compile(r"#sha256=([0-9a-fA-F]{64})")
_USER = re.compile(r"(://)[^/?#]*@")


class AddressError(ValueError):
    """An address cannot be fetched from; says what it must be."""


class Address(NamedTuple):
    """An address, taken apart."""

    #: As it was written.
    text: str
    #: `http` or `https`.
    scheme: str
    #: In small letters; an IPv6 address without brackets.
    host: str
    port: int
    #: Path and query, as they are asked for.
    target: str
    #: What the digest of the content has to be, in small letters; empty when that is not said.
    sha256: str = ""

    @property
    def place(self) -> str:
        """Host and port, as the header `Host` has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def plain(self) -> str:
        """As it was written, without the digest."""
        return self.text.partition("#")[0]

    @property
    def name(self) -> str:
        """The last part of the path; empty where it ends with a slash."""
        return unquote(self.target.partition("?")[0].rpartition("/")[2], errors="replace")

    def leading_to(self, location: str) -> Address:
        """Where a redirect from here leads.

        Raises
        ------
        AddressError
            It leads to nothing that can be fetched.
        """
        # What servers write there in other characters is meant as UTF-8.
        plain = "".join(c if c.isascii() else _percent(c) for c in location.strip())
        try:
            joined = urljoin(self.plain, plain)
        except ValueError as error:
            raise AddressError("must be an address that can be read") from error
        found = read(joined.partition("#")[0])
        if self.scheme == "https" and found.scheme == "http":
            raise AddressError("must stay with https, it leads to http")
        return found._replace(sha256=self.sha256)


def read(text: str) -> Address:
    """An address as a user wrote it.

    Raises
    ------
    AddressError
        It is none from which can be fetched.
    """
    if len(text) > LONGEST:
        raise AddressError(f"must be an address of at most {LONGEST} characters")
    found = _WHOLE.fullmatch(text)
    if found is None or found[1].lower() not in PORTS:
        raise AddressError("must be an address that begins with http:// or https://")
    scheme, authority, path, query, fragment = found.groups(default="")
    if "@" in authority:
        raise AddressError("must be an address without a user's name and password")
    if not _LEGAL.fullmatch(text):
        raise AddressError("must be an address whose odd characters are written as %20 is")
    host, port = _host_of(authority, scheme.lower())
    checksum = _CHECKSUM.fullmatch(fragment)
    if fragment and checksum is None:
        raise AddressError("must be an address without #..., except #sha256= and 64 digits")
    sha256 = checksum[1].lower() if checksum else ""
    return Address(text, scheme.lower(), host, port, (path or "/") + query, sha256)


def shown(text: str) -> str:
    """An address as messages show it: without what may be a password."""
    return _USER.sub(r"\1...@", text)


def host_of(text: str) -> str:
    """A host's name in small letters, or its address as everybody reads it.

    Raises
    ------
    AddressError
        It is neither.
    """
    told = "must be the name of a host, or an address as 192.0.2.1 or [2001:db8::1]"
    if text.startswith("["):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError as error:
            raise AddressError(told) from error
    host = text.lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(_NAME.fullmatch(label) for label in labels):
        raise AddressError(told)
    if _NUMERIC.fullmatch(labels[-1]):
        try:
            # Not 127.1, 0x7f.1, 017700000001, 2130706433: each system reads another host in them.
            return str(ipaddress.IPv4Address(host))
        except ValueError as error:
            raise AddressError(told) from error
    return host


def _host_of(authority: str, scheme: str) -> tuple[str, int]:
    found = _HOST.fullmatch(authority)
    if found is None:
        raise AddressError("must be an address with a host, as https://example.org/m31.fits")
    port = int(found[2]) if found[2] else PORTS[scheme]
    if not 0 < port < 65536:
        raise AddressError("must be an address with a port from 1 to 65535")
    return host_of(found[1]), port


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode(errors="replace"))
