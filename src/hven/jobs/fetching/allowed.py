"""From which hosts an administrator lets inputs be fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hven.jobs.configuration import configuration
from hven.jobs.fetching.address import PORTS, Address, AddressError, host_of, read

_PRIVATE = "private:"
_ENTRY = re.compile(r"(\*|(?:\*\.)?(?:\[[^\]]*\]|[^:\[\]]+))(?::(\d{1,5}))?")


@dataclass(frozen=True)
class Rule:
    """One entry of the list.

    Parameters
    ----------
    host
        A host; `*.` and a domain for all below it; `*` for all.
    port
        The one port it is for; None is the usual one, 80 or 443.
    private
        Whether the host may be in a private network.
    """

    host: str
    port: int | None
    private: bool

    def admits(self, address: Address) -> bool:
        """Whether it is for this address."""
        port = PORTS[address.scheme] if self.port is None else self.port
        if address.port != port:
            return False
        if self.host.startswith("*."):
            return address.host.endswith(self.host[1:]) and ":" not in address.host
        return self.host in ("*", address.host)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def rule_of(entry: str) -> Rule:
    """An entry as an administrator writes it: `example.org`, `*.example.org`, `private:host:8080`.

    Raises
    ------
    AddressError
        It is none.
    """
    private = entry.startswith(_PRIVATE)
    text = entry.removeprefix(_PRIVATE)
    found = _ENTRY.fullmatch(text)
    port = int(found[2]) if found is not None and found[2] else None
    if found is None or (port is not None and not 0 < port < 65536):
        raise AddressError("must be HOST, HOST:PORT, *.DOMAIN, * or private:HOST")
    if found[1] == "*":
        if private:
            raise AddressError("must name a host or *.DOMAIN behind private:")
        return Rule("*", port, private=False)
    below = found[1].startswith("*.")
    host = host_of(found[1].removeprefix("*."))
    return Rule(f"*.{host}" if below else host, port, private)


def entries_of(listed: Iterable[str]) -> list[str]:
    """The entries of the setting, in which commas may stand as well."""
    return [entry for text in listed for entry in text.replace(",", " ").split()]


def rules() -> tuple[Rule, ...]:
    """The rules of this service; none when nothing is fetched."""
    return rules_of(tuple(configuration().fetch_from))


@lru_cache(16)
def rules_of(listed: tuple[str, ...]) -> tuple[Rule, ...]:
    """The rules that a list gives."""
    return tuple(map(rule_of, entries_of(listed)))


def hosts() -> str:
    """The hosts that are allowed, in words; empty when there are none."""
    return words_for(rules())


def words_for(some: Iterable[Rule]) -> str:
    """Rules in words."""
    return ", ".join("any host" if rule.host == "*" and not rule.port else str(rule)
                     for rule in some)  # fmt: skip


def admitted(address: Address, some: Sequence[Rule]) -> bool:
    """Whether an address may be in a private network, where it may be fetched from at all.

    Raises
    ------
    AddressError
        It may not; names the hosts that may.
    """
    found = [rule for rule in some if rule.admits(address)]
    if not found:
        raise AddressError(
            f"must be at a host from which the service fetches: {words_for(some)}; "
            f"{address.place} is none of them"
        )
    return any(rule.private for rule in found)


def refusal_of(text: str) -> str:
    """Why an address cannot be an input, to follow its parameter's name; empty when it can.

    It is looked at alone: no name is resolved, and nobody is asked.
    """
    if not rules():
        return "must be no address, this service fetches from nowhere"
    try:
        admitted(read(text), rules())
    except AddressError as error:
        return str(error)
    return ""
