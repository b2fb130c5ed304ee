"""Watches the memory of a process and of all that it starts (Linux)."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

#: Fields of /proc/PID/status that are kept, kB.
_FIELDS = ("VmHWM", "RssAnon")


class Usage(NamedTuple):
    """What one command used."""

    seconds: float
    #: Largest resident size of any one process, bytes, with pages of mapped files ...
    largest_resident: int
    #: ... and without them: those the system can take back at any time.
    largest_own: int
    #: Largest sum over all processes at one moment, each page counted once.
    together: int
    processes: int


def watch(
    command: Sequence[str], environment: Mapping[str, str], interval_seconds: float = 0.1
) -> Usage:
    """Run a command and look at all its processes until it ends.

    Raises
    ------
    subprocess.CalledProcessError
        It failed.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL)
    peaks: dict[tuple[int, str], dict[str, int]] = {}
    together = 0
    ended = threading.Event()
    threading.Thread(target=_tell, args=(process, ended), daemon=True).start()
    while not ended.wait(interval_seconds):
        pids = [process.pid, *descendants(process.pid)]
        together = max(together, sum(map(_share, pids)))
        for pid in pids:
            _note(pid, peaks)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Usage(
        time.perf_counter() - start,
        max(peak["VmHWM"] for peak in peaks.values()),
        max(peak["RssAnon"] for peak in peaks.values()),
        together,
        len(peaks),
    )


def _tell(process: subprocess.Popen[bytes], ended: threading.Event) -> None:
    process.wait()
    ended.set()


def _note(pid: int, peaks: dict[tuple[int, str], dict[str, int]]) -> None:
    """Keep the largest values of one process; a number that is used again is another process."""
    with contextlib.suppress(OSError, IndexError):
        begun = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        now = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(_FIELDS)}
        peak = peaks.setdefault((pid, begun), dict.fromkeys(_FIELDS, 0))
        for field, value in now.items():
            peak[field] = max(peak[field], int(value) * 1024)


def descendants(pid: int) -> Iterator[int]:
    """Numbers of all processes that a process started, and theirs."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from descendants(int(child))


def _share(pid: int) -> int:
    """Bytes of a process with shared pages divided among those that share them (PSS)."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
