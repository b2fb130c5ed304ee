"""The same command lines, run by a service."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

from hven.client import Service as Client
from hven.client.credentials import login_file, logins
from service import Service, wait

Hven = Callable[..., Any]


@pytest.fixture
def at(hven: Hven, served: Service, monkeypatch: pytest.MonkeyPatch) -> Hven:
    """Run a command at the service."""
    monkeypatch.setenv("HVEN_TOKEN", served.token)
    return lambda *words: hven("--service", served.url, *words)


@pytest.fixture
def client(served: Service) -> Iterator[Client]:
    with Client(served.url, served.token) as found:
        yield found


def test_a_run_at_a_service_tells_and_leaves_what_a_run_here_does(
    at: Hven, hven: Hven, files: list[Path], tmp_path: Path
) -> None:
    here = hven("weigh", *files, "-o", tmp_path / "here", "--executor", "inline")
    code, out, err = at("weigh", *files, "-o", tmp_path / "there")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("File weights finished in ")
    assert lines[0].endswith("; 3 steps.")
    named = [line.split()[0] for line in here.out.splitlines()[1:]]
    # `total` is no file, and a job's results are files.
    assert [line.split()[0] for line in lines[1:]] == [name for name in named if name != "total"]
    assert "Weigh a file: 3 of 3" in err
    assert "3 files" in err
    assert "is queued" in err
    for name in ("weights.fits", "weights.txt", "log.txt", "provenance.json"):
        assert (tmp_path / "there" / name).is_file()
    assert fits.getdata(tmp_path / "there" / "weights.fits").sum() == 6


def test_the_service_may_be_named_in_the_environment_or_behind(
    hven: Hven, served: Service, files: list[Path], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("HVEN_TOKEN", served.token)
    said = hven("copy", files[0], "-o", tmp_path / "one", f"--service={served.url}")
    assert said.code == 0, said.err
    monkeypatch.setenv("HVEN_SERVICE", served.url)
    assert hven("copy", files[0], "-o", tmp_path / "two", "-q") == (0, "", "")
    assert (tmp_path / "one" / "copy.txt").read_bytes() == b"x"
    assert (tmp_path / "two" / "copy.txt").read_bytes() == b"x"


def test_an_application_of_the_service_alone_has_its_options_and_help(at: Hven) -> None:
    code, out, err = at("tiles", "--help")
    assert (code, err) == (0, "")
    assert "--seconds S" in out
    assert "What each takes [at least 0 s; default 0.01]" in " ".join(out.split())
    assert "--detach" in out
    assert "--executor" not in out
    told = at("list")
    assert told.code == 0
    assert "tiles     Tiles: compute tiles and write the digest of all" in told.out
    assert json.loads(at("schema", "tiles").out)["x-name"] == "tiles"


def test_all_faults_are_told_at_once_as_those_of_a_run_here(
    at: Hven, files: list[Path], tmp_path: Path
) -> None:
    words = ["--scales", "absent.dat", files[0], "--repeat", "0", "--masks", "no*.dat"]
    code, out, err = at("weigh", *words, "--colour", "red", "--executor", "inline")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "hven: --colour: is not an option of hven weigh; see hven weigh --help",
        "hven: --executor: must be left out: it is for runs on this machine",
        "hven: --output: must be given with -o FOLDER, or --detach instead, got nothing",
        "hven: --repeat: must be at least 1 and at most 10000, got 0",
        "hven: --masks: must match at least one file, got no*.dat",
        "hven: --scales: must be a file that exists, got absent.dat",
    ]
    missing = at("weigh", "absent.dat", "-o", tmp_path)
    assert (missing.code, missing.err) == (
        3,
        "hven: FILES: must be a file that exists, got absent.dat\n",
    )


def test_what_only_the_service_finds_is_told_in_the_words_of_the_command_line(
    at: Hven, files: list[Path], tmp_path: Path
) -> None:
    code, _, err = at("weigh", *files, "--repeat", "101", "-o", tmp_path)
    assert (code, err.splitlines()[-1]) == (
        2,
        "hven: --repeat: must be at most 100 without patient, got 101",
    )
    told = json.loads(
        at("weigh", *files, "--repeat", "101", "-o", tmp_path, "--json").out.splitlines()[-1]
    )
    assert (told["kind"], told["exit_code"], told["error"]) == ("error", 2, "ParameterError")
    assert told["faults"] == [
        {"name": "repeat", "text": "must be at most 100 without patient, got 101"}
    ]


@pytest.mark.parametrize(
    ("trouble", "code", "message"),
    [
        ("input", 3, "hven: one.dat: must be light, got a heavy one"),
        ("memory", 4, "hven: memory: must be at least 3 TB for this, there are 24 GB"),
        ("bug", 70, "hven: This is a fault of the program, not of your input."),
    ],
)
def test_the_exit_code_is_that_of_a_run_here_and_the_log_is_fetched(
    at: Hven, files: list[Path], tmp_path: Path, trouble: str, code: int, message: str
) -> None:
    told = at("weigh", files[0], "--trouble", trouble, "-o", tmp_path / "out")
    assert told.code == code, told.err
    assert message in told.err.splitlines()
    assert "traceback is in" not in told.err
    assert (tmp_path / "out" / "log.txt").is_file()


def test_json_is_an_object_a_line_with_the_result_last(
    at: Hven, files: list[Path], tmp_path: Path, served: Service
) -> None:
    code, out, err = at("weigh", *files, "-o", tmp_path / "out", "--json")
    assert (code, err) == (0, "")
    events = [json.loads(line) for line in out.splitlines()]
    numbers = [event["sequence"] for event in events if event.get("sequence")]
    assert numbers == list(range(1, len(numbers) + 1))
    last = events[-1]
    assert (last["kind"], last["application"]) == ("result", "weigh")
    assert last["steps"] == {"total": 3, "reused": last["steps"]["reused"]}
    assert last["service"] == served.url
    assert last["outputs"]["image"] == str(tmp_path / "out" / "weights.fits")


def test_quiet_tells_nothing(at: Hven, files: list[Path], tmp_path: Path) -> None:
    assert at("weigh", files[0], "-q", "-o", tmp_path / "out") == (0, "", "")


def test_a_job_is_left_to_itself_looked_at_and_fetched(
    at: Hven, files: list[Path], tmp_path: Path
) -> None:
    code, out, err = at("copy", *files, "--detach")
    assert code == 0
    job = out.strip()
    assert f"get {job} -o FOLDER" in err
    assert at("job", job, "--follow").code == 0
    shown = at("job", job)
    assert "phase        COMPLETED" in shown.out
    assert "text: What was written, 6 B" in shown.out
    assert json.loads(at("job", job, "--json").out)["id"] == job
    listed = at("jobs", "--application", "copy", "--limit", "1")
    assert listed.out.splitlines()[1].startswith(job)
    assert json.loads(at("jobs", "--limit", "1", "--json").out)[0]["id"] == job
    got = at("get", job, "-o", tmp_path / "got")
    assert str(tmp_path / "got" / "copy.txt") in got.out
    assert (tmp_path / "got" / "copy.txt").read_bytes() == b"xxxxxx"
    only = at("get", job, "-o", tmp_path / "only", "--result", "text", "--json")
    assert json.loads(only.out) == {"text": str(tmp_path / "only" / "copy.txt")}
    assert at("get", job, "--result", "image", "-o", tmp_path).code == 2


def test_a_job_is_cancelled(at: Hven) -> None:
    job = at("stubborn", "--seconds", "30", "--how", "polite", "--detach").out.strip()
    code, out, _ = at("cancel", job)
    assert code == 0
    assert out.startswith(f"job {job} is ")
    followed = at("job", job, "--follow")
    assert followed.code == 130
    again = at("cancel", job, "nonsense")
    assert again.code == 2
    assert "there is none with the id nonsense" in again.err
    assert "the job has no results yet" not in at("jobs", "--phase", "aborted").out


def test_ctrl_c_says_that_the_job_goes_on_and_how_to_see_it(
    start: Callable[..., subprocess.Popen[str]], served: Service, client: Client, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("HVEN_TOKEN", served.token)
    words = ["--service", served.url, "tiles", "--count", "200", "--seconds", "0.2", "--seed", "5"]
    process = start(*words, "-o", tmp_path / "out")
    job = wait(lambda: next(iter(client.jobs(application="tiles", phase="EXECUTING")), None))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert f"hven: job {job.id} goes on at {served.url}" in err
    assert f"hven --service {served.url} cancel {job.id}" in err
    assert "Traceback" not in err
    assert not job.ended
    job.cancel()


def test_a_service_that_is_not_there_is_told_of(hven: Hven, tmp_path: Path) -> None:
    code, out, err = hven("--service", "http://127.0.0.1:1", "mosaic", "a.fits", "-o", tmp_path)
    assert (code, out) == (6, "")
    assert err.startswith("hven: service: http://127.0.0.1:1 does not answer (")
    told = hven("--service", "http://127.0.0.1:1", "mosaic", "a.fits", "--json")
    assert json.loads(told.out)["error"] == "UnreachableError"


def test_what_is_wrong_with_naming_a_service_is_told(hven: Hven) -> None:
    assert (
        hven("--service").err == "hven: --service: must be followed by the address of a service\n"
    )
    assert "must be given with --service URL, by $HVEN_SERVICE or by hven login" in hven("jobs").err
    told = hven("--service", "http://127.0.0.1:1", "store")
    assert told.err == "hven: --service: must be left out: hven store is about this machine\n"


def test_an_application_that_the_service_does_not_have_is_told(at: Hven) -> None:
    code, _, err = at("mosiac", "a.fits")
    assert code == 2
    assert err.startswith("hven: mosiac: must be a command or one of the service's: copy, ")


def test_a_login_by_token_is_kept_used_and_forgotten(
    hven: Hven, served: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{served.token}\n"))
    code, out, _ = hven("login", served.url)
    assert code == 0
    assert out.startswith(f"logged in to {served.url} as admin")
    assert stat.S_IMODE(login_file().stat().st_mode) == 0o600
    assert hven("jobs", "--limit", "1").code == 0
    assert hven("logout").code == 0
    assert logins() == []
    assert "must be given with --service" in hven("jobs").err
    assert "(none is kept), got nothing" in hven("logout").err
    # A token that was given is its owner's, and stays.
    with Client(served.url, served.token) as client:
        assert client.usage.user == "admin"


def test_a_login_by_password_makes_a_token_that_the_logout_revokes(
    hven: Hven, served: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{served.token}\n"))
    assert hven("login", served.url, "--name", "admin").code == 0
    (login,) = logins()
    assert login.token != served.token
    with Client(served.url) as client:
        assert client.usage.user == "admin"
    assert hven("logout", served.url).code == 0
    from hven.errors import CredentialsError

    with pytest.raises(CredentialsError):
        Client(served.url, login.token)


def test_a_wrong_token_is_told_and_not_kept(
    hven: Hven, served: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("nonsense\n"))
    code, _, err = hven("login", served.url)
    assert (code, logins()) == (2, [])
    assert "must be a valid token" in err
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert "token: must be given, got nothing" in hven("login", served.url).err


def test_help_imports_nothing_of_the_client() -> None:
    code = (
        "import sys; from hven.cli.main import main; main(['--help']);"
        "print([name for name in ('httpx', 'hven.client', 'django') if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert told.stdout.splitlines()[-1] == "[]"


def test_a_real_mosaic_is_the_same_here_and_there(
    at: Hven, hven: Hven, shared_data: Path, tmp_path: Path, served: Service
) -> None:
    images = sorted((shared_data / "mosaic" / "m17_2mass_j").glob("*.fits"))[:2]
    words = ["mosaic", *images, "--pixel-scale", "4"]
    told = at(*words, "-o", tmp_path / "there", "-q")
    assert told.code == 0, told.err
    assert hven(*words, "-o", tmp_path / "here", "-q").code == 0
    one, two = (tmp_path / folder / "mosaic.fits" for folder in ("here", "there"))
    assert _digest(one) == _digest(two)
    with Client(served.url, served.token) as client:
        results = client.jobs(application="mosaic")[0].results
        assert len(results["images"].open()) == len(results["images_ecsv"].open()) == 2
        with results["mosaic"].open() as image:
            assert image[0].data.shape == fits.getdata(two).shape
        assert results["preview"].open().format == "PNG"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
