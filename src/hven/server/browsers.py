"""How many event streams a browser may hold: it has few connections, and pages need them, too."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import CookieError, SimpleCookie

from django.conf import settings

from hven.errors import RateError
from hven.jobs.configuration import configuration
from hven.server.asgi import Scope, header

#: Browsers open six connections to a place by HTTP/1.1, for all their windows together. With as
#: many streams as that every further page would wait for ever.
_MOST = 4
#: Seconds after which one that was refused may ask again.
_AGAIN_SECONDS = 60


class Browsers:
    """Counts the streams of each session; programs, which show tokens, are not concerned."""

    def __init__(self) -> None:
        self._held: Counter[bytes] = Counter()

    @contextmanager
    def place(self, scope: Scope) -> Iterator[None]:
        """A place for the stream that is asked for, as long as it lasts.

        Raises
        ------
        RateError
            The browser has all it may have. Its page asks from time to time instead.
        """
        session = _session(scope)
        if session is None:
            yield
            return
        most = most_streams()
        if self._held[session] >= most:
            told = f"streams: a browser may hold {most}; the page asks from time to time instead"
            raise RateError(told, _AGAIN_SECONDS)
        self._held[session] += 1
        try:
            yield
        finally:
            self._held[session] -= 1
            if not self._held[session]:
                del self._held[session]


def most_streams() -> int:
    """Streams of a browser in one web process: they share out what it may have."""
    return max(1, _MOST // configuration().web_processes)


def _session(scope: Scope) -> bytes | None:
    if header(scope, b"authorization"):
        return None
    try:
        cookie = SimpleCookie(header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    return None if cookie is None else hashlib.sha256(cookie.value.encode()).digest()
