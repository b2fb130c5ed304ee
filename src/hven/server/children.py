"""The processes that a supervisor looks after."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

_log = logging.getLogger("hven.server.supervisor")
#: Who lives shorter than this died at once; it is started again later each time.
_SHORT_SECONDS = 5.0
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 15.0


class Child:
    """One part, started again when it dies.

    Parameters
    ----------
    kind
        The module below `hven.server`.
    environment
        What it is given.
    descriptors
        Open files that it inherits.
    """

    def __init__(
        self, kind: str, environment: Mapping[str, str], descriptors: Sequence[int]
    ) -> None:
        self.kind = kind
        self._environment = environment
        self._descriptors = descriptors
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._pause = 0.0
        #: When it may be started again.
        self.due = 0.0

    @property
    def process(self) -> int | None:
        """Its number while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it, in a process group of its own: Ctrl-C at the terminal is for the supervisor."""
        words = [sys.executable, "-m", f"hven.server.{self.kind}"]
        self._process = subprocess.Popen(
            words,
            env=dict(self._environment),
            pass_fds=tuple(self._descriptors),
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
        self._began = time.monotonic()
        _log.info("started %s", self.kind, extra={"process_of_part": self._process.pid})

    def look(self) -> bool:
        """Whether it runs; notes its death."""
        if self._process is None:
            return False
        code = self._process.poll()
        if code is None:
            return True
        lived = time.monotonic() - self._began
        if lived > _SHORT_SECONDS:
            self._pause = 0.0
        else:
            self._pause = min(max(_FIRST_PAUSE, 2 * self._pause), _LONGEST_PAUSE)
        self.due = time.monotonic() + self._pause
        facts = {"process_of_part": self._process.pid, "code": code, "again_in": self._pause}
        _log.warning("%s ended after %.1f s", self.kind, lived, extra=facts)
        self._process = None
        return False

    def ask_to_end(self) -> None:
        """Have it end in order."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, and whatever it has in its process group."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def has_ended(self) -> bool:
        """Whether it has ended, however that was."""
        return self._process is None or self._process.poll() is not None

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)
