"""Looks into files by a process that may take little memory and little time.

Whatever a file does to the code that reads it - fill the memory, hang, crash - happens there.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hven.errors import UnavailableError

#: Files that are looked into at a time.
MOST_FILES = 400
#: Seconds of processor time, and by the clock.
CPU_SECONDS, WALL_SECONDS = 10, 60
MEMORY_BYTES = 3 * 2**29
_MOST_OUTPUT = 32 * 2**20
#: Processes of this kind at a time, of a web process.
_room = threading.BoundedSemaphore(2)
_ROOM_SECONDS = 15.0
_CHILD = "hven.portal.examination.child"


@dataclass(frozen=True)
class Seen:
    """What is in one file."""

    name: str
    #: `FITS`, `FITS table`, `PNG` and so on; empty where nobody knows.
    kind: str = ""
    #: Why it cannot be used or shown; empty when it can.
    fault: str = ""
    #: Short facts, each a name and a value.
    facts: tuple[tuple[str, str], ...] = ()
    #: A picture as PNG in base 64; empty when there is none.
    picture: str = ""
    #: The header: cards of FITS.
    cards: tuple[str, ...] = ()
    #: The head of a table: names of columns, then rows.
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    #: The first lines of a text.
    text: str = ""
    #: Corners on the sky: pairs of degrees, ICRS.
    corners: tuple[tuple[float, float], ...] = field(default=())


def look_at(files: Sequence[tuple[Path, str]]) -> list[Seen]:
    """What is in each file.

    Parameters
    ----------
    files
        Where each lies, and how its owner calls it.

    Raises
    ------
    UnavailableError
        Too many are looked into at this moment.
    """
    if not files:
        return []
    if not _room.acquire(timeout=_ROOM_SECONDS):
        raise UnavailableError("many files are looked into now; try again in a moment", 5)
    try:
        answered, reason = _ask(files)
    finally:
        _room.release()
    seen = [_seen(name, answer) for (_, name), answer in zip(files, answered, strict=False)]
    for _, name in files[len(seen) :]:
        seen.append(Seen(name, fault=reason))
        reason = "was not looked at, after the one before"
    return seen


def _ask(files: Sequence[tuple[Path, str]]) -> tuple[list[dict[str, Any]], str]:
    """An answer a file, as far as the process came, and why it came no further."""
    wish = {"files": [[str(path.absolute()), name] for path, name in files]}
    process = subprocess.Popen(
        [sys.executable, "-m", _CHILD, str(MEMORY_BYTES), str(CPU_SECONDS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=_environment(),
        start_new_session=True,
    )
    timer = threading.Timer(WALL_SECONDS, _kill, [process])
    timer.start()
    try:
        output = _talk(process, json.dumps(wish).encode())
    finally:
        timer.cancel()
        _kill(process)
        code = process.wait()
    answers = []
    for line in output.split(b"\n"):
        with contextlib.suppress(ValueError):
            answers.append(json.loads(line))
    return [answer for answer in answers if isinstance(answer, dict)], _reason(code)


def _talk(process: subprocess.Popen[bytes], wish: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin as writing, process.stdout as reading:
        with contextlib.suppress(BrokenPipeError):
            writing.write(wish)
            writing.close()
        return reading.read(_MOST_OUTPUT)


def _environment() -> dict[str, str]:
    """No secrets, no threads: each would have memory of its own."""
    names = ("PATH", "PYTHONPATH", "LANG", "TMPDIR", "NUMBA_CACHE_DIR", "HOME")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**kept, **single, "PYTHONUNBUFFERED": "1"}


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _reason(code: int) -> str:
    if code == -signal.SIGXCPU:
        return f"takes more than {CPU_SECONDS} s to look into"
    if code == -signal.SIGKILL:
        return f"takes more than {WALL_SECONDS} s to look into"
    if code < 0:
        return (
            f"cannot be looked into: the code that reads it crashed ({signal.Signals(-code).name})"
        )
    return "cannot be looked into: it takes too much memory"


def _seen(name: str, answer: dict[str, Any]) -> Seen:
    return Seen(
        name=name,
        kind=str(answer.get("kind", "")),
        fault=str(answer.get("fault", "")),
        facts=tuple((str(key), str(value)) for key, value in answer.get("facts", ())),
        picture=str(answer.get("picture", "")),
        cards=tuple(map(str, answer.get("cards", ()))),
        columns=tuple(map(str, answer.get("columns", ()))),
        rows=tuple(tuple(map(str, row)) for row in answer.get("rows", ())),
        text=str(answer.get("text", "")),
        corners=tuple((float(ra), float(dec)) for ra, dec in answer.get("corners", ())),
    )
