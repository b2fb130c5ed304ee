"""The absolute addresses that answers name."""

from __future__ import annotations

import urllib.parse

from django.http import HttpRequest

from hven.jobs.configuration import configuration


def absolute(request: HttpRequest, root: str, *parts: object) -> str:
    """The absolute address of something below a door.

    Parameters
    ----------
    request
        By which the service was reached; where the setting `url` says how clients reach it, that
        goes first.
    root
        The door, as `/api/v1`.
    parts
        What follows, each quoted.
    """
    base = configuration().url
    start = base.rstrip("/") if base else f"{request.scheme}://{request.get_host()}"
    return "/".join([f"{start}{root}", *(urllib.parse.quote(str(part), safe="") for part in parts)])


#: The doors of programs: what begins with one of these is no page.
DOORS = ("/api/", "/vo/")


def is_page(path: str) -> bool:
    """Whether people look at what is at an address, and not programs."""
    return not path.startswith(DOORS)
