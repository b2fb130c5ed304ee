"""Tokens that `hven login` keeps, one a service, in a file that nobody else can read."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hven.client.connection import Credentials, checked_url
from hven.errors import Fault, ParameterError

TOKEN_VARIABLE = "HVEN_TOKEN"
SERVICE_VARIABLE = "HVEN_SERVICE"


class Login(NamedTuple):
    """What is kept of one service."""

    url: str
    token: str
    #: Whose token it is.
    user: str
    #: The token's number at the service, where it was made by the login.
    number: int | None = None


def credentials_for(
    url: str, token: str | None, name: str | None, password: str | None
) -> Credentials:
    """What is to be shown to a service: what is given, else what the environment or a login has.

    Raises
    ------
    ParameterError
        Both token and name are given, or a name without a password.
    """
    if token is not None and (name is not None or password is not None):
        raise ParameterError([Fault("token", "must be given alone, or name and password")])
    if (name is None) != (password is None):
        missing = "name" if name is None else "password"
        raise ParameterError([Fault(missing, "must be given with the other, got nothing")])
    if name is not None and password is not None:
        return Credentials(name=name, password=password)
    return Credentials(token=token if token is not None else _kept_token(checked_url(url)))


def logins() -> list[Login]:
    """All logins that are kept, the newest last."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for url, each in _read().items():
            found.append(Login(url, each["token"], each["user"], each.get("number")))
    return found


def keep(login: Login) -> None:
    """Keep a login, in the place of an earlier one of the same service."""
    kept = [other for other in logins() if other.url != login.url]
    _write([*kept, login])


def forget(url: str) -> Login | None:
    """Forget a login; gives what was forgotten."""
    known = {login.url: login for login in logins()}
    gone = known.pop(url, None)
    if gone is not None:
        _write([*known.values()])
    return gone


def login_file() -> Path:
    """Where logins are kept."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(base) / "hven" / "logins.json"


def _kept_token(url: str) -> str:
    named = os.environ.get(SERVICE_VARIABLE)
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    # A token of the environment is not shown to another service than the environment names.
    if token and (not named or checked_url(named) == url):
        return token
    return next((login.token for login in logins() if login.url == url), "")


def _read() -> Mapping[str, Any]:
    try:
        found: dict[str, Any] = json.loads(login_file().read_text(encoding="utf-8"))
        return {url: found[url] for url in found if {"token", "user"} <= set(found[url])}
    except (ValueError, TypeError) as error:
        told = f"must be as hven login writes it ({error}); remove it and log in again"
        raise ParameterError([Fault(str(login_file()), told)]) from error


def _write(kept: list[Login]) -> None:
    path = login_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = json.dumps(
        {login.url: {"token": login.token, "user": login.user, "number": login.number}
         for login in kept},
        indent=2,
    )  # fmt: skip
    # mkstemp gives mode 0600 from the first byte on; the rename leaves no half of a file.
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    Path(name).replace(path)
