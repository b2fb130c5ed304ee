"""Which service a command is meant for: named, in the environment, or logged in to."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from hven.errors import Fault, ParameterError

if TYPE_CHECKING:
    from hven.client import Service

VARIABLE = "HVEN_SERVICE"
_OPTION = "--service"


def without_service(words: list[str]) -> tuple[list[str], str | None]:
    """The words without `--service URL`, and that URL; None where it is not among them.

    Raises
    ------
    ParameterError
        Nothing follows the option.
    """
    rest: list[str] = []
    found: str | None = None
    given = iter(words)
    for word in given:
        if word == _OPTION:
            found = next(given, "")
            if not found or found.startswith("-"):
                told = "must be followed by the address of a service"
                raise ParameterError([Fault(_OPTION, told)])
        elif word.startswith(f"{_OPTION}="):
            found = word.partition("=")[2]
        else:
            rest.append(word)
    return rest, found


def service_for_applications(named: str | None) -> str | None:
    """The service that runs applications; None is this machine."""
    return named if named is not None else os.environ.get(VARIABLE) or None


def add_service_option(parser: argparse.ArgumentParser) -> None:
    """The option that says which service is meant."""
    parser.add_argument(
        _OPTION,
        metavar="URL",
        help="which service; default $HVEN_SERVICE, else that of the last hven login",
    )


def open_service(named: str | None) -> Service:
    """The service that is named, or that of the environment, or of the last login.

    Raises
    ------
    ParameterError
        There is none.
    """
    from hven.client import Service
    from hven.client.credentials import logins

    url = service_for_applications(named)
    if url is None:
        known = logins()
        if not known:
            told = "must be given with --service URL, by $HVEN_SERVICE or by hven login URL"
            raise ParameterError([Fault("service", told)])
        url = known[-1].url
    return Service(url)
