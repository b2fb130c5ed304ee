"""What must hold of the settings beyond their types and bounds."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from hven.errors import Fault, ParameterError
from hven.jobs.configuration import Configuration
from hven.jobs.fetching.address import AddressError
from hven.jobs.fetching.allowed import entries_of, rule_of
from hven.server.databases import database

_EXECUTORS = ("local", "inline", "dask")


def faults_of(found: Configuration) -> Iterator[Fault]:
    """All that is wrong, by the names of the settings."""
    try:
        database(found)
    except ParameterError as error:
        yield from error.faults
    kind, _, address = found.executor.partition(":")
    if kind not in _EXECUTORS or (address and kind != "dask"):
        text = f"must be local, inline, dask or dask:ADDRESS, got '{found.executor}'"
        yield Fault("executor", text)
    if found.url is not None:
        yield from _address("url", found.url, ("http", "https"))
    if found.mail_server is not None:
        yield from _address("mail_server", found.mail_server, ("smtp", "smtps"))
    if "@" not in found.mail_from:
        yield Fault("mail_from", f"must be a mail address, got '{found.mail_from}'")
    if found.registration == "domain" and not found.registration_domains:
        yield Fault("registration_domains", "must name at least one domain, got none")
    for entry in entries_of(found.fetch_from):
        try:
            rule_of(entry)
        except AddressError as error:
            yield Fault("fetch_from", f"{error}, got '{entry}'")
    if found.retention_days > found.longest_retention_days:
        text = (
            f"must be at most longest_retention_days, {found.longest_retention_days:g} d, "
            f"got {found.retention_days:g} d"
        )
        yield Fault("retention_days", text)
    if not found.node or any(character in found.node for character in "/ \t\n"):
        yield Fault("node", f"must be a name without blanks and slashes, got '{found.node}'")


def _address(name: str, text: str, schemes: tuple[str, ...]) -> Iterator[Fault]:
    wanted = " or ".join(f"{scheme}://..." for scheme in schemes)
    try:
        parts = urlsplit(text)
        good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        # What was given is not repeated: it may have a password in it.
        yield Fault(name, f"must be an address {wanted}")
