"""Who asks: by token, by name and password, or by the session of the pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from hven.errors import CredentialsError
from hven.jobs.configuration import configuration
from hven.jobs.models import User
from hven.web import rates, scopes, tokens
from hven.web.models import ApiToken
from hven.web.problems import CHALLENGE, ForgeryError
from hven.web.scopes import Scope

#: Seconds for which a password that was right need not be compared again, which takes a third of a
#: second by design.
_REMEMBERED_SECONDS = 60.0
_MOST_REMEMBERED = 1000


_SAFE = ("GET", "HEAD", "OPTIONS")
#: What a door asks for that says nothing else.
_USUAL = (Scope.READ, Scope.SUBMIT, Scope.MANAGE)

__all__ = ["CHALLENGE", "Credential", "CredentialsError", "credential_of", "permit", "user_of"]


class Credential(NamedTuple):
    """Who asks, and what may be done with what was shown."""

    #: None is anonymous.
    user: User | None
    scopes: frozenset[Scope]
    #: None where a password, a session or nothing was shown.
    token: ApiToken | None = None
    #: A browser sends it by itself, also for a page that means no good.
    by_session: bool = False


def permit(request: HttpRequest, *needed: Scope, submits: bool = False) -> Credential:
    """Who asks by a request to Django, found to be allowed to: all that a door has to call.

    Parameters
    ----------
    request
        Any.
    needed
        What a token must be for.
    submits
        Whether the request makes a job, of which there may be so many a minute.

    Raises
    ------
    CredentialsError
        Something wrong is shown; or nothing, where nobody may ask without saying so.
    ScopeError
        The token is not for that.
    ForgeryError
        A session's cookie came without the mark that its owner means it.
    RateError
        There were too many requests, or wrong passwords.
    """
    address = request.META.get("REMOTE_ADDR") or ""
    found = credential_of(request.headers, address)
    if found.by_session and request.method not in _SAFE and _is_forged(request):
        raise ForgeryError("X-CSRFToken: must be that of the session")
    _require_somebody(found)
    scopes.require(found.scopes, needed)
    if submits:
        rates.count_submission(found.user, address)
    return found


def credential_of(headers: Mapping[str, str], address: str = "") -> Credential:
    """Who asks, and what may be done with what was shown; the request is counted.

    Parameters
    ----------
    headers
        Of the request, by names in small letters, or found whatever their case.
    address
        From where it comes; what is nobody's is counted by it where it is given.

    Raises
    ------
    CredentialsError
        Something is shown that is wrong.
    RateError
        There were too many requests, or wrong passwords.
    """
    shown = headers.get("authorization", "")
    if shown:
        found = _shown(shown, address)
    else:
        user = session_user(headers)
        found = Credential(user, scopes.EVERY, by_session=user is not None)
    # What is wrong is counted as well, or it could be tried as often as one likes.
    rates.count_request(None if found is None else found.user, address)
    if found is None:
        raise CredentialsError("authorization: must be a valid token, or name and password")
    return found


def user_of(
    headers: Mapping[str, str], needed: Iterable[Scope] = _USUAL, address: str = ""
) -> User | None:
    """Who asks, as `credential_of`; None when nothing is shown.

    Parameters
    ----------
    headers, address
        Of the request.
    needed
        What a token must be for.

    Raises
    ------
    CredentialsError, RateError
        As `credential_of`.
    ScopeError
        The token is not for that.
    """
    found = credential_of(headers, address)
    scopes.require(found.scopes, needed)
    return found.user


def _require_somebody(found: Credential) -> None:
    if found.user is None and not configuration().anonymous:
        raise CredentialsError("authorization: must be given: a token, or name and password")


def _is_forged(request: HttpRequest) -> bool:
    check = CsrfViewMiddleware(lambda _: HttpResponse())
    check.process_request(request)
    return check.process_view(request, lambda _: HttpResponse(), (), {}) is not None


def _shown(shown: str, address: str) -> Credential | None:
    """Whose the header Authorization is; None when it is nobody's."""
    scheme, _, rest = shown.partition(" ")
    if scheme.lower() == "bearer":
        return _by_token(rest.strip())
    if scheme.lower() == "basic":
        return _by_password(rest.strip(), address)
    return None


def _by_token(secret: str) -> Credential | None:
    token = tokens.find(secret)
    if token is None:
        return None
    owner: User = token.owner
    found = Credential(owner, tokens.scopes_of(token), token)
    owner.as_administrator = Scope.ADMIN in found.scopes
    owner.only_applications = frozenset(token.applications) or None
    return found


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


def _by_password(shown: str, address: str) -> Credential | None:
    """Whose HTTP Basic is; a token may stand in the place of the password."""
    try:
        name, _, password = base64.b64decode(shown, validate=True).decode().partition(":")
    except ValueError:
        return None
    if "\0" in name or "\0" in password:
        return None
    if password.startswith(tokens.PREFIX):
        found = _by_token(password)
        if found is None or found.user is None or name not in ("", found.user.username):
            return None
        return found
    user = User.objects.filter(username=name, is_active=True).first()
    if user is not None:
        mark = _remembered.mark(user, password)
        if _remembered.has(mark):
            return Credential(user, scopes.EVERY)
    rates.require_patience(name, address)
    # Also where there is no such user, so that the time it takes tells nothing.
    right = auth.authenticate(username=name, password=password)
    if not isinstance(right, User) or not right.is_active:
        rates.count_wrong_password(name, address)
        return None
    _remembered.add(_remembered.mark(right, password))
    return Credential(right, scopes.EVERY)
