"""The applications that a service offers, loaded once a process."""

from __future__ import annotations

import functools
import sys

from hven.declare import Application, registry
from hven.errors import Fault, ParameterError
from hven.jobs.configuration import configuration
from hven.jobs.models import Switch

#: Begins the names of the switches by which administrators take applications off offer.
_OFF = "off:"


def installed() -> list[Application]:
    """The applications that the service has: those of its settings, else all that there are."""
    wanted = configuration().applications
    # Looking through the packages takes as long as a page; the path is what new ones come by.
    found = _installed(tuple(sys.path))
    return [made for name, made in found.items() if not wanted or name in wanted]


def offered() -> list[Application]:
    """The applications that the service has and no administrator has switched off."""
    off = switched_off()
    return [made for made in installed() if made.name not in off]


def switched_off() -> dict[str, str]:
    """The applications that are switched off, and why."""
    found = Switch.objects.filter(name__startswith=_OFF).values_list("name", "reason")
    return {name.removeprefix(_OFF): reason for name, reason in found}


def switch_off(name: str, reason: str = "") -> None:
    """Take no more jobs of an application; those that were taken go on."""
    Switch.objects.update_or_create(name=_OFF + name, defaults={"reason": reason[:200]})


def switch_on(name: str) -> None:
    """Take jobs of an application again."""
    Switch.objects.filter(name=_OFF + name).delete()


def require_on(name: str) -> None:
    """Refuse an application that is switched off.

    Raises
    ------
    ParameterError
        With the reason.
    """
    reason = Switch.objects.filter(name=_OFF + name).values_list("reason", flat=True).first()
    if reason is not None:
        told = f"must be one that is offered, {name} is switched off"
        raise ParameterError([Fault("application", f"{told}: {reason}" if reason else told)])


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


@functools.lru_cache(8)
def _installed(path: tuple[str, ...]) -> dict[str, Application]:
    del path
    return registry.applications()
