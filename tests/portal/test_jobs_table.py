"""The table of jobs: chosen, sorted, in pages, many at once; nobody's but one's own."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.models import Job, User
from hven.jobs.phases import Phase
from hven.portal.models import Tag
from job_rows import make_job, make_result


def page(client: Client, **query: str) -> str:
    found = client.get("/jobs/", query)
    assert found.status_code == 200
    return str(found.content.decode())


def shown(client: Client, **query: str) -> list[str]:
    """The labels in the order in which the page has them."""
    text = page(client, **query)
    labels = [job.label for job in Job.objects.exclude(label="") if f"<td>{job.label}" in text]
    return sorted(labels, key=lambda label: text.index(f"<td>{label}"))


def test_who_has_no_jobs_is_told_what_to_do_first(alice: Client) -> None:
    text = page(alice)
    assert "You have no jobs yet" in text
    assert 'href="/applications/"' in text


def test_the_table_shows_ones_own_jobs_only_the_newest_first(
    alice: Client, user: User, stranger: User
) -> None:
    make_job(user, label="first", created=now() - timedelta(hours=2))
    make_job(
        user, Phase.ERROR, label="second", error_kind="fatal", error_message="a <b>bad</b> one"
    )
    make_job(stranger, label="of another")
    assert shown(alice) == ["second", "first"]
    assert escape("a <b>") in page(alice)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "failed"}, ["two"]),
        ({"state": "active"}, ["one"]),
        ({"application": "echo"}, ["three"]),
        ({"search": "THRE"}, ["three"]),
        ({"tag": "good ones"}, ["one"]),
        ({"since": "2999-01-01"}, []),
        ({"until": "2999-01-01", "order": "label"}, ["one", "three", "two"]),
        ({"order": "-label"}, ["two", "three", "one"]),
        ({"order": "nonsense", "state": "nonsense", "since": "x"}, ["three", "two", "one"]),
    ],
)
def test_jobs_are_chosen_and_sorted(
    alice: Client, user: User, query: dict[str, str], expected: list[str]
) -> None:
    one = make_job(user, label="one", created=now() - timedelta(minutes=3))
    make_job(user, Phase.ERROR, label="two", created=now() - timedelta(minutes=2))
    make_job(user, Phase.COMPLETED, label="three", application="echo")
    Tag.objects.create(job=one, name="good ones")
    assert shown(alice, **query) == expected


def test_a_job_is_found_by_its_id(alice: Client, user: User) -> None:
    wanted = make_job(user, label="this one")
    make_job(user, label="another")
    assert shown(alice, search=str(wanted.pk)) == ["this one"]


def test_a_page_costs_the_same_queries_for_ten_jobs_and_for_a_thousand(
    alice: Client, user: User, configuration: Configuration
) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert alice.get(path).status_code == 200
        return len(found)

    paths = ["/jobs/", "/jobs/?state=active&order=label", "/jobs/?page=9999", "/jobs/rows/"]
    few_jobs = [
        make_job(user, Phase.COMPLETED if number % 2 else Phase.QUEUED) for number in range(10)
    ]
    make_result(few_jobs[1], configuration.jobs_folder)
    Tag.objects.create(job=few_jobs[0], name="first")
    few = [queries(path) for path in paths]
    Job.objects.bulk_create(
        Job(
            owner=user,
            application="sums",
            application_version=1,
            phase=few_jobs[number % 2].phase,
            queued=now(),
            lane=number % 3,
            created=now() - timedelta(minutes=number),
            destruction=now() + timedelta(days=1),
        )
        for number in range(990)
    )
    jobs = Job.objects.all()
    Tag.objects.bulk_create(
        Tag(job=job, name=f"tag {n % 50}") for n, job in enumerate(jobs) if job != few_jobs[0]
    )
    assert [queries(path) for path in paths] == few
    assert max(few) <= 16


def test_rows_come_only_when_something_has_changed(alice: Client, user: User) -> None:
    job = make_job(user, label="mine")
    found = alice.get("/jobs/rows/")
    state = found.content.decode().split('data-state-of="')[1].split('"')[0]
    assert alice.get("/jobs/rows/", {"state_of": state}).status_code == 204
    Job.objects.filter(pk=job.pk).update(events=5)
    changed = alice.get("/jobs/rows/", {"state_of": state})
    assert changed.status_code == 200
    assert "<html" not in changed.content.decode()


def test_who_names_what_changed_gets_those_rows_and_the_places_of_the_others(
    alice: Client, user: User, stranger: User
) -> None:
    still, moved = make_job(user, label="still"), make_job(user, label="moved")
    other = make_job(stranger, label="of another")
    named = f"{moved.pk},{other.pk},nonsense"
    text = alice.get("/jobs/rows/", {"changed": named}).content.decode()
    order = re.findall(r'<tr data-job="([^"]+)"', text)
    assert order == [str(moved.pk), str(still.pk)]
    assert f'<tr data-job="{still.pk}" data-moves data-same></tr>' in text
    assert "<td>moved" in text
    assert "of another" not in text


@pytest.mark.parametrize("order", ["created", "-created", "state", "-label", "ended", "-ended"])
def test_every_job_is_on_one_page_however_they_are_sorted(
    alice: Client, user: User, order: str
) -> None:
    moment = now()
    jobs = {make_job(user, created=moment) for _ in range(30)}
    jobs |= {make_job(user, Phase.COMPLETED, created=moment) for _ in range(30)}
    found: list[str] = []
    for number in (1, 2, 3):
        text = page(alice, order=order, page=str(number))
        found += re.findall(r'<tr data-job="([^"]+)"', text)
    assert sorted(found) == sorted(str(job.pk) for job in jobs)


def together(client: Client, action: str, jobs: list[Job], **more: str) -> Any:
    ids = [str(job.pk) for job in jobs]
    return client.post("/jobs/", {"do": action, "job": ids, **more}, follow=True)


def test_many_jobs_are_cancelled_and_removed_at_once(
    alice: Client, user: User, stranger: User
) -> None:
    mine, ended = make_job(user), make_job(user, Phase.COMPLETED)
    other = make_job(stranger)
    text = together(alice, "cancel", [mine, ended, other]).content.decode()
    assert "1 job is cancelled." in text
    assert "1 job was in a state in which this cannot be done." in text
    phases = {job.pk: job.phase for job in Job.objects.all()}
    assert phases == {mine.pk: "ABORTED", ended.pk: "COMPLETED", other.pk: "QUEUED"}
    assert "2 jobs are removed." in together(alice, "remove", [mine, ended, other]).content.decode()
    assert list(Job.objects.filter(deleted=None)) == [other]


def test_nothing_ticked_does_nothing(alice: Client, user: User) -> None:
    make_job(user)
    assert "Tick the jobs first." in together(alice, "remove", []).content.decode()
    assert Job.objects.filter(deleted=None).count() == 1


def test_many_jobs_are_downloaded_as_one_archive(
    alice: Client, user: User, stranger: User, configuration: Configuration
) -> None:
    jobs = [make_job(user, Phase.COMPLETED), make_job(user, Phase.COMPLETED)]
    other = make_job(stranger, Phase.COMPLETED)
    for job in [*jobs, other]:
        make_result(job, configuration.jobs_folder, content=str(job.pk).encode())
    answer = alice.post("/jobs/", {"do": "archive", "job": [str(job.pk) for job in [*jobs, other]]})
    whole = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    contents = {whole.read(name) for name in whole.namelist() if Path(name).name == "sum"}
    assert contents == {str(job.pk).encode() for job in jobs}


def test_many_jobs_get_a_tag(alice: Client, user: User, stranger: User) -> None:
    mine, other = make_job(user), make_job(stranger)
    together(alice, "tag", [mine, other], tag="  for   the paper ")
    assert list(Tag.objects.values_list("job", "name")) == [(mine.pk, "for the paper")]


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/jobs/?state=failed", "/jobs/?state=failed"),
        ("//elsewhere.example/", "/jobs/"),
        ("/admin/", "/jobs/"),
    ],
)
def test_the_way_back_leads_to_the_table_only(alice: Client, wanted: str, led_to: str) -> None:
    answer = alice.post("/jobs/", {"do": "remove", "next": wanted})
    assert answer["Location"] == led_to


def test_nobody_sees_a_table_without_logging_in(nobody: Client) -> None:
    for path in ("/jobs/", "/jobs/rows/"):
        assert nobody.get(path)["Location"].startswith("/account/login/")
    assert nobody.post("/jobs/", {"do": "remove"}).status_code == 302
