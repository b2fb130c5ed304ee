"""Applications of another package, for tests of the service: quick, long, and ill-behaved ones.

They come in by entry points, as anybody's would: this folder on PYTHONPATH is enough.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from hven.declare import Output, Param, application
from hven.engine import Run, step
from hven.errors import CancelledError, Fault, InputError


@dataclass(frozen=True)
class Text:
    """A file of text."""

    text: Annotated[Path, Output("What was written", media_type="text/plain")]


@application("echo", title="Echo")
def echo(
    run: Run,
    words: Annotated[str, Param("What is written")] = "hello",
) -> Text:
    """Write words into a file; no step at all."""
    path = run.folder / "echo.txt"
    path.write_text(words)
    return Text(path)


@step(version=1)
def tile(seed: int, number: int, seconds: float) -> bytes:
    """Compute one tile."""
    time.sleep(seconds)
    # Each call really made leaves a mark, so that a test can count what was done again.
    marks = os.environ.get("HVEN_TEST_MARKS")
    if marks:
        with Path(marks).open("a") as file:
            file.write(f"{seed} {number}\n")
    return hashlib.sha256(f"{seed} {number}".encode()).digest()


@application("tiles", title="Tiles")
def tiles(
    run: Run,
    count: Annotated[int, Param("Number of tiles", low=0, high=100_000)] = 20,
    seconds: Annotated[float, Param("What each takes", unit="s", low=0)] = 0.01,
    seed: Annotated[int, Param("What makes them differ from another job's")] = 0,
) -> Text:
    """Compute tiles and write the digest of all."""
    products = run.map(tile, [seed] * count, range(count), seconds=seconds)
    whole = hashlib.sha256()
    for number, content in enumerate(run.gather(products)):
        whole.update(content)
        if number == count // 2:
            half = run.folder / "half.txt"
            half.write_text(whole.hexdigest())
            run.publish("half", half, "text/plain")
            run.say("half of the tiles are in", number=number)
    path = run.folder / "tiles.txt"
    path.write_text(whole.hexdigest())
    return Text(path)


@step(version=1)
def content(file: Path) -> bytes:
    """Read a file."""
    return file.read_bytes()


@application("copy", title="Copy")
def copy(
    run: Run,
    files: Annotated[list[Path], Param("Files that are put together")],
) -> Text:
    """Put files together, each under its name."""
    run.say("copying " + ", ".join(path.name for path in files))
    path = run.folder / "copy.txt"
    products = run.map(content, files)
    path.write_bytes(b"".join(run.gather(products)))
    return Text(path)


@application("listed", title="Listed")
def listed(
    run: Run,
    table: Annotated[Path, Param("A file that names files, one a line")],
    files: Annotated[list[Path] | None, Param("Files that it may name")] = None,
) -> Text:
    """Put the files together that a file names."""
    path = run.folder / "listed.txt"
    names = table.read_text().split()
    path.write_bytes(b"".join(run.named_in(table, name).read_bytes() for name in names))
    return Text(path)


@application("large", title="Large")
def large(
    run: Run,
    size: Annotated[int, Param("Bytes that it writes", low=0)] = 0,
) -> Text:
    """Write much."""
    path = run.folder / "large.txt"
    with path.open("wb") as file:
        for _ in range(size // 2**20):
            file.write(bytes(2**20))
    return Text(path)


Kind = Literal[
    "input", "code", "crash", "exit", "kill", "kill_step", "memory", "disk", "outside", "print"
]


@step(version=1)
def die(mark: str) -> None:
    """Kill the worker."""
    os.kill(os.getpid(), signal.SIGKILL)


@application("trouble", title="Trouble")
def trouble(
    run: Run,
    kind: Annotated[Kind, Param("What goes wrong")],
    until: Annotated[int, Param("It goes well from this attempt on", low=1)] = 1000,
    size: Annotated[int, Param("Bytes that it takes", low=0)] = 0,
) -> Text:
    """Go wrong in one of many ways."""
    path = run.folder / "trouble.txt"
    attempt = int(run.folder.name.rpartition("-")[2])
    if attempt < until:
        _go_wrong(run, kind, size)
    path.write_text(kind)
    return Text(path)


def _go_wrong(run: Run, kind: str, size: int) -> None:
    if kind == "input":
        run.say("looking at m31.fits")
        raise InputError([Fault("m31.fits", "must have a WCS, has none")])
    if kind == "code":
        raise ZeroDivisionError("the author divided by zero")
    if kind == "crash":
        ctypes.string_at(0)
    if kind == "exit":
        os._exit(3)
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "kill_step":
        run.call(die, run.id).load()
    if kind == "memory":
        block = bytearray(size)
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(3)
    if kind == "disk":
        raise OSError(errno.ENOSPC, "No space left on device")
    (run.folder / "trouble.environment").write_text("\n".join(os.environ))
    print("what the application prints")


@application("stubborn", title="Stubborn")
def stubborn(
    run: Run,
    seconds: Annotated[float, Param("How long", unit="s", low=0)] = 60.0,
    how: Annotated[
        Literal["python", "compiled", "polite"], Param("What it does meanwhile")
    ] = "python",
) -> Text:
    """Take its time and hear nobody, or say goodbye."""
    path = run.folder / "stubborn.txt"
    path.write_text("begun")
    run.publish("begun", path, "text/plain")
    try:
        if how == "compiled":
            # A call that keeps the interpreter's lock, as careless compiled code does.
            ctypes.PyDLL(None).sleep(int(seconds))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if how == "polite":
                run.check()
            time.sleep(0.01)
    except CancelledError:
        run.say("DONE/Interrupted")
        raise
    return Text(path)
