"""The supervisor: starts the parts of a service on this machine, and starts again one that dies."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import select
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from hven.errors import ConflictError, Fault, ParameterError
from hven.jobs.configuration import Configuration
from hven.server.children import Child
from hven.server.part import LIFELINE_VARIABLE, LISTEN_VARIABLE

_log = logging.getLogger("hven.server.supervisor")
#: Seconds between two looks at the parts.
_LOOK_EVERY = 0.2
#: Seconds that the parts get to end in order.
_END_SECONDS = 11.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Supervisor:
    """The parts of a service on this machine.

    Parameters
    ----------
    found
        The settings.
    kinds
        Which parts: `web`, `dispatcher`, `keeper`.
    """

    def __init__(self, found: Configuration, kinds: Sequence[str]) -> None:
        self._found = found
        self._kinds = kinds
        self._asked = 0
        self._children: list[Child] = []

    def run(self, greet: Callable[[str], None]) -> int:
        """Run the parts until SIGTERM or Ctrl-C; gives the exit code.

        Parameters
        ----------
        greet
            Called with the address once the service answers there.

        Raises
        ------
        ConflictError
            These parts run already on this machine.
        ParameterError
            The port is not free.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._only_one())
            wakeup = stack.enter_context(self._signals())
            listening = stack.enter_context(self._listen()) if "web" in self._kinds else None
            stack.enter_context(self._begin(listening))
            self._look_after(wakeup, listening, greet)
            self._end(wakeup)
        return 0

    def _look_after(
        self, wakeup: int, listening: socket.socket | None, greet: Callable[[str], None]
    ) -> None:
        answers = listening is None
        while not self._asked:
            for child in self._children:
                if not child.look() and child.due <= time.monotonic():
                    child.start()
            if not answers and listening is not None and self._answers(listening):
                answers = True
                url = address(self._found, listening)
                print(f"Hven answers at {url}", flush=True)
                greet(url)
            self._pause(wakeup)

    def _end(self, wakeup: int) -> None:
        """Have all parts end; a second signal, or too much time, ends them at once."""
        _log.info("ending")
        asked, deadline = self._asked, time.monotonic() + _END_SECONDS
        for child in self._children:
            child.ask_to_end()
        while not all(child.has_ended() for child in self._children):
            if self._asked > asked or time.monotonic() > deadline:
                break
            self._pause(wakeup)
        for child in self._children:
            child.kill()
        if "dispatcher" in self._kinds:
            from hven.server.remaining import kill_drivers

            kill_drivers(self._found.node)
        _log.info("ended")

    @contextlib.contextmanager
    def _begin(self, listening: socket.socket | None) -> Iterator[None]:
        """The parts, not started yet. None of them outlives this process: its pipe ends with it."""
        reading, writing = os.pipe()
        environment = dict(os.environ) | {LIFELINE_VARIABLE: str(reading)}
        try:
            for kind in self._kinds:
                files = [reading]
                given = environment
                if kind == "web" and listening is not None:
                    files.append(listening.fileno())
                    given = environment | {LISTEN_VARIABLE: str(listening.fileno())}
                number = self._found.web_processes if kind == "web" else 1
                self._children += [Child(kind, given, files) for _ in range(number)]
            yield
        finally:
            for child in self._children:
                child.kill()
            os.close(reading)
            os.close(writing)

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        """Keep a second one out that would run the same parts on this machine."""
        name = "-".join(sorted(set(self._kinds)))
        path = self._found.run_folder / f"{self._found.node}-{name}.lock"
        with path.open("a+") as lock:
            _take(lock)
            yield

    @contextlib.contextmanager
    def _listen(self) -> Iterator[socket.socket]:
        host, port = self._found.host, self._found.port
        try:
            family, *_, where = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listening = socket.socket(family, socket.SOCK_STREAM)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(where)
            # Connections wait here while no web process is there: none is refused.
            listening.listen(2048)
        except OSError as error:
            text = f"must be an address and port that are free, got {host}:{port} ({error})"
            raise ParameterError([Fault("host, port", text)]) from error
        with listening:
            yield listening

    @contextlib.contextmanager
    def _signals(self) -> Iterator[int]:
        """Count requests to end; gives a file that can be read when one comes."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        wakeup = signal.set_wakeup_fd(writing)
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(reading)
            os.close(writing)

    def _note(self, *_: object) -> None:
        self._asked += 1

    def _pause(self, wakeup: int) -> None:
        if select.select([wakeup], [], [], _LOOK_EVERY)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(wakeup, 64)

    def _answers(self, listening: socket.socket) -> bool:
        """Whether the service answers, whatever."""
        if not any(child.process and child.kind == "web" for child in self._children):
            return False
        url = f"{_local(listening)}/api/v1/health"
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(url, timeout=0.5):
                return True
        except urllib.error.HTTPError as error:
            error.close()
            return error.code < 500
        except OSError:
            return False


def address(found: Configuration, listening: socket.socket) -> str:
    """Where people reach the service."""
    if found.url:
        return found.url
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _local(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _take(lock: IO[str]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        text = f"it runs already with this data folder, as process {lock.read().strip()}"
        raise ConflictError(text) from error
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
