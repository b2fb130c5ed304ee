"""The documents of UWS: what must be in them, in every phase."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.models import Job, User
from hven.jobs.phases import Phase
from input_files import make_upload
from job_rows import make_job, make_result
from vo_client import HOST, NIL, UWS, XLINK, Vo, child, content, invalid, parameters

pytestmark = pytest.mark.django_db
NULLABLE = ("ownerId", "quote", "startTime", "endTime", "destruction")


def url(job: Job) -> str:
    return f"/vo/{job.application}/async/{job.pk}"


def echo(user: User | None, phase: Phase = Phase.PENDING, **columns: Any) -> Job:
    given = {"application": "echo", "parameters": {"words": "hello"}, **columns}
    return make_job(user, phase, **given)


@pytest.fixture
def in_every_phase(user: User, configuration: Configuration) -> list[Job]:
    """A job in each phase, with all that one may have there."""
    upload = make_upload(user)
    jobs = []
    for phase in Phase:
        job = echo(user, phase, label=f"the <{phase}>", stop="abort", attempt=1)
        if phase in (Phase.EXECUTING, Phase.COMPLETED):
            make_result(job, configuration.jobs_folder)
        if phase in (Phase.ERROR, Phase.ABORTED):
            Job.objects.filter(pk=job.pk).update(
                error_kind="fatal",
                error_message="a\x01b <&> ]]> \ud800".encode("utf-8", "replace").decode(),
            )
        jobs.append(job)
    jobs.append(echo(None, Phase.PENDING))
    jobs.append(
        make_job(
            user,
            Phase.PENDING,
            application="weigh",
            parameters={"files": [f"upload:{upload.pk}", "dataset:a/b"], "center": None},
        )
    )
    return jobs


def test_R02_every_document_is_valid_in_every_phase(
    alice: Vo, in_every_phase: list[Job], tmp_path: Path, require_program: Any, settings: Any
) -> None:
    """Also R01, R03, R05, R07, R09: the schema says all that."""
    require_program("stilts", "stilts")
    paths = ["/vo/jobs", "/vo/jobs?PHASE=ARCHIVED", "/vo/echo/async"]
    for job in in_every_phase:
        paths += [url(job), f"/vo/jobs/{job.pk}", f"{url(job)}?uws_phase=true"]
        paths += [f"{url(job)}/parameters", f"{url(job)}/results"]
    paths += [
        f"/vo{name}/{what}" for name in ("", "/weigh") for what in ("capabilities", "availability")
    ]
    documents = [alice.get(path).content for path in paths]
    assert invalid(documents, tmp_path) == ""
    assert len(documents) > 50
    broken = documents[3].replace(b'<uws:startTime xsi:nil="true"/>', b"<uws:startTime/>")
    assert "startTime" in invalid([broken], tmp_path)


def test_R01_and_R07_the_version_stands_where_it_must_and_nowhere_else(
    alice: Vo, user: User
) -> None:
    job = echo(user)
    for path in ("/vo/jobs", url(job)):
        assert alice.document(path).get("version") == "1.1"
    for name in ("parameters", "results"):
        document = alice.document(f"{url(job)}/{name}")
        assert document.tag == UWS + name
        assert "version" not in document.attrib


def test_R02_the_children_of_a_job_are_in_order(alice: Vo, user: User) -> None:
    job = echo(user, Phase.ERROR, label="a", error_kind="fatal", error_message="no")
    names = [each.tag.removeprefix(UWS) for each in alice.document(url(job))]
    assert names == [
        "jobId",
        "runId",
        "ownerId",
        "phase",
        "quote",
        "creationTime",
        "startTime",
        "endTime",
        "executionDuration",
        "destruction",
        "parameters",
        "results",
        "errorSummary",
        "jobInfo",
    ]


def test_R03_and_R09_what_is_not_known_is_said_to_be_so(
    alice: Vo, user: User, settings: Any
) -> None:
    document = alice.document(url(echo(user)))
    for name in ("quote", "startTime", "endTime"):
        assert child(document, name).get(NIL) == "true"
        assert not child(document, name).text
    assert child(document, "ownerId").text == "alice"
    assert child(document, "executionDuration").text == "0"
    assert [name for name in NULLABLE if child(document, name).get(NIL) == "true"] == [
        "quote",
        "startTime",
        "endTime",
    ]
    anonymous = alice.document(url(echo(None)))
    assert child(anonymous, "ownerId").get(NIL) == "true"


def test_R05_a_reference_names_its_job_by_an_absolute_address(alice: Vo, user: User) -> None:
    job = echo(user, label="mine")
    (found,) = alice.document("/vo/echo/async")
    assert found.get("id") == str(job.pk)
    assert found.get(f"{XLINK}href") == f"{HOST}{url(job)}"
    assert found.get(f"{XLINK}type") == "simple"
    names = [each.tag.removeprefix(UWS) for each in found]
    assert names == ["phase", "runId", "ownerId", "creationTime"]


def test_R06_single_facts_are_plain_text_and_empty_when_unknown(alice: Vo, user: User) -> None:
    job = echo(user)
    document = alice.document(url(job))
    for name, part in {
        "phase": "phase",
        "executionduration": "executionDuration",
        "destruction": "destruction",
        "owner": "ownerId",
    }.items():
        assert alice.text(f"{url(job)}/{name}") == child(document, part).text
    assert alice.text(f"{url(job)}/quote") == ""
    assert alice.text(f"{url(echo(None))}/owner") == ""


def test_R07_parameters_and_results_are_there_also_when_there_are_none(
    alice: Vo, user: User
) -> None:
    job = echo(user, parameters={})
    assert len(alice.document(f"{url(job)}/parameters")) == 0
    assert len(alice.document(f"{url(job)}/results")) == 0


@pytest.mark.parametrize(
    "accept", ["application/xml,text/plain", "*/*", "", "text/html,application/xml;q=0.9", "spam"]
)
def test_R08_the_answer_is_xml_whatever_is_accepted(alice: Vo, user: User, accept: str) -> None:
    job = echo(user)
    answer = alice.get(url(job), **({"Accept": accept} if accept else {}))
    assert answer["Content-Type"].startswith("text/xml")
    assert answer["Cache-Control"] == "no-store"
    assert alice.get(f"{url(job)}/phase", Accept=accept)["Content-Type"].startswith("text/plain")


def test_R09_instants_are_as_fine_as_they_are_kept(alice: Vo, user: User) -> None:
    job = echo(user, destruction=now() + timedelta(days=3))
    text = child(alice.document(url(job)), "destruction").text
    assert text is not None
    assert text.endswith("Z")
    assert len(text) == len("2026-11-25T09:00:00.000Z")
    assert text == alice.text(f"{url(job)}/destruction")


def test_lists_are_repeated_and_what_is_not_given_is_left_out(alice: Vo, user: User) -> None:
    job = make_job(
        user,
        application="weigh",
        parameters={
            "files": ["dataset:m/a.fits", "dataset:m/b.fits"],
            "repeat": 2,
            "center": {"ra_deg": 10.5, "dec_deg": -20.0},
            "scales": None,
            "patient": True,
        },
    )
    assert parameters(alice.document(url(job))) == [
        ("files", "dataset:m/a.fits"),
        ("files", "dataset:m/b.fits"),
        ("repeat", "2"),
        ("center", "10.5 -20.0"),
        ("patient", "true"),
    ]


def test_parameters_of_an_application_that_is_gone_are_shown_as_they_are(
    alice: Vo, user: User
) -> None:
    job = make_job(user, application="gone", parameters={"a": 1, "b": [True, {"c": None}]})
    assert parameters(alice.document(url(job))) == [("a", "1"), ("b", "true"), ("b", '{"c": null}')]


def test_what_xml_cannot_carry_stands_elsewhere(alice: Vo, user: User) -> None:
    words = "a\x01b\r\n\t<&>\ufffe"
    job = echo(user, parameters={"words": words})
    (found,) = alice.document(f"{url(job)}/parameters")
    assert found.get("byReference") == "true"
    assert found.text is not None
    assert alice.get(found.text).content.decode() == words
    kept = "a\r\n\t<&> ]]> ü"
    Job.objects.filter(pk=job.pk).update(parameters={"words": kept})
    assert parameters(alice.document(url(job))) == [("words", kept)]


def test_a_job_that_is_held_is_shown_as_queued_unless_asked_for(alice: Vo, user: User) -> None:
    job = echo(user, Phase.HELD)
    document = alice.document(url(job))
    assert child(document, "phase").text == "QUEUED"
    assert "held by you" in "".join(child(document, "jobInfo").itertext())
    assert alice.text(f"{url(job)}/phase") == "QUEUED"
    assert alice.text(f"{url(job)}/phase?UWS_PHASE=true") == "HELD"
    assert len(alice.document("/vo/jobs?PHASE=QUEUED")) == 1
    assert len(alice.document("/vo/jobs?PHASE=HELD")) == 0
    assert len(alice.document("/vo/jobs?PHASE=HELD&uws_phase=true")) == 1


def test_how_far_a_job_is_and_where_it_stands_is_told(alice: Vo, user: User) -> None:
    make_job(user, Phase.QUEUED, application="echo")
    job = echo(user, Phase.QUEUED, steps_total=400, steps_done=350, steps_reused=312, attempt=2)
    facts = {
        each.tag.rpartition("}")[2]: each for each in child(alice.document(url(job)), "jobInfo")
    }
    assert facts["progress"].attrib == {"total": "400", "done": "350", "reused": "312"}
    assert facts["attempt"].text == "2"
    assert facts["queue"].get("position") == "2"
    assert facts["queue"].text == "1 of your jobs before it"
    assert alice.get(facts["links"].text or "")
    assert content(alice.get(facts["log"].text or "")).startswith(b"# job")


@pytest.mark.parametrize(
    ("headers", "start"),
    [
        ({"Host": "hven.example.org:8000"}, "http://hven.example.org:8000"),
        (
            {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "hven.example.org"},
            "https://hven.example.org",
        ),
        (
            {
                "X_Forwarded_Proto": "https, http",
                "X_Forwarded_Host": "a.example.org, b",
                "X_Forwarded_Prefix": "/sky/",
            },
            "https://a.example.org/sky",
        ),
        (
            {"X_Forwarded_Proto": "spam", "X_Forwarded_Host": "<spam>", "X_Forwarded_Prefix": "//"},
            HOST,
        ),
    ],
)
def test_addresses_are_those_by_which_the_client_came(
    alice: Vo, user: User, headers: dict[str, str], start: str
) -> None:
    job = echo(user)
    listed = alice("GET", "/vo/jobs", **headers)
    assert f'href="{start}/vo/jobs/{job.pk}"'.encode() in listed.content
    answer = alice("POST", f"{url(job)}/phase", {"PHASE": "RUN"}, **headers)
    assert answer["Location"] == f"{start}{url(job)}"


def test_the_setting_of_the_address_goes_first(
    alice: Vo, user: User, settings: Any, vo: Callable[..., Vo]
) -> None:
    from dataclasses import replace

    settings.HVEN = replace(settings.HVEN, url="https://hven.example.org/")
    echo(user)
    answer = alice.get("/vo/jobs", X_Forwarded_Host="other.example.org")
    assert b'href="https://hven.example.org/vo/jobs/' in answer.content
