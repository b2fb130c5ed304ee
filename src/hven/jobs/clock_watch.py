"""Whether the wall clock can be trusted to say that something is over.

A clock that was set wrong for a minute must not cost anybody their results. So nothing is removed
for a while after it jumped against the clock since boot, which nobody can set.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.db import connection

from hven.jobs.clock import boot_id, now

_log = logging.getLogger("hven.jobs.clock")
#: Seconds by which the clocks may come apart between two looks.
TOLERANCE = 60.0
#: Seconds for which nothing is removed after a jump.
PAUSE = 900.0


class _Seen(NamedTuple):
    boot: str
    #: Wall clock less clock since boot, in seconds.
    offset: float
    #: On the clock since boot.
    trusted_from: float


def deciding_time() -> datetime:
    """The time that decides what is over: the database server's, else this machine's."""
    if connection.vendor != "postgresql":
        return now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (found,) = cursor.fetchone()
    assert isinstance(found, datetime)
    return found


class ClockWatch:
    """Compares the clocks each time it is asked.

    Parameters
    ----------
    path
        The file in which it remembers what it saw, so that a restart overlooks no jump.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def trusts(self, moment: datetime) -> bool:
        """Whether `moment`, which the wall clock shows now, can be trusted."""
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        offset = moment.timestamp() - since_boot
        last = self._last() or _Seen(boot_id(), offset, 0.0)
        jump = offset - last.offset
        trusted_from = last.trusted_from
        if abs(jump) > TOLERANCE:
            trusted_from = since_boot + PAUSE
            text = "the clock jumped by %.0f s; nothing is removed for %.0f s"
            _log.warning(text, jump, PAUSE, extra={"jump_seconds": jump})
        self._remember(_Seen(boot_id(), offset, trusted_from))
        return since_boot >= trusted_from

    def _last(self) -> _Seen | None:
        with contextlib.suppress(OSError, ValueError, TypeError):
            seen = _Seen(*json.loads(self._path.read_text()))
            if seen.boot == boot_id():
                return seen
        return None

    def _remember(self, seen: _Seen) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        draft.write_text(json.dumps(seen))
        draft.replace(self._path)
