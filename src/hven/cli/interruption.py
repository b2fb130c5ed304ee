"""Ctrl-C and SIGTERM: stop at once, and tell how to go on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: What the shell is told of a run that was stopped.
STOPPED = 130


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM raise KeyboardInterrupt once; a second one ends the process.

    Notes
    -----
    Workers are forked and have these handlers until they set their own. The terminal sends Ctrl-C
    to them as well, and there it is for their parent to decide; SIGTERM ends them as usual.
    """
    parent = os.getpid()
    asked = 0

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if os.getpid() != parent:
            if number == signal.SIGTERM:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            return
        asked += 1
        if asked > 1:
            # Workers die with their parent.
            os._exit(STOPPED)
        raise KeyboardInterrupt

    # A shell without job control has its background jobs ignore Ctrl-C: it is not meant for them.
    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
