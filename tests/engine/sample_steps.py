"""Steps that the engine's tests call; workers import them from here."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hven.engine import check, draft_folder, step
from hven.errors import Fault, InputError, UserError


class Piece(NamedTuple):
    image: np.ndarray[Any, Any]
    x0: int


@dataclass(frozen=True)
class Frame:
    path: Path
    scale: float = 1.0


class PassingError(RuntimeError):
    """Does not survive pickling: it takes two arguments and keeps one."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what)


def leave_mark(folder: Path | str) -> int:
    """Note that a step ran, and give how often one has run before."""
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    count = len(list(folder.iterdir()))
    (folder / f"{time.monotonic_ns()}-{os.getpid()}").touch()
    return count


@step(version=1)
def add(a: float, b: float = 1.0, *, marks: str = "") -> float:
    """Add two numbers."""
    if marks:
        leave_mark(marks)
    return a + b


@step(version=1)
def ramp(length: int, start: float = 0.0) -> np.ndarray[Any, Any]:
    """A ramp."""
    return np.arange(length, dtype=np.float32) + np.float32(start)


@step(version=1)
def count_new_pages(number: int) -> int:
    """How many pages of memory five arrays of 8 MB take from the system."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.full(1_000_000, float(number)) for _ in range(5)]
    del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@step(version=1)
def cut(length: int, x0: int) -> Piece:
    """A piece of a ramp."""
    return Piece(np.arange(x0, x0 + length, dtype=np.float64), x0)


@step(version=1)
def total(pieces: list[Piece], weights: dict[str, Any], marks: str = "") -> float:
    """The sum of all pieces."""
    if marks:
        leave_mark(marks)
    return float(sum(piece.image.sum() * weights["all"] for piece in pieces))


@step(version=1)
def measure(frame: Frame) -> int:
    """The size of a file."""
    return int(len(frame.path.read_bytes()) * frame.scale)


@step(version=1)
def grow_then_measure(after: int, frame: Frame) -> int:
    """Change the input while it is being read."""
    with frame.path.open("ab") as file:
        file.write(b"5")
    return frame.path.stat().st_size


@step(version=1)
def write_text(text: str) -> Path:
    """A file."""
    path = draft_folder() / "text.txt"
    path.write_text(text)
    return path


@step(version=1)
def read_text(path: Path) -> str:
    """What a file holds."""
    return path.read_text()


@step(version=1)
def fail(text: str, path: Path | None = None) -> None:
    """Fail by no fault of the user."""
    raise ValueError(text)


@step(version=1)
def fail_oddly(text: str) -> None:
    """Fail with an exception that cannot be carried."""
    raise PassingError(text, "no reason")


@step(version=1)
def refuse(name: str) -> None:
    """Find fault with an input."""
    raise InputError([Fault(name, "must be a FITS file, was a poem")])


@step(version=1)
def refuse_plainly(text: str) -> None:
    """Find fault with what the user asked."""
    raise UserError(text)


@step(version=1, retries=2)
def fail_twice(marks: str) -> int:
    """Succeed the third time."""
    count = leave_mark(marks)
    if count < 2:
        raise RuntimeError(f"failed {count + 1} times")
    return count


@step(version=1)
def give_object() -> object:
    """Something that cannot be kept."""
    return object()


@step(version=1)
def die_once(marks: str) -> int:
    """Kill the worker the first time."""
    count = leave_mark(marks)
    if count == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return count


@step(version=1)
def die_first(marks: str, number: int) -> int:
    """Kill the worker the first time call 3 is made."""
    if number == 3 and leave_mark(marks) == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@step(version=1)
def die_always(marks: str, code: int = -9) -> None:
    """Kill the worker."""
    leave_mark(marks)
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


@step(version=1, timeout=0.5)
def run_late(seconds: float, number: int = 0) -> int:
    """Take long, in compiled code that lets no Python run."""
    hold_on(seconds)
    return number


@step(version=1)
def nap(seconds: float, marks: str = "", number: int = 0) -> int:
    """Take long."""
    if marks:
        leave_mark(marks)
    time.sleep(seconds)
    return number


@step(version=1)
def never_end(marks: str) -> None:
    """Take for ever, in compiled code that lets no Python run."""
    leave_mark(marks)
    hold_on(600.0)


@step(version=1)
def stop_when_asked(marks: str) -> None:
    """Take for ever, but ask."""
    leave_mark(marks)
    while True:
        check()
        time.sleep(0.01)


@step(version=1)
def thread_limits() -> tuple[str | None, str | None]:
    """What libraries are held to here."""
    return os.environ.get("OMP_NUM_THREADS"), os.environ.get("OPENBLAS_NUM_THREADS")


@step(version=1)
def identify() -> int:
    """The process."""
    return os.getpid()


def hold_on(seconds: float) -> None:
    """Sleep in C without giving the interpreter away."""
    ctypes.PyDLL(None).usleep(ctypes.c_uint(int(seconds * 1e6)))


@step(version=1)
def count_threads() -> int:
    """The threads that this process has after a matrix product."""
    np.ones((500, 500)) @ np.ones((500, 500))
    return len(list(Path("/proc/self/task").iterdir()))


class Span(NamedTuple):
    begun: float
    ended: float


def span(seconds: float) -> Span:
    begun = time.monotonic()
    time.sleep(seconds)
    return Span(begun, time.monotonic())


@step(version=1)
def take_one(number: int, seconds: float) -> Span:
    """Use one thread."""
    return span(seconds)


@step(version=1, threads=2)
def take_two(number: int, seconds: float) -> tuple[Span, str | None]:
    """Use two threads."""
    return span(seconds), os.environ.get("OMP_NUM_THREADS")


@step(version=1, memory=2**60)
def take_all_memory(number: int, seconds: float) -> Span:
    """Need more memory than any machine has."""
    return span(seconds)


@step(version=1)
def spread_out(number: int) -> np.ndarray[Any, Any]:
    """An array full of a number."""
    return np.full(1000, float(number))
