"""`hven serve`: first use, deaths of its parts, its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from service import Service, wait

KINDS = ("web", "dispatcher", "keeper")


def answers(service: Service) -> bool:
    """Whether a request gets an answer now, by a connection of its own."""
    try:
        return (
            httpx.get(f"{service.url}/api/v1/health", timeout=10, trust_env=False).status_code < 500
        )
    except httpx.TransportError:
        return False


def all_run(service: Service) -> bool:
    return [len(service.parts(kind)) for kind in KINDS] == [1, 1, 1]


def test_first_use_makes_what_is_needed_and_keeps_it_to_the_owner(
    begin: Callable[..., Service],
) -> None:
    service = begin(HVEN_WEB_PROCESSES=2).start()
    assert answers(service)
    wait(lambda: [len(service.parts(kind)) for kind in KINDS] == [2, 1, 1])
    for name in ("admin-token", "secret-key"):
        assert (service.data / name).stat().st_mode & 0o777 == 0o600
    for name in ("jobs", "uploads", "run", "logs"):
        assert (service.data / name).stat().st_mode & 0o077 == 0
    assert [line for line in service.said if "token" in line] == [
        f"Hven made the user admin, whose token is in {service.data / 'admin-token'}"
    ]
    assert service.token not in service.errors()


def test_a_second_start_keeps_what_the_first_made(service: Service) -> None:
    token, key = service.token, (service.data / "secret-key").read_text()
    assert service.stop() == 0
    service.said.clear()
    service.start()
    assert (service.token, (service.data / "secret-key").read_text()) == (token, key)
    assert not [line for line in service.said if "made" in line]


def test_the_same_service_does_not_run_twice(begin: Callable[..., Service]) -> None:
    service = begin().start()
    with pytest.raises(AssertionError, match=f"runs already.*process {service.process}"):
        begin().start()
    assert answers(service)


def test_a_port_that_is_taken_is_named(service: Service, begin: Callable[..., Service]) -> None:
    port = service.url.rpartition(":")[2]
    with pytest.raises(AssertionError, match=rf"host, port: must be .*127.0.0.1:{port}"):
        begin(folder="other", HVEN_PORT=port).start()


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_that_is_killed_is_started_again(service: Service, kind: str) -> None:
    wait(lambda: all_run(service))
    killed = service.parts(kind)[0]
    os.kill(killed, signal.SIGKILL)
    wait(lambda: all_run(service) and killed not in service.parts(kind))
    assert answers(service)

    def ends() -> list[int]:
        lines = [line for line in service.log() if line["text"].startswith(f"{kind} ended")]
        return [line["data"]["code"] for line in lines]

    # The supervisor looks a few times a second.
    assert wait(ends) == [-signal.SIGKILL]


def test_nobody_is_refused_while_a_web_process_is_killed(service: Service) -> None:
    wait(lambda: all_run(service))
    for _ in range(3):
        for process in service.parts("web"):
            os.kill(process, signal.SIGKILL)
        # The connection waits in the supervisor's socket until a process is there again.
        assert httpx.get(f"{service.url}/api/v1/health", timeout=30, trust_env=False)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_the_end_leaves_no_process(service: Service, by: signal.Signals) -> None:
    wait(lambda: all_run(service))
    assert service.stop(by) == 0
    assert service.processes() == []


def test_the_parts_end_with_a_supervisor_that_is_killed(service: Service) -> None:
    wait(lambda: all_run(service))
    os.kill(service.process, signal.SIGKILL)
    wait(lambda: not service.parts())
    # And another one may be started at once.
    service.start()
    assert answers(service)


def test_parts_run_alone(begin: Callable[..., Service], tmp_path: Path) -> None:
    web = begin("web").start()
    assert answers(web)
    assert (len(web.parts("web")), len(web.parts("dispatcher"))) == (1, 0)
    rest = begin("dispatch").start()
    wait(lambda: rest.parts("dispatcher") and rest.parts("keeper"))
    assert rest.stop() == 0
    assert web.parts("dispatcher") == []
    assert answers(web)


def test_several_that_start_at_a_time_make_the_tables_once(
    begin: Callable[..., Service],
) -> None:
    several = [begin("web", HVEN_NODE=f"node-{number}") for number in range(3)]
    for one in several:
        one.data.mkdir(parents=True, exist_ok=True)
    starters = [threading.Thread(target=one.start) for one in several]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert all(answers(one) for one in several)
    said = [line for one in several for line in one.said if "made the tables" in line]
    assert len(said) == 1


def command(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("hven")), *words],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_wrong_setting_is_named_at_start(tmp_path: Path) -> None:
    file = tmp_path / "hven.toml"
    file.write_text('web_threads = 0\ncolour = "red"\nurl = "hven.example.org"\n')
    found = command(
        "serve",
        "--port",
        "99999",
        HVEN_DATA=str(tmp_path / "data"),
        HVEN_CONFIG=str(file),
        HVEN_DATABASE="mysql://user:swordfish@host/hven",
        HVEN_EXECUTOR="cloud",
    )
    assert found.returncode == 2
    for words in (
        "HVEN_PORT: must be at least 0 and at most 65535, got 99999",
        f"{file}: web_threads: must be at least 1",
        f"{file}: colour: must be one of data, database",
        f"{file}: url: must be an address http://... or https://...",
        "HVEN_DATABASE: must be sqlite or postgresql://",
        "HVEN_EXECUTOR: must be local, inline, dask or dask:ADDRESS, got 'cloud'",
    ):
        assert words in found.stderr
    assert "swordfish" not in found.stderr
    assert not (tmp_path / "data").exists()


def test_a_data_folder_that_cannot_be_written_is_named() -> None:
    with tempfile.NamedTemporaryFile() as file:
        found = command("serve", "--data", f"{file.name}/data")
    assert found.returncode == 2
    assert f"data: must be a folder that can be written, got {file.name}/data" in found.stderr


def test_an_option_of_another_command_is_refused() -> None:
    found = command("dispatch", "--port", "80")
    assert found.returncode == 2
    assert "hven dispatch: unrecognized arguments: --port 80" in found.stderr
