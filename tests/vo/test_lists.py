"""Lists of jobs, and who sees what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.models import Job, User
from hven.jobs.phases import Phase
from hven.vo.views import lists
from hven.web.scopes import Scope
from job_rows import make_job, make_result
from vo_client import HOST, UWS, XLINK, Vo, child

pytestmark = pytest.mark.django_db


def listed(vo: Vo, query: str = "", path: str = "/vo/jobs") -> list[str]:
    """The identifiers in a list."""
    return [each.get("id", "") for each in vo.document(f"{path}?{query}" if query else path)]


@pytest.fixture
def one_a_day(user: User) -> list[Job]:
    """A job in each phase, made a day after each other, at noon; the newest first."""
    begin = datetime.fromisoformat("2026-01-01T12:00:00.123+00:00")
    return [
        make_job(user, phase, created=begin + timedelta(days=number))
        for number, phase in enumerate(Phase)
    ][::-1]


def test_L01_a_list_has_the_jobs_in_the_phases_that_are_asked_for(
    alice: Vo, one_a_day: list[Job]
) -> None:
    of = {job.phase: str(job.pk) for job in one_a_day}
    assert listed(alice, "PHASE=ERROR") == [of["ERROR"]]
    assert listed(alice, "PHASE=error&phase=PENDING") == [of["ERROR"], of["PENDING"]]
    assert listed(alice, "PHASE=QUEUED") == [of["HELD"], of["QUEUED"]]
    assert listed(alice, "PHASE=SUSPENDED&PHASE=UNKNOWN") == []


@pytest.mark.parametrize("query", ["PHASE=SPAM", "PHASE=", "PHASE=ERROR&PHASE=SPAM"])
def test_L01_a_phase_that_there_is_not_is_refused(alice: Vo, query: str) -> None:
    answer = alice("GET", f"/vo/jobs?{query}")
    assert answer.status_code == 400
    assert answer.content.decode().startswith("PHASE: must be one of PENDING, QUEUED")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2015", 7),
        ("20151026", 7),
        ("2026-01-03", 5),
        ("20260103", 5),
        ("2026-01-03T12:00:00", 5),
        ("2026-01-03 12:00:00Z", 5),
        ("2026-01-03T12:00:00.123Z", 4),
        ("2026-01-03T12:00", 5),
        ("2026-01-03T12:00:00.1229", 5),
        ("2999", 0),
    ],
)
def test_L02_a_list_has_the_jobs_that_were_made_later(
    alice: Vo, one_a_day: list[Job], text: str, number: int
) -> None:
    # One of the eight is ARCHIVED.
    assert len(listed(alice, f"AFTER={text}")) == number


@pytest.mark.parametrize(
    "text", ["", "x", "2026-01-03T12:00:00%2B01:00", "2026-13-01", "20260", "12:00", "-1", "٢٠٢٦"]
)
def test_L02_what_is_no_time_is_refused(alice: Vo, text: str) -> None:
    answer = alice("GET", f"/vo/jobs?AFTER={text}")
    assert answer.status_code == 400
    assert answer.content.decode().startswith("AFTER: must be a time in UTC such as")


def test_L03_a_job_is_not_after_its_own_time(alice: Vo, user: User) -> None:
    for _ in range(3):
        alice.make()
    for each in alice.document("/vo/jobs"):
        moment = child(each, "creationTime").text
        assert each.get("id") not in listed(alice, f"AFTER={moment}")


def test_L04_a_list_has_the_newest_jobs_newest_first(alice: Vo, one_a_day: list[Job]) -> None:
    names = [str(job.pk) for job in one_a_day if job.phase != Phase.ARCHIVED]
    assert listed(alice) == names
    assert listed(alice, "LAST=2") == names[:2]
    assert listed(alice, "last=100") == names
    same = now()
    Job.objects.update(created=same)
    assert listed(alice) == sorted(names, reverse=True)


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "", "1e3", "9" * 13])
def test_L04_what_is_no_number_is_refused(alice: Vo, text: str) -> None:
    answer = alice("GET", f"/vo/jobs?LAST={text}")
    assert answer.status_code == 400
    assert answer.content.decode().startswith("LAST: must be a whole number above 0, got")


def test_L05_the_newest_are_counted_after_all_other_filters(
    alice: Vo, one_a_day: list[Job]
) -> None:
    of = {job.phase: str(job.pk) for job in one_a_day}
    query = "PHASE=PENDING&PHASE=QUEUED&PHASE=EXECUTING&AFTER=2026-01-02&LAST=1"
    assert listed(alice, query) == [of["EXECUTING"]]


def test_L06_filters_of_several_kinds_must_all_hold(alice: Vo, one_a_day: list[Job]) -> None:
    of = {job.phase: str(job.pk) for job in one_a_day}
    assert listed(alice, "PHASE=PENDING&PHASE=ERROR&AFTER=2026-01-02") == [of["ERROR"]]


def test_L07_archived_jobs_are_listed_only_when_asked_for(alice: Vo, one_a_day: list[Job]) -> None:
    of = {job.phase: str(job.pk) for job in one_a_day}
    assert of["ARCHIVED"] not in listed(alice)
    assert listed(alice, "PHASE=ARCHIVED") == [of["ARCHIVED"]]


def test_a_list_that_is_cut_says_so_by_its_address(
    alice: Vo, one_a_day: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "_MOST", 2)
    answer = alice("GET", "/vo/jobs?AFTER=2015")
    assert answer.status_code == 303
    assert answer["Location"] == f"{HOST}/vo/jobs?after=2015&LAST=2"
    assert len(alice.document(answer["Location"])) == 2
    monkeypatch.setattr(lists, "_MOST", 7)
    assert len(listed(alice)) == 7


def test_a_list_of_an_application_has_its_jobs_alone(alice: Vo) -> None:
    first, other = alice.make("echo"), alice.make("tiles")
    assert listed(alice, path="/vo/echo/async") == [first.rpartition("/")[2]]
    assert [each.get(f"{XLINK}href") for each in alice.document("/vo/jobs")] == [
        f"{HOST}/vo/jobs/{path.rpartition('/')[2]}" for path in (other, first)
    ]


def test_a_list_costs_the_same_however_many_jobs_are_in_it(
    alice: Vo, user: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        make_job(user)
    alice.get("/vo/jobs")
    with django_assert_max_num_queries(6):
        assert len(listed(alice)) == 20


# -- who sees what --------------------------------------------------------------------------------

RESOURCES = [
    ("GET", ""),
    ("GET", "/phase"),
    ("GET", "/destruction"),
    ("GET", "/executionduration"),
    ("GET", "/quote"),
    ("GET", "/owner"),
    ("GET", "/error"),
    ("GET", "/parameters"),
    ("GET", "/parameters/words"),
    ("GET", "/results"),
    ("GET", "/results/result"),
    ("GET", "/links"),
    ("GET", "/log"),
    ("POST", ""),
    ("POST", "/phase"),
    ("POST", "/destruction"),
    ("POST", "/executionduration"),
    ("POST", "/parameters"),
    ("DELETE", ""),
]


@pytest.mark.parametrize("root", ["/vo/jobs", "/vo/echo/async"])
@pytest.mark.parametrize(("method", "path"), RESOURCES)
def test_Z01_and_Z03_another_s_job_is_forbidden_and_never_listed(
    alice: Vo,
    charlie: Vo,
    nobody: Vo,
    user: User,
    configuration: Configuration,
    method: str,
    path: str,
    root: str,
) -> None:
    job = make_job(user, Phase.PENDING, application="echo", parameters={"words": "secret"})
    make_result(job, configuration.jobs_folder)
    before = sorted(map(str, Job.objects.values_list()))
    form = {"PHASE": "RUN", "ACTION": "DELETE", "words": "x"} if method == "POST" else None
    answer = charlie(method, f"{root}/{job.pk}{path}", form)
    assert answer.status_code == 403
    assert b"secret" not in answer.content
    assert nobody(method, f"{root}/{job.pk}{path}", form).status_code == 401
    assert listed(charlie) == listed(charlie, path="/vo/echo/async") == []
    assert sorted(map(str, Job.objects.values_list())) == before


def test_Z01_links_of_another_s_job_are_not_told(alice: Vo, charlie: Vo, user: User) -> None:
    job = make_job(user, application="echo")
    told = charlie.get(f"/vo/links?ID={job.pk}").content.decode()
    assert "AuthorizationFault" in told
    assert "/log" not in told
    assert "/log" in alice.get(f"/vo/links?ID={job.pk}").content.decode()


def test_an_administrator_may_see_a_job_and_lists_only_the_own_ones(
    user: User, admin_user: User, vo: Callable[[User], Vo]
) -> None:
    job = make_job(user, application="echo")
    chief = vo(admin_user)
    assert chief.document(f"/vo/jobs/{job.pk}").tag == f"{UWS}job"
    assert listed(chief) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/vo/jobs"),
        ("GET", "/vo/echo/async"),
        ("POST", "/vo/echo/async"),
        ("POST", "/vo/echo/sync"),
        ("GET", "/vo/echo/sync"),
        ("GET", "/vo/links"),
        ("GET", "/vo/jobs/00000000-0000-0000-0000-000000000000"),
    ],
)
def test_Z02_who_does_not_say_who_it_is_is_asked_for_it(nobody: Vo, method: str, path: str) -> None:
    answer = nobody(method, path, {} if method == "POST" else None)
    assert answer.status_code == 401
    assert "Basic" in answer["WWW-Authenticate"]
    assert nobody(method, path, Authorization="Bearer spam").status_code == 401
    assert not Job.objects.exists()


def test_without_an_account_a_job_is_reached_by_its_secret_identifier_alone(
    nobody: Vo, charlie: Vo, user: User, settings: Any
) -> None:
    settings.HVEN = replace(settings.HVEN, anonymous=True)
    path = nobody.make(words="hi")
    assert child(nobody.document(path), "phase").text == "PENDING"
    assert listed(nobody) == listed(nobody, path="/vo/echo/async") == []
    assert nobody.text(f"{path}/owner") == ""
    mine = make_job(user, application="echo")
    assert nobody("GET", f"/vo/jobs/{mine.pk}").status_code == 401
    assert nobody("DELETE", path).status_code == 303


def test_a_token_does_only_what_it_is_for(alice: Vo, user: User, vo: Callable[..., Vo]) -> None:
    job = make_job(user, Phase.PENDING, application="echo")
    before = sorted(map(str, Job.objects.values_list()))
    reads = vo(user, scopes=frozenset({Scope.READ}))
    assert listed(reads) == [str(job.pk)]
    assert reads.post("/vo/links", ID=str(job.pk)).status_code == 200
    for method, path in (
        ("POST", "/vo/echo/async"),
        ("POST", "/vo/echo/sync"),
        ("GET", "/vo/echo/sync"),
        ("POST", f"/vo/echo/async/{job.pk}/phase"),
        ("DELETE", f"/vo/echo/async/{job.pk}"),
    ):
        answer = reads(method, path, {"PHASE": "RUN"} if method == "POST" else None)
        assert answer.status_code == 403
        assert answer.content.decode().startswith("scope: the token must be for")
    elsewhere = vo(user, only=["tiles"])
    assert listed(elsewhere) == []
    assert elsewhere("GET", f"/vo/jobs/{job.pk}").status_code == 403
    assert elsewhere.post("/vo/echo/async").status_code in (400, 403)
    assert sorted(map(str, Job.objects.values_list())) == before
    submits = vo(user, scopes=frozenset({Scope.SUBMIT}))
    assert submits.post("/vo/echo/async").status_code == 303
    assert submits("GET", "/vo/jobs").status_code == 403


def test_who_asks_too_often_is_told_when_to_come_again(alice: Vo, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, rate_submissions=1)
    answers = [alice.post("/vo/echo/async") for _ in range(3)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert int(refused[0]["Retry-After"]) > 0
    assert Job.objects.count() == 3 - len(refused)


@pytest.mark.parametrize("name", ["00000000-0000-0000-0000-000000000000", "spam", "1", "%00"])
@pytest.mark.parametrize("path", ["", "/phase", "/results/result", "/parameters", "/links"])
def test_F02_what_there_is_not_is_missing(alice: Vo, name: str, path: str) -> None:
    answer = alice.client.get(f"/vo/echo/async/{name}{path}", headers=alice.headers)
    assert answer.status_code == 404
