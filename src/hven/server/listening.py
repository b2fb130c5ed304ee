"""Hearing of changes as they are committed: one connection a process, on PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import connection

from hven.jobs.announcing import CHANNEL

_log = logging.getLogger("hven.server.listening")
#: Seconds until it is tried again when the database is away.
_AWAY_PAUSE = 1.0
#: What Django says of a connection, and psycopg takes.
_WORDS = ("dbname", "user", "password", "host", "port", "connect_timeout", "application_name")


class Listener:
    """Listens for announcements of `hven.jobs.announcing`.

    Parameters
    ----------
    heard
        Called with the job to which something happened.
    """

    def __init__(self, heard: Callable[[uuid.UUID], None]) -> None:
        self._heard = heard
        #: Whether it listens now; else one has to look.
        self.listens = False

    async def run(self) -> None:
        """Listen until cancelled; nothing where the database tells nothing."""
        if connection.vendor != "postgresql":
            return
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                _log.warning("the database does not answer: %s", error)
            finally:
                self.listens = False
            await asyncio.sleep(_AWAY_PAUSE)

    async def _listen(self) -> None:
        given: dict[str, Any] = connection.get_connection_params()
        words = {name: value for name, value in given.items() if name in _WORDS}
        async with await psycopg.AsyncConnection.connect(**words, autocommit=True) as heard:
            await heard.execute(f"LISTEN {CHANNEL}")
            self.listens = True
            async for notice in heard.notifies():
                self._heard(uuid.UUID(notice.payload))
