"""A name for each request, by which a client's error is found in the service's log."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

HEADER = "X-Request-ID"
_GOOD = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_current: ContextVar[str] = ContextVar("hven_request_id", default="")


def begin(given: str) -> str:
    """The name of a request that begins: the client's own where it is a short word."""
    name = given if _GOOD.fullmatch(given) else secrets.token_hex(8)
    _current.set(name)
    return name


def current() -> str:
    """The name of the request that is being answered; empty outside of one."""
    return _current.get()
