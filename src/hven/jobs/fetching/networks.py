"""Which addresses of machines are everybody's, and which lead into somebody's own network."""

from __future__ import annotations

import ipaddress

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Of the registries of IANA, rather than what the Python at hand knows of them.
_CLOSED_4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by a provider's customers
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, where clouds tell secrets
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocols
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays to 6to4
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # measurements
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
#: Outside of it is nothing that all can reach: loopback, link-local, unique local, multicast.
_OPEN_6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # protocols, Teredo among them
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation
        ),
    )
)
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
#: Translates to IPv4: what stands in the last 32 bits is reached.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: The IPv4 address stands in bits 16 to 47.
_6TO4 = ipaddress.IPv6Network("2002::/16")


def is_public(address: IP) -> bool:
    """Whether it is an address of the internet that all reach alike.

    An IPv6 address that stands for an IPv4 address is judged by that one.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _CLOSED_4)
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    return address in _OPEN_6 and not any(address in network for network in _CLOSED_6)


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    number = int(address)
    if address in _MAPPED or address in _NAT64:
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    if address in _6TO4:
        return ipaddress.IPv4Address(number >> 80 & 0xFFFFFFFF)
    return None
