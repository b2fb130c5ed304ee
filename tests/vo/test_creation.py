"""Jobs made by forms: what is accepted, and that nothing is left of what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.models import Job, Upload, User
from hven.jobs.phases import Phase
from input_files import make_upload
from vo_client import HOST, Vo, child, content, job_of, made, parameters

pytestmark = pytest.mark.django_db


def refused(answer: Any, status: int = 400) -> str:
    """What a refusal says; there is no job, and no file of it."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"].startswith("text/plain")
    assert not Job.objects.exists()
    assert not Upload.objects.exists()
    return str(answer.content.decode())


def test_C01_a_form_makes_a_job_and_says_where_it_is(alice: Vo) -> None:
    answer = alice.post("/vo/echo/async", words="hi")
    job = Job.objects.get()
    assert answer.status_code == 303
    assert answer["Location"] == f"{HOST}/vo/echo/async/{job.pk}"
    assert parameters(alice.document(answer["Location"])) == [("words", "hi")]


def test_C02_a_new_job_is_pending_and_has_its_time(alice: Vo) -> None:
    before = now()
    document = alice.document(alice.make())
    assert child(document, "phase").text == "PENDING"
    assert before <= Job.objects.get().created <= now()
    assert (child(document, "creationTime").text or "").endswith("Z")


@pytest.mark.parametrize("form", [{"PHASE": "RUN"}, {"phase": "run"}, {"Phase": "Run"}])
def test_C03_and_C05_a_form_has_its_job_run_at_once(alice: Vo, form: dict[str, str]) -> None:
    assert job_of(alice.make(**form)).phase == Phase.QUEUED


@pytest.mark.parametrize("query", ["PHASE=RUN", "phase=run", "PHASE=RUN&words=hi"])
def test_C04_and_C05_so_does_the_query(alice: Vo, query: str) -> None:
    path = made(alice("POST", f"/vo/echo/async?{query}", {}))
    assert job_of(path).phase == Phase.QUEUED
    words = "hi" if "words" in query else "hello"
    assert parameters(alice.document(path)) == [("words", words)]


def test_C05_names_of_parameters_have_no_case(alice: Vo) -> None:
    assert parameters(alice.document(alice.make(WORDS="hi"))) == [("words", "hi")]
    form = {"RunID": "a", "eXecutionDuration": "7", "DesTruction": "2999-01-01T00:00:00Z"}
    job = job_of(alice.make(**form))
    assert (job.label, job.execution_duration) == ("a", 7)


def test_C06_values_come_back_as_they_were_sent(alice: Vo) -> None:
    for words in ("<&>\"' ]]>", "a\r\nb\tc", "ü 中 \U0001f30c", " blank ", "", "a\x01b\x0b"):
        path = alice.make(words=words)
        (found,) = alice.document(f"{path}/parameters")
        if found.get("byReference") == "true":
            assert alice.get(found.text or "").content.decode() == words
        else:
            assert (found.text or "") == words


def test_C07_a_run_id_is_returned_untouched(alice: Vo) -> None:
    for text in ("x" * 64, " <my> run & é ", "0"):
        document = alice.document(alice.make(RUNID=text))
        assert child(document, "runId").text == text


@pytest.mark.parametrize("text", ["x" * 65, "a\nb", "a\0b"])
def test_C07_a_run_id_that_cannot_be_returned_is_refused(alice: Vo, text: str) -> None:
    assert refused(alice.post("/vo/echo/async", RUNID=text)).startswith("RUNID: must")
    told = refused(alice("POST", "/vo/echo/async?RUNID=a", {"RUNID": "b"}))
    assert told.startswith("RUNID: must be a single value, got 2")


def test_C08_a_file_may_be_a_part_of_the_form(alice: Vo) -> None:
    path = made(alice.send("/vo/copy/async", {"Files": [b"stars", b"\0\xff"]}))
    texts = [text for _, text in parameters(alice.document(path))]
    assert [content(alice.get(text)) for text in texts] == [b"stars", b"\0\xff"]
    assert Upload.objects.count() == 2
    assert Upload.objects.filter(owner__username="alice", name="Files.dat").count() == 2


def test_C08_a_text_may_be_a_part_as_well(alice: Vo) -> None:
    path = made(alice.send("/vo/echo/async", {"words": "größer".encode()}))
    assert parameters(alice.document(path)) == [("words", "größer")]
    told = refused_after(alice, alice.send("/vo/echo/async", {"words": b"x" * (2**20 + 1)}))
    assert told.startswith("words: must have at most 1048576 bytes, got 1048577")


def refused_after(alice: Vo, answer: Any) -> str:
    assert answer.status_code == 400
    assert Job.objects.count() == 1
    return str(answer.content.decode())


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"count": "x"}, "count: must be a whole number, at least 0 and at most 100000, got 'x'"),
        ({"count": "-1"}, "count: must be at least 0"),
        ({"count": ["1", "2"]}, "count: must be a single value, got 2"),
        ({"count": ""}, "count: must be a whole number"),
        ({"seconds": "3 pc"}, "seconds: must be"),
        ({"spam": "1"}, "spam: is not a parameter of tiles"),
        ({"PHASE": "ABORT"}, "PHASE: must be RUN for a new job, got 'ABORT'"),
        ({"PHASE": ""}, "PHASE: must be RUN"),
        ({"DESTRUCTION": "tomorrow"}, "DESTRUCTION: must be a time in UTC such as"),
        ({"DESTRUCTION": "2001-01-01"}, "DESTRUCTION: must be in the future"),
        ({"DESTRUCTION": ["2999-01-01", "2998-01-01"]}, "DESTRUCTION: must be a single value"),
        ({"EXECUTIONDURATION": "1.5"}, "EXECUTIONDURATION: must be whole seconds"),
        ({"EXECUTIONDURATION": "-1"}, "EXECUTIONDURATION: must be whole seconds"),
        ({"EXECUTIONDURATION": "9" * 11}, "EXECUTIONDURATION: must be whole seconds"),
    ],
)
def test_C09_what_is_wrong_is_named_and_leaves_no_job(
    alice: Vo, form: dict[str, Any], said: str
) -> None:
    assert said in refused(alice.post("/vo/tiles/async", **form))


def test_C09_all_faults_are_told_together(alice: Vo) -> None:
    told = refused(
        alice.post("/vo/tiles/async", count="x", seconds="y", PHASE="no", RUNID="x" * 65)
    )
    names = {line.partition(":")[0] for line in told.splitlines()}
    assert names == {"PHASE", "RUNID", "count", "seconds"}


def test_C09_files_of_a_form_that_is_refused_are_removed(
    alice: Vo, configuration: Configuration
) -> None:
    told = refused(alice.send("/vo/weigh/async", {"files": b"stars"}, repeat="0"))
    assert told.startswith("repeat: must be at least 1")
    assert not [path for path in configuration.uploads_folder.rglob("*") if path.is_file()]
    assert "spam: is not" in refused(alice.send("/vo/weigh/async", {"spam": b"x", "files": b"y"}))
    told = refused(alice.post("/vo/weigh/async", files="param:spam"))
    assert told.startswith("files: must name a part of the request, there is none called 'spam'")


def test_C10_a_value_may_name_a_part_of_the_form(alice: Vo) -> None:
    files = {"one": b"stars", "Two": b"dust"}
    path = made(alice.send("/vo/copy/async", files, FILES=["param:one", "param:two"]))
    document = alice.document(path)
    texts = [text for _, text in parameters(document)]
    assert texts == [f"{HOST}{path}/parameters/files/{number}" for number in (1, 2)]
    for each in document.iter():
        if each.get("id") == "files":
            assert each.get("byReference") == "true"
    assert [content(alice.get(text)) for text in texts] == [b"stars", b"dust"]
    for wrong in ("files", "files/0", "files/3", "spam", "spam/1"):
        assert alice("GET", f"{path}/parameters/{wrong}").status_code == 404


def test_C10_uploads_may_be_named_as_clients_of_tables_do(alice: Vo) -> None:
    upload = "files,param:one;scales,param:two"
    path = made(alice.send("/vo/weigh/async", {"one": b"1", "two": b"2"}, UPLOAD=upload))
    assert [name for name, _ in parameters(alice.document(path))][:1] == ["files"]
    scales = alice.get(f"{path}/parameters/scales")
    assert content(scales) == b"2"
    told = alice.post("/vo/weigh/async", UPLOAD="files").content.decode()
    assert told.startswith("UPLOAD: must be NAME,param:PART, got 'files'")


def test_a_file_that_is_sent_is_kept_as_long_as_it_is_there(alice: Vo) -> None:
    path = made(alice.send("/vo/copy/async", {"files": b"stars"}))
    answer = alice("GET", f"{path}/parameters/files/1", Range="bytes=1-2")
    assert (answer.status_code, content(answer)) == (206, b"ta")
    Upload.objects.all().delete()
    assert alice("GET", f"{path}/parameters/files/1").status_code == 404
    assert parameters(alice.document(path)) != []


def test_files_may_be_named_by_what_the_service_keeps(
    alice: Vo, user: User, stranger: User
) -> None:
    mine, others = make_upload(user), make_upload(stranger)
    path = alice.make("copy", files=f"upload:{mine.pk}")
    assert job_of(path).parameters == {"files": [f"upload:{mine.pk}"]}
    answer = alice.post("/vo/copy/async", files=f"upload:{others.pk}")
    assert answer.status_code == 400
    assert "must be an upload of yours" in answer.content.decode()


def test_the_same_request_with_the_same_key_makes_one_job(alice: Vo) -> None:
    form = {"words": "hi"}
    first = made(alice("POST", "/vo/echo/async", form, Idempotency_Key="k"))
    assert made(alice("POST", "/vo/echo/async", form, Idempotency_Key="k")) == first
    other = alice("POST", "/vo/echo/async", {"words": "ho"}, Idempotency_Key="k")
    assert other.status_code == 403
    assert Job.objects.count() == 1


def test_a_list_of_thousands_is_taken(alice: Vo, user: User) -> None:
    upload = make_upload(user)
    path = alice.make("copy", files=[f"upload:{upload.pk}"] * 5000)
    assert len(job_of(path).parameters["files"]) == 5000


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"--x\r\nContent-Disp", "multipart/form-data; boundary=x", 400),
        (b"spam", "multipart/form-data", 400),
        (b"a=b", "application/x-www-form-urlencoded; charset=latin1", 400),
        (b"a=" + b"x" * (16 * 2**20), "application/x-www-form-urlencoded", 413),
        (b"{}", "application/json", 400),
        (b"", "application/json", 303),
    ],
)
def test_a_body_that_is_no_form_is_refused(alice: Vo, body: bytes, kind: str, status: int) -> None:
    answer = alice.client.generic("POST", "/vo/echo/async", body, kind, headers=alice.headers)
    assert answer.status_code == status
    assert Job.objects.count() == (1 if status == 303 else 0)


def test_what_is_too_large_is_refused_before_it_is_read(alice: Vo, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, upload_bytes=100)
    told = refused(alice.send("/vo/copy/async", {"files": b"x" * 200}), 413)
    assert "must be at most 100 bytes" in told


def test_a_service_without_space_takes_nothing(alice: Vo, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, disk_reserve=2**62)
    for answer in (
        alice.post("/vo/echo/async"),
        alice.send("/vo/copy/async", {"files": b"x"}),
    ):
        assert "too little space" in refused(answer, 503)
        assert int(answer["Retry-After"]) > 0


def test_one_who_has_as_much_as_one_may_have_is_told_so(alice: Vo, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, user_jobs=1)
    alice.make()
    answer = alice.post("/vo/echo/async")
    assert answer.status_code == 403
    assert answer.content.decode().startswith("jobs: must be at most 1")


def test_there_are_only_jobs_of_applications_that_are_offered(alice: Vo) -> None:
    for method in ("GET", "POST"):
        assert alice(method, "/vo/spam/async").status_code == 404
        assert alice(method, "/vo/spam/sync").status_code == 404
    answer = alice.post("/vo/jobs", words="hi")
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"


def test_a_session_makes_jobs_only_with_its_own_mark(alice: Vo, user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get("/vo/jobs").status_code == 200
    assert client.post("/vo/echo/async", {"words": "hi"}).status_code == 403
    assert client.get("/vo/echo/sync").status_code == 403
    assert not Job.objects.exists()
    client.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    form = {"words": "hi", "csrfmiddlewaretoken": "a" * 32}
    assert client.post("/vo/echo/async", form).status_code == 303
    assert Job.objects.get().parameters == {"words": "hi"}
