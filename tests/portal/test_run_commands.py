"""The lines to copy do what the form does: they are run here, as a user would run them."""

from __future__ import annotations

import ast
import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from hven.cli.options import HERE, read_command
from hven.declare import registry
from hven.jobs.models import Job, User
from hven.portal.running.commands import commands
from hven.web import tokens
from input_files import PACKAGES, make_upload

_ODD = 'it\'s "a" $HOME `id` \\ ünï'


def lines(name: str, given: dict, wishes: dict | None = None, url: str = "http://here") -> dict:
    found = commands(registry.find(name), given, wishes or {}, {}, url)
    return {line.key: line.text for line in found}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("echo", {"words": _ODD}),
        ("echo", {"words": "-x"}),
        ("tiles", {"count": "7", "seconds": "-0.5 min"}),
        ("weigh", {
            "files": ["-a b.fits", "c.fits"], "patient": "true", "center": "-1 -2", "repeat": "3",
            "offset": "-0.5", "masks": ["m1.fits", "m 2.fits"], "trouble": "none",
        }),
        ("listed", {"table": "t.txt", "files": ["a", "b"]}),
        ("mosaic", {"images": ["a.fits"], "center": "-13d49m -16d", "rotation": "-1e-5"}),
    ],
)  # fmt: skip
def test_the_command_line_is_read_as_the_form_was(name: str, given: dict) -> None:
    made = registry.find(name)
    words = shlex.split(lines(name, given)["cli"].replace("\\\n", " "))
    assert words[:2] == ["hven", name]
    command = read_command(made, words[2:], HERE)
    assert command.faults == ()
    assert command.running.output == f"{name}-result"
    told = {key: value for key, value in given.items() if value != "none"}
    for key, value in told.items():
        field = made.field(key)
        got = command.given[key]
        if field.kind == "file":
            value = [f"./{each}" if each.startswith("-") else each for each in value]
            value = value if field.many else "".join(value)
        if field.kind == "boolean":
            assert got is True
        elif field.bounds and "-0.5 min" in value:
            assert got == value
        else:
            assert field.check(got) == field.check(value)
    assert set(command.given) == set(told)


def test_the_command_line_runs(tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_text("words")
    text = lines("copy", {"files": ["a b.txt"]})["cli"]
    bin_folder = Path(os.sys.executable).parent  # type: ignore[attr-defined]
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, PACKAGES)),
    }
    subprocess.run(
        ["bash", "-c", f"{text} --executor inline"], cwd=tmp_path, env=environment, check=True
    )
    assert (tmp_path / "copy-result" / "copy.txt").read_text() == "words"


@pytest.mark.django_db(transaction=True)
def test_the_lines_of_curl_and_uws_make_the_same_job(
    live_server: LiveServer, alice: Client, user: User
) -> None:
    upload = make_upload(user, "m31.fits")
    given = {"files": f"upload:{upload.pk}", "pause": "2 min", "center": "10h 20d"}
    answer = alice.post(
        "/applications/weigh/run/check/",
        {**given, "job.label": _ODD, "job.lane": "batch"},
        headers={"host": live_server.url.removeprefix("http://")},
    )
    found = answer.json()["commands"]
    secret = tokens.make(user, "a test").secret
    environment = {**os.environ, "HVEN_TOKEN": secret, "no_proxy": "*"}
    done = subprocess.run(
        ["bash", "-c", found["curl"] + " -sS"], env=environment, capture_output=True, check=True
    )
    document = json.loads(done.stdout)
    assert document["label"] == _ODD
    job = Job.objects.get()
    assert job.parameters["pause"] == 120
    assert job.parameters["files"] == [f"upload:{upload.pk}"]
    assert job.parameters["center"] == {"ra_deg": 150.0, "dec_deg": 20.0}
    done = subprocess.run(
        ["bash", "-c", found["uws"] + " -sS"], env=environment, capture_output=True, check=True
    )
    other = Job.objects.exclude(pk=job.pk).get()
    assert str(other.pk) in done.stdout.decode()
    assert (other.parameters, other.label, other.phase) == (job.parameters, _ODD, job.phase)


def test_the_line_of_python_is_python() -> None:
    wishes: dict[str, Any] = {"label": _ODD, "run": False, "lane": 2}
    text = lines("weigh", {"files": ["upload:1"], "pause": "2 min"}, wishes)["python"]
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    submitted = next(call for call in calls if getattr(call.func, "attr", "") == "submit")
    assert [ast.literal_eval(each) for each in submitted.args] == [
        "weigh",
        {"files": ["upload:1"], "pause": 120.0},
    ]
    more = {each.arg: ast.literal_eval(each.value) for each in submitted.keywords}
    assert more == {"label": _ODD, "run": False, "lane": "batch"}


def test_the_line_of_uws_says_each_item_and_the_terms() -> None:
    text = lines("weigh", {"files": ["upload:1", "dataset:m17/a b"]}, {"label": "x y"})["uws"]
    words = shlex.split(text.replace("\\\n", " "))
    pairs = [words[i + 1] for i, word in enumerate(words) if word == "--data-urlencode"]
    assert pairs == ["files=upload:1", "files=dataset:m17/a b", "RUNID=x y", "PHASE=RUN"]


def test_what_is_wrong_stays_as_it_was_typed() -> None:
    found = lines("tiles", {"count": "many", "nothing": "x"})
    assert '"count": "many"' in found["curl"]
    assert "--count=many" in found["cli"]
