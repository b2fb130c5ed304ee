"""Django's description of the database that the settings name."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from hven.errors import Fault, ParameterError
from hven.jobs.configuration import Configuration

#: Seconds a writer waits for another on SQLite, which has one at a time.
_WAIT_SECONDS = 20


def database(found: Configuration) -> dict[str, Any]:
    """The entry of `DATABASES`.

    Raises
    ------
    ParameterError
        The address is of neither database.
    """
    kind, _, path = found.database.partition(":")
    if kind == "sqlite":
        return _sqlite(path or str(found.data / "hven.sqlite3"))
    parts = urlsplit(found.database)
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        text = "must be sqlite or postgresql://USER:PASSWORD@HOST:PORT/NAME"
        raise ParameterError([Fault("database", f"{text}, got '{kind}'")])
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        # A socket's folder is written as an escaped host: postgresql://%2Frun%2Fpostgresql/hven
        "HOST": unquote(_host(parts.netloc)),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, "application_name": "hven"},
    }


def _host(place: str) -> str:
    # `hostname` of urllib would write the folder of a socket in small letters.
    return re.sub(r":\d*$", "", place.rpartition("@")[2]).strip("[]")


def _sqlite(path: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            "timeout": _WAIT_SECONDS,
            # A transaction that begins by reading cannot be made a writing one later when another
            # has written meanwhile; SQLite refuses it at once, without waiting.
            "transaction_mode": "IMMEDIATE",
            # WAL: readers never wait. FULL: what was committed survives the loss of power.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
