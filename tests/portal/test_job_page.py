"""The page of a job: what it shows in each phase, what its owner can do, what others cannot."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.models import Event, Job, Result, User
from hven.jobs.phases import Phase
from hven.portal.models import Share, Tag
from job_rows import make_job, make_result


def text_of(client: Client, path: str) -> str:
    found = client.get(path)
    assert found.status_code == 200, found.status_code
    return str(found.content.decode())


@pytest.mark.parametrize("phase", list(Phase))
def test_a_job_has_a_page_in_every_phase(alice: Client, user: User, phase: Phase) -> None:
    job = make_job(user, phase, label="my label", parameters={"values": [1, 2]})
    text = text_of(alice, f"/jobs/{job.pk}/")
    assert "my label" in text
    assert f"phase-{phase.lower()}" in text


@pytest.mark.parametrize(
    ("code", "words", "offer"),
    [
        ("input.file", "Something in the request or its files is wrong", "Change and run again"),
        ("resource.disk_full", "had no space left", "Run it again"),
        ("resource.memory", "more memory", "Change and run again"),
        ("app.code", "The application failed. This is not a fault of your input.", "Run it again"),
        ("infrastructure", "The service had trouble", "Run it again"),
    ],
)
def test_a_failed_job_says_whose_fault_it_is_and_what_to_do(
    alice: Client, user: User, code: str, words: str, offer: str
) -> None:
    job = make_job(
        user, Phase.ERROR, error_kind="fatal", error_code=code, error_message="what <happened>"
    )
    text = text_of(alice, f"/jobs/{job.pk}/")
    assert words in text
    assert offer in text
    assert "what &lt;happened&gt;" in text


def test_each_fault_of_the_input_is_named(alice: Client, user: User) -> None:
    faults = [["a.fits", "must have a WCS"], ["b.fits", "must hold pixels"]]
    job = make_job(user, Phase.ERROR, error_kind="fatal", error_code="input", error_faults=faults)
    text = text_of(alice, f"/jobs/{job.pk}/")
    for name, told in faults:
        assert f"<code>{name}</code>: {told}" in text


def test_messages_and_stages_are_shown_as_they_come(alice: Client, user: User) -> None:
    stages = [{"step": "project", "text": "Project images", "done": 3, "total": 12, "reused": 1}]
    job = make_job(
        user, Phase.EXECUTING, started=now(), stages=stages, steps_total=12, steps_done=3, events=1
    )
    Event.objects.create(job=job, sequence=1, kind="say", text="sky level 131 DN")
    text = text_of(alice, f"/jobs/{job.pk}/live/")
    assert "sky level 131 DN" in text
    assert "Project images" in text
    assert "3/12" in text
    assert alice.get(f"/jobs/{job.pk}/live/", {"events": "1"}).status_code == 204


def test_a_running_job_has_an_expected_end_by_its_pace(user: User) -> None:
    from hven.jobs.history import expected_end

    job = make_job(
        user, Phase.EXECUTING, started=now() - timedelta(minutes=1), steps_total=100, steps_done=25
    )
    expected = expected_end(job)
    assert expected is not None
    assert abs((expected - now()) - timedelta(minutes=3)) < timedelta(seconds=5)


def test_before_there_is_a_pace_earlier_jobs_tell(user: User) -> None:
    from hven.jobs.history import expected_end

    job = make_job(user, Phase.EXECUTING, started=now())
    assert expected_end(job) is None
    for minutes in (1, 5, 30):
        begun = now() - timedelta(minutes=minutes)
        make_job(user, Phase.COMPLETED, attempt=1, started=begun)
    expected = expected_end(job)
    assert expected is not None
    assert abs((expected - now()) - timedelta(minutes=5)) < timedelta(seconds=5)


def do(client: Client, job: Job, action: str, **given: str) -> str:
    answer = client.post(f"/jobs/{job.pk}/do/{action}/", given, follow=True)
    assert answer.status_code == 200
    job.refresh_from_db()
    return str(answer.content.decode())


def test_an_owner_steers_a_job(alice: Client, user: User) -> None:
    job = make_job(user, Phase.PENDING)
    do(alice, job, "run")
    assert job.phase == "QUEUED"
    do(alice, job, "hold")
    assert job.phase == "HELD"
    do(alice, job, "release")
    assert job.phase == "QUEUED"
    do(alice, job, "cancel")
    assert job.phase == "ABORTED"
    assert "must be one in which a job can be held" in do(alice, job, "hold")
    do(alice, job, "remove")
    assert job.deleted is not None
    assert alice.get(f"/jobs/{job.pk}/").status_code == 404


def test_an_owner_names_a_job_and_keeps_it_longer(alice: Client, user: User) -> None:
    job = make_job(user, Phase.COMPLETED)
    do(alice, job, "name", label="for the paper", tags="m17,  j band , m17")
    assert job.label == "for the paper"
    assert sorted(Tag.objects.values_list("name", flat=True)) == ["j band", "m17"]
    text = do(alice, job, "name", label="x" * 65, tags="")
    assert "label: must have at most 64 characters, got 65" in text
    assert job.label == "for the paper"
    day = (now() + timedelta(days=100)).date()
    do(alice, job, "renew", until=day.isoformat())
    assert job.destruction.date() == day
    assert "until: must be a day as 2027-01-31" in do(alice, job, "renew", until="soon")


def test_a_job_is_run_again(alice: Client, user: User) -> None:
    job = make_job(user, Phase.ERROR, application="echo", parameters={"words": "hello"})
    do(alice, job, "again")
    again = Job.objects.get(rerun_of=job)
    assert again.parameters["words"] == "hello"
    assert again.owner == user


@pytest.mark.parametrize("action", ["run", "cancel", "remove", "share", "name", "again", "mail"])
def test_nobody_else_can_steer_a_job(bob: Client, nobody: Client, user: User, action: str) -> None:
    job = make_job(user)
    assert bob.post(f"/jobs/{job.pk}/do/{action}/").status_code == 404
    assert nobody.post(f"/jobs/{job.pk}/do/{action}/").status_code == 302
    job.refresh_from_db()
    assert (job.phase, job.deleted, Share.objects.count()) == ("QUEUED", None, 0)


def test_what_cannot_be_done_is_not_there(alice: Client, user: User) -> None:
    job = make_job(user)
    assert alice.post(f"/jobs/{job.pk}/do/fly/").status_code == 404
    assert alice.get(f"/jobs/{job.pk}/do/cancel/").status_code == 405


def test_files_are_sent_and_never_shown_as_pages(
    alice: Client, user: User, configuration: Configuration
) -> None:
    job = make_job(user, Phase.COMPLETED)
    result = make_result(job, configuration.jobs_folder, "page", b"<script>alert(1)</script>")
    Result.objects.filter(pk=result.pk).update(media_type="text/html")
    answer = alice.get(f"/jobs/{job.pk}/results/page/file/")
    assert b"".join(answer.streaming_content) == b"<script>alert(1)</script>"
    assert answer["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer["Content-Security-Policy"]
    text = text_of(alice, f"/jobs/{job.pk}/results/page/")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_log_and_archive_are_there_for_a_failed_job_too(
    alice: Client, user: User, configuration: Configuration
) -> None:
    job = make_job(user, Phase.ERROR, error_kind="fatal", error_code="input", error_message="bad")
    make_result(job, configuration.jobs_folder)
    log = b"".join(alice.get(f"/jobs/{job.pk}/log/").streaming_content).decode()
    assert "# error fatal input" in log
    archive = b"".join(alice.get(f"/jobs/{job.pk}/archive/").streaming_content)
    assert archive.startswith(b"PK")


def test_a_link_shows_a_job_and_changes_nothing(
    alice: Client, nobody: Client, user: User, configuration: Configuration
) -> None:
    job = make_job(user, Phase.COMPLETED, label="shared", parameters={"values": ["upload:secret"]})
    make_result(job, configuration.jobs_folder)
    day = (now() + timedelta(days=3)).date().isoformat()
    text = do(alice, job, "share", until=day, note="for Bob")
    address = text.split('value="http://testserver/shared/')[1].split('"')[0]
    seen = text_of(nobody, f"/shared/{address}")
    assert "shared" in seen
    assert "/do/" not in seen
    assert b"".join(nobody.get(f"/shared/{address}results/sum/file/").streaming_content) == b"42"
    assert nobody.get(f"/shared/{address}live/").status_code == 200
    link = Share.objects.get()
    do(alice, job, "unshare", link=str(link.pk))
    assert nobody.get(f"/shared/{address}").status_code == 404


def test_links_end_and_cannot_be_guessed(nobody: Client, user: User) -> None:
    from hven.portal.sharing import token_of

    job = make_job(user)
    link = Share.objects.create(job=job, owner=user, expires=now() + timedelta(minutes=5))
    token = token_of(link)
    assert nobody.get(f"/shared/{token}/").status_code == 200
    assert nobody.get(f"/shared/{link.pk.hex}/").status_code == 404
    assert nobody.get(f"/shared/{link.pk.hex}{'0' * 32}/").status_code == 404
    assert nobody.get("/shared/nonsense/").status_code == 404
    Share.objects.update(expires=now() - timedelta(seconds=1))
    assert nobody.get(f"/shared/{token}/").status_code == 404


def test_a_link_is_made_for_a_year_at_most(alice: Client, user: User) -> None:
    job = make_job(user)
    far = (now() + timedelta(days=900)).date().isoformat()
    assert "at most 365 days from now" in do(alice, job, "share", until=far)
    assert Share.objects.count() == 0


PAGES = ["", "live/", "log/", "archive/", "results/sum/", "results/sum/file/",
         "results/sum/picture/", "results/sum/table/", "results/sum/image/",
         "results/sum/image/at/", "results/sum/image/0/0/0/",
         "results/sum/image/sources/sum/"]  # fmt: skip


@pytest.mark.parametrize("end", PAGES)
def test_a_stranger_finds_nothing(
    bob: Client, nobody: Client, user: User, configuration: Configuration, end: str
) -> None:
    job = make_job(user, Phase.COMPLETED)
    make_result(job, configuration.jobs_folder)
    assert bob.get(f"/jobs/{job.pk}/{end}").status_code == 404
    assert nobody.get(f"/jobs/{job.pk}/{end}").status_code == 302
