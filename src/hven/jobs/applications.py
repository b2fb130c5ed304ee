"""The applications that a service offers, loaded once a process."""

from __future__ import annotations

import functools

from hven.declare import Application, registry
from hven.errors import Fault, ParameterError
from hven.jobs.configuration import configuration


def offered() -> list[Application]:
    """The applications that the service offers: those of its settings, else all installed."""
    wanted = configuration().applications
    return [
        found for name, found in registry.applications().items() if not wanted or name in wanted
    ]


def application(name: str) -> Application:
    """The application of that name, when it is offered.

    What was found stays found: looking through the installed packages takes as long as taking in
    a job. A name that there is not is looked for again.

    Raises
    ------
    ParameterError
        There is none; close names are listed.
    DeclarationError
        There is one and it cannot be used.
    """
    wanted = configuration().applications
    if wanted and name not in wanted:
        names = ", ".join(sorted(wanted))
        raise ParameterError([Fault("application", f"must be one of {names}, got '{name}'")])
    return _found(name)


_found = functools.cache(registry.find)
