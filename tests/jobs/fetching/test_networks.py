"""Which addresses of machines lead into somebody's own network."""

from __future__ import annotations

import ipaddress

import pytest

from hven.jobs.fetching.networks import is_public


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", "129.164.179.22", "1.1.1.1", "172.15.0.1", "172.32.0.1", "2001:4860:4860::8888",
     "2a00:1450:4001::5", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)  # fmt: skip
def test_what_all_can_reach_alike_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254",
     "172.16.0.1", "172.31.255.255", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.1.1",
     "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1",
     "255.255.255.255",
     "::", "::1", "::127.0.0.1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
     "100::1", "2001::1", "2001:10::1", "2001:db8::1", "3fff::1", "5f00::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
     "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1"],
)  # fmt: skip
def test_what_is_somebodys_own_is_not(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


def test_what_the_library_calls_private_is_not_public() -> None:
    """The registries of IANA by two hands: whatever `ipaddress` keeps back is kept back here."""
    for first in range(256):
        for second in (0, 18, 31, 51, 64, 88, 168, 254, 255):
            address = ipaddress.IPv4Address(f"{first}.{second}.113.1")
            if not address.is_global or address.is_multicast or address.is_reserved:
                assert not is_public(address), address
