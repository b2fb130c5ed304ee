"""What every benchmark prints: the machine, the date, the versions and a table of ratios."""

from __future__ import annotations

import contextlib
import importlib.metadata
import mmap
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from process_memory import descendants

#: Where the tables and the made inputs go unless a benchmark is told otherwise; git ignores it.
RESULTS = Path(__file__).resolve().parent.parent / "bench-results"


class Cost(NamedTuple):
    """What one run of a candidate took."""

    wall_seconds: float
    #: Of this process and of all that it started: hardly disturbed by others' load.
    cpu_seconds: float


def costs(
    candidates: Mapping[str, Callable[[], object]],
    repeats: int,
    *,
    before: Callable[[], object] = lambda: None,
) -> dict[str, list[Cost]]:
    """Cost of each candidate, run in turns so that a slow spell hits all of them.

    `before` is called ahead of each, not timed.
    """
    found: dict[str, list[Cost]] = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, candidate in candidates.items():
            before()
            start, cpu = time.perf_counter(), _cpu_seconds()
            candidate()
            found[name].append(Cost(time.perf_counter() - start, _cpu_seconds() - cpu))
    return found


def settle(gigabytes: int = 3) -> None:
    """Have all candidates find the machine alike.

    What the one before left to be written is written, and as much memory as one needs for its
    files is at hand: a virtual machine gets it back from its host at a fraction of the speed at
    which it is used.
    """
    os.sync()
    touched = bytearray(gigabytes << 30)
    touched[:: mmap.PAGESIZE] = b"1" * len(range(0, len(touched), mmap.PAGESIZE))


def interleaved(
    candidates: Mapping[str, Callable[[], object]], repeats: int
) -> dict[str, list[float]]:
    """Wall seconds of each candidate, run in turns."""
    found = costs(candidates, repeats)
    return {name: [cost.wall_seconds for cost in every] for name, every in found.items()}


def _cpu_seconds() -> float:
    """Of this process, of the children it waited for, and of those that live on, as in a pool."""
    ticks = 0
    for pid in descendants(os.getpid()):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return sum(os.times()[:4]) + ticks / os.sysconf("SC_CLK_TCK")


def spread(seconds: Sequence[float]) -> str:
    """Median and range of some repeats, as text: `1.04 (0.98-1.20)`."""
    if len(seconds) == 1:
        return f"{seconds[0]:.3g}"
    return f"{statistics.median(seconds):.3g} ({min(seconds):.3g}-{max(seconds):.3g})"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as a Markdown table whose columns line up in a terminal too."""
    lines = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def publish(name: str, title: str, *parts: str, peers: Sequence[str] = ()) -> Path:
    """Print a report and write it to `bench-results/NAME.md`.

    Parameters
    ----------
    name
        File name of the report without its suffix.
    title
        One line that says what was measured.
    *parts
        Paragraphs and tables, in order.
    peers
        Distributions (`astropy`, `drizzle`) and Debian packages (`debian:swarp`) whose versions
        belong to the figures.
    """
    text = "\n\n".join([f"# {title}", _circumstances(peers), *parts]) + "\n"
    print(text)
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.md"
    path.write_text(text)
    return path


def _circumstances(peers: Sequence[str]) -> str:
    """Date, command, machine and versions: without them a figure means nothing."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    command = " ".join(["python", *sys.argv])
    machine = (
        f"{_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB, {platform.system()}"
    )
    versions = ["Python " + platform.python_version()]
    versions += [_version(name) for name in ("hven", "numpy", "numba", "astropy", *peers)]
    return f"- {now}, `{command}`\n- {machine}\n- {', '.join(versions)}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _version(name: str) -> str:
    package = name.removeprefix("debian:")
    if name != package:
        return f"{package} {_debian_version(package)}"
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{name} (absent)"


def _debian_version(package: str) -> str:
    if shutil.which("dpkg-query") is None:
        return "(version unknown)"
    answer = subprocess.run(
        ["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True, check=False
    )
    return answer.stdout or "(version unknown)"
