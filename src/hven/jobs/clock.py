"""The one clock that decides whether a lease is over.

Wall clocks jump, and those of two machines differ. With PostgreSQL the server's clock decides, for
everybody. SQLite means a single machine, whose clock since boot every process shares and nobody
can set; it starts anew with each boot, so a lease names the clock it was measured on, and a lease
on another clock is over.
"""

from __future__ import annotations

import functools
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.db import connection
from django.db.models import Expression, FloatField, Func, Q, Value
from django.utils import timezone


class LeaseClock(NamedTuple):
    """Seconds on the deciding clock, as an expression of the database."""

    #: Which clock: leases measured on another one are over.
    name: str
    now: Expression

    def after(self, seconds: float) -> Expression:
        """The moment so many seconds from now."""
        return self.now + Value(seconds, output_field=FloatField())

    def is_over(self) -> Q:
        """The condition that a job's lease is over."""
        return Q(lease_until__lt=self.now) | ~Q(lease_clock=self.name)


class _ServerSeconds(Func):
    """Seconds since 1970 on the database server, moving on within a transaction."""

    template = "EXTRACT(EPOCH FROM clock_timestamp())::double precision"
    output_field = FloatField()


def lease_clock() -> LeaseClock:
    """The clock of the database in use."""
    if connection.vendor == "postgresql":
        return LeaseClock("database", _ServerSeconds())
    seconds = time.clock_gettime(time.CLOCK_BOOTTIME)
    return LeaseClock(f"boot {boot_id()}", Value(seconds, output_field=FloatField()))


@functools.cache
def boot_id() -> str:
    """What tells this boot of this machine from any other."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def now() -> datetime:
    """The time as jobs record it: UTC, whole milliseconds.

    Nothing finer is kept than is published, or a client that asks for what came after a time it
    was told gets the same thing again.
    """
    moment = timezone.now()
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
