"""The generic UWS client, against a small server of the tests' own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hven.client import Uws
from hven.client.uws_documents import parse, read_job, read_jobs
from hven.errors import (
    CancelledError,
    ForbiddenError,
    JobError,
    MissingError,
    ParameterError,
    ServiceError,
    TransientError,
    UnreachableError,
)
from uws_server import Manners, serving

MANNERS = [
    Manners(),
    Manners(relative=True),
    Manners(version="1.0"),
    Manners(sparse=True, relative=True, refuses_delete=True),
]


@pytest.mark.parametrize("manners", MANNERS, ids=["1.1", "relative", "1.0", "sparse"])
def test_a_job_is_made_run_waited_for_fetched_and_removed(manners: Manners, tmp_path: Path) -> None:
    with serving(manners) as server, Uws(server.url) as uws:
        job = uws.create({"LANG": "ADQL", "BAND": ["1", "2"]}, QUERY="a<b & c")
        assert job.phase == "PENDING"
        assert job.id == "j1"
        assert job.run().wait(20).phase == "COMPLETED"
        (result,) = job.results.values()
        assert job.results["result"].url == f"{server.url}/j1/results/result"
        wanted = [("LANG", "ADQL"), ("BAND", "1"), ("BAND", "2"), ("QUERY", "a<b & c")]
        assert result.read() == repr(wanted).encode()
        assert result.open() == repr(wanted)
        # A name that leads elsewhere is none to be followed.
        assert result.save(tmp_path) == tmp_path / "out.txt"
        with pytest.raises(MissingError, match=r"must be one of job j1 \(result\)"):
            job.results["image"]
        job.delete()
        with pytest.raises(MissingError):
            _ = job.phase
        assert uws.jobs() == []


def test_a_service_is_asked_to_answer_when_the_phase_changes() -> None:
    with serving() as server:
        Uws(server.url).run(SECONDS="1.5").wait(20)
        asked = [words for words in server.asked if words.startswith("GET")]
    # One look at first, then one a change.
    assert asked[0] == "GET /async/j1"
    assert len(asked) <= 4
    waits = [int(words.partition("WAIT=")[2].partition("&")[0]) for words in asked[1:]]
    assert all(0 < seconds <= 50 for seconds in waits)
    assert "PHASE=QUEUED" in asked[1]


def test_a_service_that_does_not_know_wait_is_looked_at_more_and_more_seldom() -> None:
    with serving(Manners(version="1.0")) as server:
        Uws(server.url).run(SECONDS="4").wait(20)
        assert len(server.asked) < 12


def test_a_job_that_failed_says_why() -> None:
    with serving() as server:
        job = Uws(server.url).run(END="ERROR")
        with pytest.raises(JobError, match="it went <wrong>"):
            job.wait(20)
        assert job.error is not None
        assert (job.error.transient, job.error.has_detail) == (False, True)
        assert job.error_text() == "the whole story"
        assert job.wait(check=False).phase == "ERROR"


def test_a_job_that_failed_without_a_reason_is_told_so() -> None:
    with serving(Manners(message=None)) as server:
        with pytest.raises(JobError, match="does not say why"):
            Uws(server.url).run(END="ERROR").wait(20)
        assert Uws(server.url).run().error_text() == ""


def test_a_job_that_was_stopped_is_told_so() -> None:
    with serving() as server:
        job = Uws(server.url).run(SECONDS="60")
        with pytest.raises(TimeoutError, match="it goes on"):
            job.wait(0.5)
        assert job.abort().phase == "ABORTED"
        with pytest.raises(CancelledError):
            job.wait(5)


def test_lists_are_filtered() -> None:
    for manners in (Manners(), Manners(version="1.0")):
        with serving(manners) as server:
            uws = Uws(server.url)
            first = uws.run(SECONDS="60")
            middle = datetime.fromisoformat(str(first.document.created))
            uws.create()
            uws.create()
            assert [job.id for job in uws.jobs()] == ["j3", "j2", "j1"]
            assert [job.id for job in uws.jobs("pending")] == ["j3", "j2"]
            assert [job.id for job in uws.jobs(["QUEUED", "EXECUTING"])] == ["j1"]
            assert [job.id for job in uws.jobs(last=1)] == ["j3"]
            assert [job.id for job in uws.jobs(after=middle)] == ["j3", "j2"]
            assert uws.jobs()[2].url == first.url
            assert uws.job(uws.jobs()[0].url).phase == uws.job("j3").phase == "PENDING"


def test_files_are_sent_with_the_request(tmp_path: Path) -> None:
    path = tmp_path / "table.vot"
    path.write_bytes(b"<VOTABLE/>")
    with serving() as server:
        job = Uws(server.url).create({"UPLOAD": "t,param:t"}, files={"t": path}, run=True)
        assert job.wait(20).results["result"].read().endswith(b"<VOTABLE/>")
        assert job.parameters == {"UPLOAD": "t,param:t"}


def test_destruction_and_duration_are_set() -> None:
    until = datetime(2031, 2, 3, 4, 5, 6, 789000, UTC)
    with serving() as server:
        job = Uws(server.url).create()
        assert job.set_destruction(until).document.destruction == until
        assert server.jobs["j1"].destruction == "2031-02-03T04:05:06.789Z"
        assert job.set_duration(60).document.execution_duration == 60


def test_refusals_are_told_in_the_words_of_the_service() -> None:
    with serving() as server:
        uws = Uws(server.url)
        with pytest.raises(ParameterError, match="400: REQUEST: must be doQuery"):
            uws.create(REQUEST="nonsense")
        job = uws.run(SECONDS="60")
        with pytest.raises(ForbiddenError, match="not&nbsp;now"):
            job.run()
        with pytest.raises(MissingError, match="no such job"):
            _ = uws.job("j99").phase


def test_what_is_passing_is_waited_for_and_a_post_is_not_sent_twice() -> None:
    with serving() as server:
        uws = Uws(server.url)
        job = uws.create()
        server.manners.busy = 2
        assert job.phase == "PENDING"
        server.manners.busy = 1
        with pytest.raises(TransientError, match="busy"):
            uws.create()
        assert len(server.jobs) == 1


def test_credentials_are_shown_to_the_service_and_to_nobody_else() -> None:
    with serving() as server, serving() as other:
        Uws(server.url, "secret").create()
        Uws(server.url, name="alice", password="wonderland").create()
        assert server.shown == ["Bearer secret", "Basic YWxpY2U6d29uZGVybGFuZA=="]
        elsewhere = Uws(other.url).run()
        elsewhere.wait(20)
        del other.shown[:]
        with pytest.raises(MissingError):
            Uws(server.url, "secret").job(f"{other.url}/j99").document  # noqa: B018
        assert other.shown == [None]


def test_a_service_that_is_not_there_is_told_of() -> None:
    with pytest.raises(UnreachableError, match="does not answer"):
        Uws("http://127.0.0.1:1/async", patience=0).jobs()


@pytest.mark.parametrize(
    "prologue",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>',
    ],
)
def test_documents_with_entities_are_refused(prologue: str) -> None:
    refused = pytest.raises(ServiceError, match="must have no entities")
    with serving(Manners(prologue=prologue)) as server, refused:
        Uws(server.url).jobs()


@pytest.mark.parametrize(
    "content", [b"", b"<html><body></body></html>", b"<job>", b"\xff\xfe", b"<a>" * 300]
)
def test_what_is_no_uws_document_is_told_with_its_address(content: bytes) -> None:
    with pytest.raises(ServiceError, match=r"^http://a/async/j: must answer with"):
        read_job(content, "http://a/async/j")


def test_a_document_with_nothing_in_it_is_read() -> None:
    found = read_job(b"<job><phase> executing </phase></job>", "http://a/async/7")
    assert (found.id, found.phase, found.execution_duration) == ("7", "EXECUTING", 0)
    assert (found.created, found.owner, found.error, found.results) == (None, None, None, {})
    assert read_jobs(b"<jobs/>", "http://a/async") == []
    odd = b"<job><executionDuration>3600.0</executionDuration><quote>soon</quote></job>"
    assert read_job(odd, "http://a/7").execution_duration == 3600
    assert read_job(odd, "http://a/7").quote is None
    assert read_job(
        b"<job><destruction>2030-01-01T00:00:00</destruction></job>", ""
    ).destruction == (datetime(2030, 1, 1, tzinfo=UTC))


def test_text_in_several_pieces_is_one() -> None:
    assert parse("<a>x &amp; <![CDATA[<y>]]> \u00e9</a>".encode()).text == "x & <y> \u00e9"


def test_by_reference_and_addresses_are_absolute() -> None:
    content = (
        b'<j:job xmlns:j="urn:x" xmlns:l="http://www.w3.org/1999/xlink"><j:parameters>'
        b'<j:parameter id="T" byReference="true">parameters/T</j:parameter></j:parameters>'
        b'<j:results><j:result id="a" l:href="results/a" size="12" mime-type="text/csv"/>'
        b'<j:result id="b"/></j:results></j:job>'
    )
    found = read_job(content, "http://h/async/1/")
    assert found.parameters == {"T": "http://h/async/1/parameters/T"}
    assert found.results["a"] == ("a", "http://h/async/1/results/a", 12, "text/csv")
    assert found.results["b"].url == "http://h/async/1/results/b"
