"""How worker processes start, and that they end with the process that started them."""

from __future__ import annotations

import ctypes
import fcntl
import multiprocessing
import os
import select
import signal
import sys
import threading
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess, ForkServerProcess
from multiprocessing.process import BaseProcess
from typing import Any, TextIO

from hven.engine.executors.threads import hold_threads
from hven.engine.step import STEPS

#: fcntl.F_SETSIG of Linux, which Python does not name.
_F_SETSIG = 10
#: Parameters of glibc's mallopt, by the numbers in malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
#: Free bytes at its end that a worker's heap keeps; and the largest block that is taken from the
#: heap, the most that glibc allows.
_HEAP_KEPT, _LARGEST_IN_HEAP = 256 << 20, 32 << 20


def start_method() -> str:
    """`fork` when it is safe, else `forkserver`.

    Notes
    -----
    A lock that another thread holds at the moment of a fork is held for ever in the child. Threads
    of pebble and of this package hold none that a worker uses.
    """
    others = [t for t in threading.enumerate() if t is not threading.main_thread()]
    alone = all(_is_ours(thread) for thread in others)
    on_main = threading.current_thread() is threading.main_thread()
    return "fork" if sys.platform == "linux" and alone and on_main else "forkserver"


class OneProcess:
    """A multiprocessing context that starts one process.

    pebble forks the replacement of a worker that died from a thread, when this process is anything
    but single-threaded. Refused a second process it gives the pool up instead, and a new one can be
    made with a safer method.
    """

    def __init__(self, method: str) -> None:
        self._method = method
        self._context: Any = multiprocessing.get_context(method)
        self._started = False
        self.Pipe = self._context.Pipe
        self.RLock = self._context.RLock
        if method == "forkserver":
            modules = {step.module for step in STEPS} - {"__main__"}
            first = ["hven.engine.executors.preload", "hven.engine.executors.local"]
            self._context.set_forkserver_preload(first + sorted(modules))

    def Process(self, **options: Any) -> BaseProcess:  # noqa: N802 - as in multiprocessing
        """The process, once; after that it is refused."""
        if self._started:
            raise OSError("this pool has had its process")
        self._started = True
        kind = _Forked if self._method == "fork" else _Served
        return kind(**options)

    def get_start_method(self, allow_none: bool = False) -> str:  # noqa: ARG002 - multiprocessing's
        """How the process starts."""
        return self._method

    def board(self, size: int) -> Any:
        """So many numbers that both sides see."""
        return self._context.RawArray("d", size)


def begin_worker(reader: Connection, writer: Connection | None) -> None:
    """Make this process a worker: one thread for libraries, and an end with its parent's."""
    if writer is not None:
        writer.close()
    die_with(reader)
    # Another thread of the parent may have held these objects' locks when this process was forked.
    sys.stdout = _open_anew(1)
    sys.stderr = _open_anew(2)
    hold_threads(1)
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Have the memory of one step serve the next.

    By itself malloc gives large blocks back at once, and each page that is got anew costs more than
    most kernels take for what they write on it: on a virtual machine many times more.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_TRIM_THRESHOLD, _HEAP_KEPT)
        set_option(_M_MMAP_THRESHOLD, _LARGEST_IN_HEAP)


def _open_anew(descriptor: int) -> TextIO:
    return os.fdopen(descriptor, "w", closefd=False, encoding="utf-8", errors="replace")


def die_with(reader: Connection) -> None:
    """Have the kernel kill this process when nobody holds the writing end of a pipe any more.

    Compiled code that never lets Python run is killed too, and unlike PR_SET_PDEATHSIG this asks
    for no direct parent.
    """
    end = reader.fileno()
    if sys.platform == "linux":
        # Opened again: who is told belongs to the open file, and forked workers share one.
        end = os.open(f"/proc/self/fd/{end}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.fcntl(end, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(end, _F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(end, fcntl.F_GETFL)
        fcntl.fcntl(end, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([end], [], [], 0)[0]:
        os._exit(1)


class _Forked(ForkProcess):
    def start(self) -> None:
        with warnings.catch_warnings():
            # Python 3.12 warns of threads, and counts those of numerical libraries, which know how
            # to be forked.
            warnings.simplefilter("ignore", DeprecationWarning)
            super().start()


class _Served(ForkServerProcess):
    def start(self) -> None:
        with _without_main_module():
            super().start()


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Keep multiprocessing from running the main script again in each process.

    A script without `if __name__ == "__main__"` would start itself over. Only steps that are
    declared in it need it there.
    """
    if any(step.module == "__main__" for step in STEPS):
        yield
        return
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _is_ours(thread: threading.Thread) -> bool:
    target = getattr(thread, "_target", None)
    module = getattr(target, "__module__", "") or ""
    return module.startswith(("pebble", "hven.engine"))
