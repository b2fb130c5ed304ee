"""What comes of a job: results, errors, links, the log."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.models import Job, Result, User
from hven.jobs.phases import Phase
from input_files import make_upload
from job_rows import make_job, make_result
from vo_client import HOST, UWS, XLINK, Vo, child, content

pytestmark = pytest.mark.django_db
VOTABLE = "{http://www.ivoa.net/xml/VOTable/v1.3}"
DIGEST = "ab" * 32


def url(job: Job) -> str:
    return f"/vo/echo/async/{job.pk}"


@pytest.fixture
def job(user: User, configuration: Configuration) -> Job:
    """A job with a main result, a product, a preview, a log and a provenance record."""
    upload = make_upload(user)
    made = make_job(
        user, Phase.COMPLETED, application="echo", parameters={"words": f"upload:{upload.pk}"}
    )
    kinds = {
        "sum": ("main", "image/fits"),
        "result": ("product", "text/plain"),
        "picture": ("preview", "image/png"),
        "log": ("log", "text/plain"),
        "provenance": ("provenance", "application/json"),
    }
    for order, (name, (role, media_type)) in enumerate(kinds.items()):
        found = make_result(made, configuration.jobs_folder, name, b"0123456789")
        more = {"role": role, "media_type": media_type, "order": order, "sha256": DIGEST}
        Result.objects.filter(pk=found.pk).update(**more)
    return made


def test_S01_results_are_listed_with_their_size_and_type_and_sent_so(alice: Vo, job: Job) -> None:
    found = alice.document(url(job)).findall(f"{UWS}results/{UWS}result")
    assert [each.get("id") for each in found] == [
        *("result", "result-2", "picture", "log", "provenance")
    ]
    assert found[0].get(f"{XLINK}href") == f"{HOST}{url(job)}/results/result"
    for each in found:
        answer = alice("GET", each.get(f"{XLINK}href", ""))
        assert content(answer) == b"0123456789"
        assert answer["Content-Length"] == each.get("size") == "10"
        assert answer["Content-Type"] == each.get("mime-type")
        assert each.get(f"{XLINK}type") == "simple"
    assert [each.attrib for each in alice.document(f"{url(job)}/results")] == [
        each.attrib for each in found
    ]


def test_S01_a_part_of_a_result_is_sent_and_none_that_is_known(alice: Vo, job: Job) -> None:
    path = f"{url(job)}/results/result"
    part = alice("GET", path, Range="bytes=2-4")
    assert (part.status_code, content(part)) == (206, b"234")
    assert part["ETag"] == f'"{DIGEST}"'
    assert alice("GET", path, If_None_Match=f'"{DIGEST}"').status_code == 304
    head = alice("HEAD", path)
    assert (head.status_code, head["Content-Length"], head.content) == (200, "10", b"")


def test_S01_results_are_there_while_the_job_runs(
    alice: Vo, user: User, configuration: Configuration
) -> None:
    running = make_job(user, Phase.EXECUTING, application="echo")
    make_result(running, configuration.jobs_folder, "half", b"so far")
    (found,) = alice.document(f"{url(running)}/results")
    assert found.get("id") == "half"
    assert content(alice("GET", found.get(f"{XLINK}href", ""))) == b"so far"


def test_F02_a_result_that_is_not_there_is_missing(alice: Vo, job: Job) -> None:
    told = alice("GET", f"{url(job)}/results/spam")
    assert told.status_code == 404
    assert told.content.decode().startswith("result: must be one of the job, it has none")
    Job.objects.update(archived=now())
    Result.objects.all().delete()
    assert "were removed" in alice("GET", f"{url(job)}/results/result").content.decode()


@pytest.mark.parametrize("kind", ["transient", "fatal"])
def test_F01_a_job_that_failed_says_why(alice: Vo, user: User, kind: str) -> None:
    message = "a: must be b\n" + "x" * 5000
    failed = make_job(user, Phase.ERROR, application="echo", error_kind=kind, error_message=message)
    summary = child(alice.document(url(failed)), "errorSummary")
    assert summary.attrib == {"type": kind, "hasDetail": "true"}
    assert (summary[0].text or "").startswith("a: must be b")
    assert alice.text(f"{url(failed)}/error") == message


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase != Phase.ERROR])
def test_F04_a_job_that_did_not_fail_has_no_error(alice: Vo, user: User, phase: Phase) -> None:
    fine = make_job(user, phase, application="echo")
    assert alice("GET", f"{url(fine)}/error").status_code == 404
    assert alice.document(url(fine)).find(f"{UWS}errorSummary") is None


def rows(document: bytes) -> list[list[str]]:
    found = ElementTree.fromstring(document).iter(f"{VOTABLE}TR")
    return [[cell.text or "" for cell in row] for row in found]


def test_links_of_a_job_are_its_products_preview_log_provenance_and_inputs(
    alice: Vo, job: Job
) -> None:
    answer = alice.get(f"{url(job)}/links")
    assert answer["Content-Type"] == "application/x-votable+xml;content=datalink"
    found = rows(answer.content)
    assert [(row[5], row[6], row[7]) for row in found] == [
        ("#this", "image/fits", "10"),
        ("#derivation", "text/plain", "10"),
        ("#preview", "image/png", "10"),
        ("#auxiliary", "text/plain", "10"),
        ("#auxiliary", "application/json", "10"),
        ("#progenitor", "application/octet-stream", "5"),
    ]
    for row in found:
        assert row[0] == str(job.pk)
        assert [bool(cell) for cell in row[1:4]] == [True, False, False]
        assert content(alice("GET", row[1]))


def test_links_are_found_by_identifier(alice: Vo, job: Job, user: User) -> None:
    waiting = make_job(user, application="echo")
    answer = alice.get(f"/vo/links?ID={job.pk}&ID={waiting.pk}&ID=spam")
    found = rows(answer.content)
    assert [row[0] for row in found] == [str(job.pk)] * 6 + [str(waiting.pk), "spam"]
    assert found[-1][1:4] == ["", "", "NotFoundFault: job: there is none with the id spam"]
    assert content(alice("GET", found[-2][1])).startswith(b"# job")
    assert rows(alice.post("/vo/links", ID=str(job.pk)).content) == found[:6]
    for query in ("", "?ID=" + "&ID=".join("x" * 101)):
        assert alice("GET", f"/vo/links{query}").status_code == 400


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.ERROR, Phase.ARCHIVED])
def test_the_log_is_there_in_every_phase(alice: Vo, user: User, phase: Phase) -> None:
    found = make_job(user, phase, application="echo", label="first")
    answer = alice("GET", f"{url(found)}/log")
    assert answer["Content-Type"].startswith("text/plain")
    assert b"# label first" in content(answer)


def test_tables_are_as_their_validators_want_them(
    alice: Vo, job: Job, tmp_path: Path, require_program: Callable[[str, str], str]
) -> None:
    stilts = require_program("stilts", "stilts")
    (tmp_path / "links.xml").write_bytes(alice.get(f"{url(job)}/links").content)
    (tmp_path / "parameters.xml").write_bytes(alice.get("/vo/weigh/parameters").content)
    for command in (
        ["votlint", "votable=parameters.xml"],
        ["datalinklint", "votable=links.xml"],
    ):
        found: Any = subprocess.run(
            [stilts, *command], capture_output=True, text=True, cwd=tmp_path, check=False
        )
        told = found.stdout + found.stderr
        assert found.returncode == 0, told
        assert not [line for line in told.splitlines() if line.startswith(("ERROR", "WARN", "E-"))]
