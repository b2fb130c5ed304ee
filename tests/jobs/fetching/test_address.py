"""Addresses are read strictly, and hosts are those of the administrator's list."""

from __future__ import annotations

import pytest

from hven.jobs.fetching.address import AddressError, read, shown
from hven.jobs.fetching.allowed import admitted, rule_of, rules_of, words_for


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("https://example.org/a/m31.fits", "example.org", 443, "/a/m31.fits"),
        ("HTTP://Example.ORG", "example.org", 80, "/"),
        ("https://example.org.:8443?id=a//b/../c", "example.org", 8443, "/?id=a//b/../c"),
        ("https://example.org/a//b/./c%20d", "example.org", 443, "/a//b/./c%20d"),
        ("http://192.0.2.1/x", "192.0.2.1", 80, "/x"),
        ("http://[2001:DB8::1]:81/x", "2001:db8::1", 81, "/x"),
        ("https://xn--bcher-kva.example/x", "xn--bcher-kva.example", 443, "/x"),
    ],
)
def test_an_address_is_taken_apart_and_nothing_of_it_is_changed(
    text: str, host: str, port: int, target: str
) -> None:
    found = read(text)
    assert (found.host, found.port, found.target, found.text) == (host, port, target, text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ftp://example.org/x", "begins with http:// or https://"),
        ("file:///etc/passwd", "begins with http:// or https://"),
        ("gopher://127.0.0.1:70/x", "begins with http:// or https://"),
        ("https:///x", "with a host"),
        ("https://alice:secret@example.org/x", "without a user's name and password"),
        ("https://example.org@127.0.0.1/x", "without a user's name and password"),
        ("https://example.org\\@127.0.0.1/x", "without a user's name and password"),
        ("https://2130706433/x", "name of a host"),
        ("https://0x7f000001/x", "name of a host"),
        ("https://0x7f.1/x", "name of a host"),
        ("https://0177.0.0.1/x", "name of a host"),
        ("https://017700000001/x", "name of a host"),
        ("https://127.1/x", "name of a host"),
        ("https://127.0.0.1.1/x", "name of a host"),
        ("https://127.0.0.0x1/x", "name of a host"),
        ("https://1.2.3.256/x", "name of a host"),
        ("https://[fe80::1%25eth0]/x", "with a host"),
        ("https://[::1/x", "with a host"),
        ("https://[1.2.3.4]/x", "name of a host"),
        ("https://example..org/x", "name of a host"),
        ("https://-a.example.org/x", "name of a host"),
        ("https://b\u00fccher.example/x", "odd characters"),
        ("https://127\u30020\u30020\u30021/x", "odd characters"),
        ("https://\u2460\u2461\u2466.0.0.1/x", "odd characters"),
        ("https://example.org/a b", "odd characters"),
        ("https://example.org/a\r\nHost: x", "odd characters"),
        ("https://example.org/\u00fc", "odd characters"),
        ("https://example.org/%zz", "odd characters"),
        ("https://example.org:0/x", "port from 1 to 65535"),
        ("https://example.org:65536/x", "port from 1 to 65535"),
        ("https://example.org:80:80/x", "with a host"),
        ("https://example.org/x#y", "without #"),
        ("https://example.org/x#sha256=12", "without #"),
        ("https://example.org/" + "x" * 2000, "at most 2000 characters"),
    ],
)
def test_what_others_may_read_otherwise_is_refused(text: str, told: str) -> None:
    with pytest.raises(AddressError, match=told):
        read(text)


def test_a_password_is_never_repeated() -> None:
    assert shown("https://alice:secret@example.org/x@y") == "https://...@example.org/x@y"
    assert shown("https://example.org/x@y") == "https://example.org/x@y"


def test_a_digest_may_stand_behind_the_address() -> None:
    found = read("https://example.org/m31.fits#sha256=" + "AB" * 32)
    assert (found.sha256, found.plain) == ("ab" * 32, "https://example.org/m31.fits")
    assert (found.name, found.target) == ("m31.fits", "/m31.fits")


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ("/b", "https://example.org/b"),
        ("c?d=1#e", "https://example.org/a/c?d=1"),
        ("https://archive.example/\u00fc", "https://archive.example/%C3%BC"),
        ("//other.example/x", "https://other.example/x"),
    ],
)
def test_a_redirect_leads_somewhere_from_where_it_is(location: str, text: str) -> None:
    assert read("https://example.org/a/b").leading_to(location).text == text


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("http://example.org/b", "stay with https"),
        ("file:///etc/passwd", "http:// or https://"),
        ("https://u:p@example.org/", "without a user"),
        ("https://0x7f.1/", "name of a host"),
    ],
)
def test_a_redirect_leads_nowhere_that_an_address_must_not(location: str, told: str) -> None:
    with pytest.raises(AddressError, match=told):
        read("https://example.org/a/b").leading_to(location)


# -- the list of an administrator -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "url", "private"),
    [
        ("example.org", "https://example.org/x", False),
        ("example.org", "http://EXAMPLE.org/x", False),
        ("Example.org", "https://example.org./x", False),
        ("example.org:8080", "https://example.org:8080/x", False),
        ("*.example.org", "https://a.b.example.org/x", False),
        ("*", "https://anything.example/x", False),
        ("*:8443", "https://anything.example:8443/x", False),
        ("private:lab.example.org", "https://lab.example.org/x", True),
        ("private:*.lab.example:81", "http://a.lab.example:81/x", True),
        ("private:[::1]:81", "http://[0:0::1]:81/x", True),
        ("*, private:10.1.2.3", "https://10.1.2.3/x", True),
        ("a.example, b.example", "https://b.example/x", False),
    ],
)
def test_a_host_of_the_list_is_admitted(entries: str, url: str, private: bool) -> None:
    assert admitted(read(url), rules_of((entries,))) == private


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        ("example.org", "https://www.example.org/x"),
        ("example.org", "https://example.org.evil.example/x"),
        ("example.org", "https://evilexample.org/x"),
        ("example.org", "https://example.org:8080/x"),
        ("example.org", "http://example.org:443/x"),
        ("example.org:8080", "https://example.org/x"),
        ("example.org:8080", "https://example.org:8081/x"),
        ("*.example.org", "https://example.org/x"),
        ("*.example.org", "https://evilexample.org/x"),
        ("*", "https://anything.example:22/x"),
        ("private:lab.example.org", "https://lab.example.org:8080/x"),
    ],
)
def test_any_other_host_and_port_is_refused_with_those_that_are_allowed(
    entries: str, url: str
) -> None:
    rules = rules_of((entries,))
    with pytest.raises(AddressError) as refusal:
        admitted(read(url), rules)
    assert words_for(rules) in str(refusal.value)
    assert read(url).place in str(refusal.value)


@pytest.mark.parametrize(
    "entry",
    ["https://example.org", "example.org/x", "private:*", "*.*.org", "a*.org", "x:0", "x:99999",
     "127.1", "private:", "user@example.org", "*.", "[::1"],
)  # fmt: skip
def test_an_entry_that_says_nothing_is_a_fault(entry: str) -> None:
    with pytest.raises(AddressError):
        rule_of(entry)


def test_any_host_is_said_in_words() -> None:
    rules = rules_of(("*, private:lab.example:81",))
    assert words_for(rules) == "any host, lab.example:81"
