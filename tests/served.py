"""One real service for many tests, with the test applications and mosaics."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from file_server import FileServer
from service import Service

#: The package with the applications of the tests.
APPLICATIONS = Path(__file__).parent / "service_applications"
TOYS = Path(__file__).parent / "cli" / "toy_package"
SETTINGS = {
    "PYTHONPATH": os.pathsep.join(map(str, (APPLICATIONS, TOYS))),
    "HVEN_DISK_RESERVE": "0",
    "HVEN_SLOTS": "4",
    "HVEN_WEB_PROCESSES": "1",
}


@pytest.fixture(scope="session")
def archive() -> Iterator[FileServer]:
    """A server from which the service fetches inputs."""
    found = FileServer()
    yield found
    found.stop()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, archive: FileServer) -> Iterator[Service]:
    """A service that answers; tests leave it as it is."""
    settings = {**SETTINGS, "HVEN_FETCH_FROM": f"private:{archive.place}"}
    service = Service(tmp_path_factory.mktemp("served") / "data", settings)
    service.start()
    yield service
    service.remove()


@pytest.fixture(autouse=True)
def _nothing_from_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep logins and services of who runs the tests out of them."""
    # astropy looks there, too, and complains where it has no folder.
    (tmp_path / "config" / "astropy").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("HVEN_SERVICE", "HVEN_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def token_of(service: Service, name: str) -> str:
    """The token of a user of the service, who is made for it."""
    clean = {each: text for each, text in os.environ.items() if not each.startswith("HVEN_")}

    def administrate(*words: str) -> str:
        program = str(Path(sys.executable).with_name("hven"))
        command = [program, "admin", "user", *words, "--data", str(service.data)]
        told = subprocess.run(command, capture_output=True, text=True, env=clean, check=False)
        assert told.returncode == 0, told.stderr
        return told.stdout

    administrate("add", name)
    return next(word for word in administrate("token", name).split() if word.startswith("hven_"))
