"""The applications that are installed, found by the entry-point group `hven.applications`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from hven.declare.application import Application
from hven.errors import DeclarationError, Fault, ParameterError

GROUP = "hven.applications"


@dataclass(frozen=True)
class Broken:
    """An entry point that cannot be used.

    Parameters
    ----------
    name
        The name it was to have.
    package
        The package that brings it.
    reason
        What went wrong, one line.
    """

    name: str
    package: str
    reason: str


def names() -> list[str]:
    """The names of all installed applications, sorted; loads none of them."""
    return sorted({entry.name for entry in _entries()})


def applications() -> dict[str, Application]:
    """All installed applications that can be used, by name."""
    loaded = (_load(entry) for entry in _entries())
    return {found.name: found for found in loaded if isinstance(found, Application)}


def broken() -> list[Broken]:
    """The installed entry points that cannot be used, so that somebody hears of them."""
    loaded = [_load(entry) for entry in _entries()]
    return [found for found in loaded if isinstance(found, Broken)]


def find(name: str) -> Application:
    """The application of that name; no other one is loaded.

    Raises
    ------
    ParameterError
        There is none; close names are listed.
    DeclarationError
        There is one and it cannot be used.
    """
    for entry in _entries():
        if entry.name == name:
            found = _load(entry)
            if isinstance(found, Broken):
                raise DeclarationError(
                    f"{name}: cannot be used, {found.package} is broken: {found.reason}"
                )
            return found
    close = difflib.get_close_matches(name, names(), 3, 0.5)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    known = ", ".join(names()) or "(none is installed)"
    raise ParameterError([Fault("application", f"must be one of {known}, got '{name}'{hint}")])


def _entries() -> list[EntryPoint]:
    """The first entry point of each name, Hven's own before others."""
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: _package(entry) != "hven"):
        found.setdefault(entry.name, entry)
    return [found[name] for name in sorted(found)]


def _load(entry: EntryPoint) -> Application | Broken:
    try:
        found = entry.load()
    except Exception as error:  # Whatever a foreign package raises must not break the others.
        reason = f"{type(error).__name__}: {error}"
        return Broken(entry.name, _package(entry), reason.split("\n")[0])
    if not isinstance(found, Application):
        reason = f"{entry.value} is no application but a {type(found).__name__}"
        return Broken(entry.name, _package(entry), reason)
    if found.name != entry.name:
        reason = f"{entry.value} is named {found.name}, its entry point {entry.name}"
        return Broken(entry.name, _package(entry), reason)
    return found


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "(unknown)"
