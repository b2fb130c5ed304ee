"""Who asks: by token, by name and password, or by the session of the pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast

from django.conf import settings
from django.contrib import auth

from hven.errors import CredentialsError as CredentialsError
from hven.jobs.models import User
from hven.web import tokens

#: What a client is told that has to say who it is.
CHALLENGE = 'Bearer realm="hven", Basic realm="hven", charset="UTF-8"'
#: Seconds for which a password that was right need not be compared again, which takes a third of a
#: second by design.
_REMEMBERED_SECONDS = 60.0
_MOST_REMEMBERED = 1000


def user_of(headers: Mapping[str, str]) -> User | None:
    """Who asks; None when nothing is shown.

    Parameters
    ----------
    headers
        Of the request, by names in small letters, or found whatever their case.

    Raises
    ------
    CredentialsError
        Something is shown that is wrong.
    """
    shown = headers.get("authorization", "")
    if not shown:
        return session_user(headers)
    scheme, _, rest = shown.partition(" ")
    user = None
    if scheme.lower() == "bearer":
        user = tokens.owner_of(rest.strip())
    elif scheme.lower() == "basic":
        user = _by_password(rest.strip())
    if user is None:
        raise CredentialsError("authorization: must be a valid token, or name and password")
    return user


def session_user(headers: Mapping[str, str]) -> User | None:
    """Who has logged in on the pages, by the session's cookie."""
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    if cookie is None:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(cookie.value)
    user = auth.get_user(cast(Any, SimpleNamespace(session=store)))
    return user if isinstance(user, User) and user.is_active else None


class _Remembered:
    """Passwords that were right a moment ago, as digests with a key of this process's own."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._known: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def mark(self, user: User, password: str) -> bytes:
        """What stands for the pair; another one as soon as the password is changed."""
        text = f"{user.pk}\0{user.password}\0{password}".encode(errors="surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).digest()

    def has(self, mark: bytes) -> bool:
        with self._lock:
            return self._known.get(mark, 0.0) > time.monotonic()

    def add(self, mark: bytes) -> None:
        with self._lock:
            self._known[mark] = time.monotonic() + _REMEMBERED_SECONDS
            self._known.move_to_end(mark)
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)


_remembered = _Remembered()


def _by_password(shown: str) -> User | None:
    """The user of HTTP Basic; a token may stand in the place of the password."""
    try:
        name, _, password = base64.b64decode(shown, validate=True).decode().partition(":")
    except ValueError:
        return None
    if "\0" in name or "\0" in password:
        return None
    if password.startswith(tokens.PREFIX):
        owner = tokens.owner_of(password)
        return owner if owner is not None and name in ("", owner.username) else None
    user = User.objects.filter(username=name, is_active=True).first()
    if user is not None:
        mark = _remembered.mark(user, password)
        if _remembered.has(mark):
            return user
    # Also where there is no such user, so that the time it takes tells nothing.
    found = auth.authenticate(username=name, password=password)
    if not isinstance(found, User) or not found.is_active:
        return None
    _remembered.add(_remembered.mark(found, password))
    return found
