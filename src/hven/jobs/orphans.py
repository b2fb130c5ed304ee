"""Processes of attempts that are over: of drivers that hang, or of performers left behind."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from hven.jobs.clock import boot_id, now
from hven.jobs.models import Attempt
from hven.jobs.processes import is_alive, start_of

_PROC = Path("/proc")
#: Of /proc/PID/stat, counted from the field after the name in brackets.
_SESSION = 3
#: What a driver takes to go once it has settled its attempt.
_GRACE = timedelta(seconds=15)


class Orphan(NamedTuple):
    """A process that works for an attempt which is over."""

    process: int
    #: With the number, what names it for good.
    start: int
    job: str
    attempt: int


def find_orphans() -> Iterator[Orphan]:
    """The processes of this machine that work for attempts which are over.

    A driver leads a session of its own, in which all that works for it is found.
    """
    over = Attempt.objects.exclude(process=0).filter(boot=boot_id(), ended__lt=now() - _GRACE)
    sessions = _sessions()
    for attempt in over.filter(process__in=sessions):
        if start_of(attempt.process) not in (0, attempt.process_start):
            continue  # The number has been given to another process since.
        for process in sessions[attempt.process]:
            start = start_of(process)
            if start >= attempt.process_start:
                yield Orphan(process, start, str(attempt.job_id), attempt.number)


def end_orphan(orphan: Orphan) -> None:
    """Kill it, if it is still that process."""
    if is_alive(orphan.process, orphan.start):
        with contextlib.suppress(ProcessLookupError):
            os.kill(orphan.process, signal.SIGKILL)


def _sessions() -> dict[int, list[int]]:
    """The processes of each session."""
    found: dict[int, list[int]] = {}
    for path in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            found.setdefault(int(fields[_SESSION]), []).append(int(path.name))
    return found
