"""A real service of a test's own: started, looked into, killed in parts, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

#: What is offered where tests use no real application: they take seconds to get warm.
APPLICATIONS_OF_TESTS = "echo\ntiles\ncopy\nlisted\nlarge\ntrouble\nstubborn"
WITH_MOSAICS = f"{APPLICATIONS_OF_TESTS}\nmosaic"
#: Seconds within which what is waited for has to come, on a busy machine.
PATIENCE = 120.0


class Service:
    """`hven serve` in a process of its own.

    Parameters
    ----------
    data
        Its data folder.
    settings
        More of its environment.
    command
        `serve`, `web` or `dispatch`.
    """

    def __init__(
        self, data: Path, settings: Mapping[str, str] | None = None, command: str = "serve"
    ) -> None:
        self.data = data
        self._settings = dict(settings or {})
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        #: What it printed.
        self.said: list[str] = []

    def start(self) -> Service:
        """Start it, and wait until it answers."""
        clean = {name: text for name, text in os.environ.items() if not name.startswith("HVEN_")}
        environment = clean | {"HVEN_DATA": str(self.data), "HVEN_PORT": "0"} | self._settings
        if self._process:  # One that was killed.
            self._process.wait()
            self._reader.join()
        self.url = ""
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / "stderr").open("ab") as errors:
            self._process = subprocess.Popen(
                [str(Path(sys.executable).with_name("hven")), self._command],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        if self._command != "dispatch":
            self.wait(lambda: self.url or self._process is None or self._process.poll() is not None)
            assert self.url, self.errors()
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.said.append(line.rstrip("\n"))
                found = re.match(r"Hven answers at (\S+)", line)
                if found:
                    self.url = found[1]

    @property
    def process(self) -> int:
        """The supervisor."""
        assert self._process is not None
        return self._process.pid

    def runs(self) -> bool:
        """Whether its supervisor is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def token(self) -> str:
        """The token of the user admin."""
        return (self.data / "admin-token").read_text().strip()

    def client(self, token: str | None = None) -> httpx.Client:
        """Who asks the service; the administrator unless another token is given."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def parts(self, kind: str = "") -> list[int]:
        """The processes of its parts, or of one kind of them."""
        return [
            process
            for process, words in _processes()
            if f"hven.server.{kind}" in words and _parent(process) == self.process
        ]

    def processes(self) -> list[int]:
        """All its processes: parts, drivers, workers."""
        return [process for process, _ in _processes() if _is_of(process, self.data)]

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and wait; gives its exit code."""
        assert self._process is not None
        self._process.send_signal(by)
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.url = ""
        return code

    def remove(self) -> None:
        """Kill whatever is left of it."""
        while found := self.processes():  # One that is killed may just have started another.
            for process in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            if self._process:
                self._process.wait()
        if self._process:
            self._process.wait()
            self._reader.join()

    def errors(self) -> str:
        """What it wrote to standard error."""
        return (self.data / "stderr").read_text()

    def log(self) -> Iterator[dict[str, Any]]:
        """The records of its log."""
        for path in (self.data / "logs").glob("*.jsonl"):
            for line in path.read_text().splitlines():
                yield json.loads(line)

    @staticmethod
    def wait(until: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait until something holds, and give it."""
        return wait(until, seconds)


def wait(until: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until something holds, and give it."""
    deadline = time.monotonic() + seconds
    while not (found := until()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {until}")
        time.sleep(0.05)
    return found


def _processes() -> Iterator[tuple[int, str]]:
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (path / "cmdline").read_bytes()
            if words:  # Else it has ended, or is the kernel's.
                yield int(path.name), words.replace(b"\0", b" ").decode(errors="replace")


def _parent(process: int) -> int:
    """Its parent: what a part forks looks like the part until it runs something else."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[1])


def _is_of(process: int, data: Path) -> bool:
    try:
        environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"HVEN_DATA={data}".encode() in environment
