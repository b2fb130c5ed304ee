"""A PostgreSQL server of the tests' own: made, killed and started again in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg

from programs import missing

#: The Debian package without which there is no server.
PACKAGE = "postgresql"
#: Seconds within which a server has to answer after it was started.
_START_SECONDS = 30


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`, of the newest version there is."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in folders), key=_version, default=None)


class Cluster:
    """One server with one database `hven`, reached by a socket in its own folder.

    Parameters
    ----------
    durable
        Whether a commit waits for the disk, as in real use. Killing processes loses nothing
        without, so tests do without; figures of speed are taken with it.
    """

    def __init__(self, durable: bool = False) -> None:
        self._programs = programs()
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        # The server refuses to run as root, and the tests' own folders are closed to others.
        self.folder = Path(tempfile.mkdtemp(prefix="hven-postgresql-"))
        self._account = _account()
        if self._account:
            shutil.chown(self.folder, self._account.pw_uid, self._account.pw_gid)

    def url(self, name: str = "hven") -> str:
        """The address of a database, as the setting `database` takes it."""
        return f"postgresql://hven@{quote(str(self.folder), safe='')}/{name}"

    def start(self) -> None:
        """Start the server, and wait until it answers; makes it before the first time."""
        if not (self.folder / "data").exists():
            self._make()
        # A killed server's children hold on to its memory for a moment; it refuses to start then.
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process is None or self._process.poll() is not None:
                if time.monotonic() > deadline:
                    raise TimeoutError((self.folder / "log").read_text()[-2000:])
                self._process = self._begin()
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server in order; clients lose their connections."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End all processes of the server at once, as a power cut would."""
        if self._process:
            # Its children have process groups of their own.
            for child in _children(self._process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop it, and remove all its files."""
        self.kill()
        shutil.rmtree(self.folder)

    def _make(self) -> None:
        options = ["-U", "hven", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", "-D", str(self.folder / "data"), *options).check_returncode()

    def _begin(self) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "on" if self._durable else "off",
            "max_connections": "200",
            "shared_buffers": "64MB",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*self._prefix(), self._program("postgres"), "-D", self.folder / "data", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2, autocommit=True) as found:
                names = found.execute("SELECT datname FROM pg_database").fetchall()
                if ("hven",) not in names:
                    found.execute("CREATE DATABASE hven")
        except psycopg.OperationalError:
            return False
        return True

    def _end(self, by: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(by)
            self._process.wait(_START_SECONDS)
            self._process = None

    def _run(self, program: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self._prefix(), self._program(program), *words],
            capture_output=True,
            cwd=self.folder,
            check=False,
        )

    def _program(self, name: str) -> str:
        if self._programs is None:
            raise FileNotFoundError(f"{name}: apt-get install {PACKAGE}")
        return str(self._programs / name)

    def _prefix(self) -> list[str]:
        # The server ends with the process that started it, however that one ends; to Linux the
        # end of a thread that started it would be the same.
        alone = threading.current_thread() is threading.main_thread()
        prefix = ["setpriv", *(["--pdeathsig", "KILL"] if alone else [])]
        if self._account:
            user, group = self._account.pw_uid, self._account.pw_gid
            prefix += [f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        return prefix


def _account() -> pwd.struct_passwd | None:
    """Whom the server runs as; None is the account of the tests."""
    if os.getuid():
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(number) for number in path.read_text().split()] if path.exists() else []


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """A server that answers; without its programs the test skips or fails."""
    if programs() is None:
        missing("initdb", PACKAGE)
    server = Cluster()
    try:
        server.start()
        yield server
    finally:
        server.remove()
