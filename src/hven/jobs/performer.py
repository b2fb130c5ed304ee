"""The performer, as its driver sees it; so is the process that fetches inputs before it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from hven.jobs.channel import Listener
from hven.jobs.models.attempt import Cause
from hven.jobs.outcomes import Failed
from hven.jobs.processes import Taken, kill_group, memory_kills, taken_by

#: Signals that a program raises by its own fault.
_CRASHES = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGBUS, signal.SIGSYS}
)
#: How much lower the priority of batch work is than that of what somebody waits for.
_LOW = 10


class Performer:
    """A forked process that performs, and all that it starts: one process group.

    Parameters
    ----------
    work
        What it is to do: told where it is heard and what its driver's death closes, gives the exit
        code.
    low
        Whether it gives way to others.
    """

    def __init__(
        self, work: Callable[[socket.socket, Connection], int], *, low: bool = False
    ) -> None:
        mine, its = socket.socketpair()
        reader, writer = multiprocessing.Pipe(duplex=False)
        self._memory_kills = memory_kills()
        self.process = os.fork()
        if self.process == 0:
            code = 70
            try:
                mine.close()
                writer.close()
                if low:
                    os.nice(_LOW)
                code = work(its, reader)
            finally:
                os._exit(code)
        # Both sides do it, so that whoever comes first finds the group there.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(self.process, self.process)
        its.close()
        reader.close()
        self._lifeline = writer
        self._listener = Listener(mine)
        self._status: int | None = None
        #: Whether it said how it ended, or can say nothing more.
        self.said_all = False

    def fileno(self) -> int:
        """For select."""
        return self._listener.fileno()

    def heard(self) -> Iterator[dict[str, Any]]:
        """What it has said since."""
        for message in self._listener.heard():
            self.said_all = self.said_all or message["kind"] == "end"
            yield message
        # Its own end closes the channel, but a process that it started may keep that open.
        self.said_all = self.said_all or self._listener.ended or self._ended()

    def ask_to_stop(self) -> None:
        """Ask it to stop by itself."""
        if self._status is None:
            os.kill(self.process, signal.SIGTERM)

    def kill(self) -> None:
        """Kill it and all that it started."""
        kill_group(self.process)

    def end(self) -> None:
        """See to it that nothing of it is left."""
        self.kill()
        for _ in range(500):
            if self._ended():
                break
            time.sleep(0.01)
        self._listener.close()
        self._lifeline.close()

    def taken(self) -> Taken:
        """What it takes now."""
        return taken_by(self.process)

    def memory_ran_out(self) -> bool:
        """Whether the kernel has killed a process for want of memory since it began."""
        return memory_kills() > self._memory_kills

    def death(self) -> Failed:
        """What its end means when it did not say how it ended."""
        code = os.waitstatus_to_exitcode(self._status) if self._status is not None else 0
        if code >= 0:
            text = f"The application ended the process with exit code {code}."
            return Failed(Cause.CODE, "app.exit", text)
        name = signal.Signals(-code).name
        if -code in _CRASHES:
            return Failed(Cause.CODE, "app.crash", f"The application crashed ({name}).")
        if self.memory_ran_out():
            return Failed(Cause.MEMORY, "resource.memory", "The machine had no memory left.")
        return Failed(Cause.INFRASTRUCTURE, "engine.lost", f"Its process was ended by {name}.")

    def _ended(self) -> bool:
        if self._status is None:
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                self._status = status
        return self._status is not None
