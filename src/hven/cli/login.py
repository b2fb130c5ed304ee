"""`hven login` and `logout`: a token of a service, kept for who works here."""

from __future__ import annotations

import contextlib
import getpass
import platform
import sys
from typing import TYPE_CHECKING

from hven.cli.parser import Parser
from hven.cli.remote import read_options
from hven.errors import Fault, HvenError, ParameterError

if TYPE_CHECKING:
    from hven.client import Service

_END = """\
At a terminal you are asked for a token, or, with --name, for a password; else the first line of
standard input is taken. A password is not kept: a token is made with it.
"""

_SCOPES = ("read", "submit", "manage", "account")


def log_in(words: list[str]) -> int:
    """Ask for a token or a password, see whether it is right, and keep a token."""
    parser = Parser(
        prog="hven login",
        description="Keep a token of a service, in a file that nobody else can read.",
        epilog=_END,
        allow_abbrev=False,
    )
    parser.add_argument("url", metavar="URL", help="where the service answers")
    parser.add_argument("--name", metavar="NAME", help="your name there, to log in by password")
    options = read_options(parser, words)
    if isinstance(options, int):
        return options
    return _log_in(options.url, options.name)


def _log_in(url: str, name: str | None) -> int:
    from hven.client import Service
    from hven.client.credentials import Login, keep, login_file

    # Who answers there is looked at before a secret is asked for.
    Service(url, token="").close()
    secret = _secret(f"{'Token' if name is None else f'Password of {name}'} for {url}: ")
    if name is None:
        with Service(url, token=secret) as service:
            found = Login(service.url, secret, _user(service))
    else:
        with Service(url, name=name, password=secret) as service:
            # One that is for `account` too can revoke itself at the logout.
            wish = {"name": f"hven login on {platform.node()}"[:100], "scopes": list(_SCOPES)}
            made = service.connection.ask("POST", "/tokens", json=wish).json()
            found = Login(service.url, made["token"], name, made["id"])
    keep(found)
    print(f"logged in to {found.url} as {found.user}; the token is kept in {login_file()}")
    return 0


def log_out(words: list[str]) -> int:
    """Forget a token; one that was made by the login is revoked."""
    parser = Parser(
        prog="hven logout", description="Forget the token of a service.", allow_abbrev=False
    )
    parser.add_argument("url", nargs="?", metavar="URL", help="default: the only one, if it is")
    options = read_options(parser, words)
    if isinstance(options, int):
        return options
    return _log_out(options.url)


def _log_out(named: str | None) -> int:
    from hven.client import Service
    from hven.client.connection import checked_url
    from hven.client.credentials import forget, logins

    known = [login.url for login in logins()]
    url = checked_url(named) if named else (known[0] if len(known) == 1 else "")
    gone = forget(url)
    if gone is None:
        told = f"must be one of {', '.join(known) or '(none is kept)'}, got {named or 'nothing'}"
        raise ParameterError([Fault("URL", told)])
    if gone.number is not None:
        # The token is forgotten in any case; one that is gone at the service is what was wanted.
        with contextlib.suppress(HvenError), Service(url, token=gone.token) as service:
            service.connection.ask("DELETE", f"/tokens/{gone.number}")
    print(f"logged out of {url}")
    return 0


def _user(service: Service) -> str:
    try:
        return service.usage.user
    except HvenError:  # A token for other things than this.
        return "(unknown)"


def _secret(question: str) -> str:
    secret = getpass.getpass(question) if sys.stdin.isatty() else sys.stdin.readline()
    if not secret.strip():
        raise ParameterError([Fault("token", "must be given, got nothing")])
    return secret.strip("\r\n")
