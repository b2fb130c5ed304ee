"""The absolute addresses that answers name."""

from __future__ import annotations

import re
import urllib.parse

from django.http import HttpRequest

from hven.jobs.configuration import configuration

_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_PREFIX = re.compile(r"(/[\w.~-]+)+", re.ASCII)


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
    start = base.rstrip("/") if base else _reached(request)
    return "/".join([f"{start}{root}", *(urllib.parse.quote(str(part), safe="") for part in parts)])


#: The doors of programs: what begins with one of these is no page.
DOORS = ("/api/", "/vo/")


def is_page(path: str) -> bool:
    """Whether people look at what is at an address, and not programs."""
    return not path.startswith(DOORS)


def _reached(request: HttpRequest) -> str:
    """How the client reached the service, also where a proxy stands in front and says so.

    A client that lies about it is given addresses that are of no use to it, and nobody else is:
    what names addresses is kept by no cache.
    """
    scheme = _forwarded(request, "Proto").lower()
    scheme = scheme if scheme in ("http", "https") else request.scheme or "http"
    host = _forwarded(request, "Host")
    host = host if _HOST.fullmatch(host) else request.get_host()
    prefix = _forwarded(request, "Prefix").rstrip("/")
    return f"{scheme}://{host}{prefix if _PREFIX.fullmatch(prefix) else ''}"


def _forwarded(request: HttpRequest, what: str) -> str:
    """What the outermost proxy says."""
    return request.headers.get(f"X-Forwarded-{what}", "").partition(",")[0].strip()
