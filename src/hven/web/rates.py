"""How often anybody may ask: requests, submissions, wrong passwords.

Counted for each machine by itself, by all its web processes together (`counters`). Who asks too
often is told when to come again; nobody is queued.
"""

from __future__ import annotations

import functools
import ipaddress
import math
from pathlib import Path

from django.conf import settings

from hven.errors import RateError
from hven.jobs.configuration import configuration
from hven.jobs.models import User
from hven.web.counters import Counters

_MINUTE = 60.0
#: Seconds over which wrong passwords are counted.
_LOGIN_SECONDS = 300.0
#: An address may be that of a whole institute.
_NAMES_AN_ADDRESS = 10


def count_request(user: User | None, address: str) -> None:
    """Count a request of a user, or of an address where it is nobody's.

    Raises
    ------
    RateError
        There were too many.
    """
    _count("requests", _asker(user, address), configuration().rate_requests)


def count_submission(user: User | None, address: str) -> None:
    """Count a job that is submitted; see `count_request`."""
    _count("submissions", _asker(user, address), configuration().rate_submissions)


def require_patience(name: str, address: str) -> None:
    """Refuse a password that comes too soon after too many wrong ones, right or not.

    Parameters
    ----------
    name
        Whose password it is said to be.
    address
        From where it comes; empty where that is not known.

    Raises
    ------
    RateError
        There were too many for that name, or from that address.
    """
    most = configuration().rate_logins
    if not most:
        return
    for key, count in _login_keys(name, address, most):
        wait = _counters().wait(key, count, _LOGIN_SECONDS)
        if wait:
            told = "passwords: there were too many wrong ones; a token is not concerned"
            raise RateError(f"{told}, wait {math.ceil(wait)} s", math.ceil(wait))


def count_wrong_password(name: str, address: str) -> None:
    """Count a log-in that failed."""
    most = configuration().rate_logins
    for key, count in _login_keys(name, address, most) if most else ():
        _counters().add(key, count, _LOGIN_SECONDS)


def _count(what: str, asker: str, most: int) -> None:
    if not most or not asker:
        return
    wait = _counters().take(f"{what} {asker}", most, _MINUTE)
    if wait:
        seconds = math.ceil(wait)
        raise RateError(f"{what}: must be at most {most} a minute, wait {seconds} s", seconds)


def _asker(user: User | None, address: str) -> str:
    if user is not None:
        return f"user {user.pk}"
    return f"address {_network(address)}" if address else ""


def _login_keys(name: str, address: str, most: int) -> list[tuple[str, int]]:
    keys = [(f"password of {name.casefold()}", most)]
    if address:
        keys.append((f"password from {_network(address)}", most * _NAMES_AN_ADDRESS))
    return keys


@functools.lru_cache(1024)
def _network(address: str) -> str:
    """What one client has of addresses: of IPv6 it is given 2**64 at least."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network(f"{found}/64", strict=False))


def _counters() -> Counters:
    found = configuration()
    return _opened(found.run_folder / f"rates-{found.node}")


@functools.lru_cache(2)
def _opened(path: Path) -> Counters:
    return Counters(path, settings.SECRET_KEY)
