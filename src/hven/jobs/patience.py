"""Waiting for a database that is away for a moment: restarted, failed over, overloaded."""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from django.db import Error, InterfaceError, OperationalError, connection

from hven.errors import UnavailableError

T = TypeVar("T")

#: Seconds that is waited for a database: a restart takes two or three.
PATIENCE = 8.0
#: Seconds after which it is worth asking again.
RETRY_AFTER = 5
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
#: States of PostgreSQL in which the same statement may succeed later: connection lost, shutting
#: down, starting up, too many connections, chosen as the victim of a conflict.
_PASSING = ("08", "57P", "53300", "40001", "40P01", "55P03", "25006")
_DISK_FULL = "53100"


def patient(call: Callable[[], T], limit: float = PATIENCE) -> T:
    """What `call` gives, tried again while the database is away.

    Parameters
    ----------
    call
        Whole transactions: within one that has begun nothing is tried again. A commit whose answer
        was lost is done twice, so the second time must do no harm; conditional UPDATEs do none.
    limit
        Seconds after which it is given up.

    Raises
    ------
    UnavailableError
        The database was away for longer, or has no space.
    """
    deadline = time.monotonic() + limit
    pause = _FIRST_PAUSE
    while True:
        try:
            return call()
        except (Error, OSError) as error:
            if is_full(error):
                raise UnavailableError(_FULL_TEXT, 60) from error
            if not is_away(error) or connection.in_atomic_block:
                raise
            # What is left of the connection is of no use.
            connection.close()
            if time.monotonic() + pause > deadline:
                raise UnavailableError(_AWAY_TEXT, RETRY_AFTER) from error
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def reach() -> None:
    """Make sure that this thread's connection is of use, as a first step before real work.

    Raises
    ------
    Error
        The database does not answer.
    """
    connection.health_check_done = False  # type: ignore[attr-defined]
    connection.close_if_health_check_failed()
    connection.ensure_connection()


def is_away(error: BaseException) -> bool:
    """Whether the error says that the database cannot be reached now."""
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_LOCKED,
        )
    if isinstance(cause, psycopg.Error):
        # Without a state it is the client that noticed: refused, closed, timed out.
        return cause.sqlstate is None or cause.sqlstate.startswith(_PASSING)
    return isinstance(error, InterfaceError)


def is_full(error: BaseException) -> bool:
    """Whether the error says that a disk, the database's or another, has no space."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return isinstance(cause, psycopg.Error) and cause.sqlstate == _DISK_FULL


def unavailable(error: BaseException) -> UnavailableError | None:
    """The error in words for clients when it is passing trouble of the service, else None."""
    if isinstance(error, UnavailableError):
        return error
    if is_full(error):
        return UnavailableError(_FULL_TEXT, 60)
    if is_away(error):
        return UnavailableError(_AWAY_TEXT, RETRY_AFTER)
    return None


_AWAY_TEXT = "the database of the service does not answer; it is tried again"
_FULL_TEXT = "a disk of the service is full; jobs are kept and go on when there is space"
