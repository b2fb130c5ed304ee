"""What Linux knows of processes: whether they live, what they take."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
#: Fields of /proc/PID/stat, counted from the one after the name in brackets.
_STATE, _GROUP, _USER_TICKS, _SYSTEM_TICKS, _START = 0, 2, 11, 12, 19


class Taken(NamedTuple):
    """What a group of processes takes now."""

    #: Processor time of those that live, in seconds.
    cpu_seconds: float
    #: Memory of its own, pages that processes share counted once.
    bytes: int


def start_of(process: int) -> int:
    """When a process began, in clock ticks since boot; 0 when there is none or it has ended.

    With the number it names a process for good: numbers are given out again.
    """
    fields = _stat(process)
    return int(fields[_START]) if fields and fields[_STATE] not in ("Z", "X") else 0


def is_alive(process: int, start: int) -> bool:
    """Whether that very process lives, on this boot."""
    return start > 0 and start_of(process) == start


def taken_by(group: int) -> Taken:
    """What the processes of a group take."""
    ticks = size = 0
    for process, fields in _members(group):
        ticks += int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
        size += _own_bytes(process)
    return Taken(ticks / _TICKS, size)


def kill_group(group: int) -> None:
    """Kill all processes of a group; it need not be there any more."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def memory_kills() -> int:
    """How many processes the kernel has killed so far because there was no memory left."""
    with contextlib.suppress(OSError, ValueError):
        for line in (_PROC / "vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _members(group: int) -> Iterator[tuple[int, list[str]]]:
    for name in os.listdir(_PROC):  # noqa: PTH208 - a thousand processes, each second
        if name.isdigit():
            fields = _stat(int(name))
            if fields and int(fields[_GROUP]) == group:
                yield int(name), fields


def _stat(process: int) -> list[str]:
    try:
        text = (_PROC / str(process) / "stat").read_text()
    except OSError:
        return []
    # The name stands in brackets and may have anything in it.
    return text.rpartition(")")[2].split()


def _own_bytes(process: int) -> int:
    """Its share of anonymous and shared memory; mapped files can be dropped and do not count."""
    size = 0
    with contextlib.suppress(OSError, ValueError):
        for line in (_PROC / str(process) / "smaps_rollup").read_text().splitlines():
            if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                size += int(line.split()[1]) * 1024
    return size
