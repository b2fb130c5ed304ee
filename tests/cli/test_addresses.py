"""Inputs that a service fetches, on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from file_server import FileServer, file
from service import Service

Hven = Callable[..., Any]


@pytest.fixture
def at(hven: Hven, served: Service, monkeypatch: pytest.MonkeyPatch) -> Hven:
    """Run a command at the service."""
    monkeypatch.setenv("HVEN_TOKEN", served.token)
    return lambda *words: hven("--service", served.url, *words)


def test_a_service_fetches_what_is_named_by_an_address(
    at: Hven, archive: FileServer, tmp_path: Path
) -> None:
    archive.responses["/cli.txt"] = file(b"stars\n")
    code, _, err = at("copy", archive.url("/cli.txt?a=*"), "-o", tmp_path / "out")
    assert code == 0, err
    assert (tmp_path / "out" / "copy.txt").read_bytes() == b"stars\n"
    assert f"fetched {archive.url('/cli.txt?a=*')}: 6 bytes" in " ".join(err.split())
    assert archive.asked[-1][0] == "/cli.txt?a=*"


def test_a_host_that_is_not_allowed_is_a_fault_of_the_request(
    at: Hven, archive: FileServer, tmp_path: Path
) -> None:
    code, _, err = at("copy", "https://elsewhere.example/x", "-o", tmp_path / "out")
    assert code == 2
    assert archive.place in err


def test_what_cannot_be_fetched_is_a_fault_of_the_input(
    at: Hven, archive: FileServer, tmp_path: Path
) -> None:
    code, _, err = at("copy", archive.url("/gone"), "-o", tmp_path / "out")
    assert code == 3
    assert "404 Not Found" in " ".join(err.split())


def test_a_run_on_this_machine_fetches_nothing_and_says_so(
    hven: Hven, archive: FileServer, tmp_path: Path
) -> None:
    asked = len(archive.asked)
    url = archive.url("/x//y")
    code, _, err = hven("weigh", url, "-o", tmp_path / "out", "--executor", "inline")
    assert code == 3
    assert url in " ".join(err.split())
    assert len(archive.asked) == asked
