"""What administrators do to jobs, users and applications by the administration's pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from api_client import Api
from hven.jobs import applications, limits
from hven.jobs.configuration import Configuration
from hven.jobs.models import Job, User
from hven.jobs.phases import Phase
from job_rows import make_job
from portal_clients import page_client


def act(ada: Client, table: str, action: str, *rows: Any) -> str:
    """Do an action to rows of a table; gives the page that follows."""
    words = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    answer = ada.post(f"/admin/{table}/", words, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_jobs_are_cancelled_queued_again_and_expired(ada: Client, user: User) -> None:
    queued, running = make_job(user), make_job(user, Phase.EXECUTING)
    ended = make_job(user, Phase.COMPLETED)
    assert "1 jobs cancelled" in act(ada, "jobs/job", "cancel", queued)
    assert "1 jobs queued again" in act(ada, "jobs/job", "requeue", running)
    told = act(ada, "jobs/job", "requeue", ended)
    assert "must be EXECUTING or HELD, is COMPLETED" in told
    before = ended.destruction
    act(ada, "jobs/job", "expire", ended)
    for job in (queued, running, ended):
        job.refresh_from_db()
    assert (queued.phase, running.stop) == (Phase.ABORTED, "requeue")
    assert ended.destruction < before


def test_limits_of_a_user_go_before_those_of_the_service(ada: Client, user: User) -> None:
    page = ada.get(f"/admin/jobs/user/{user.pk}/change/")
    words = {
        name: value
        for name, value in page.context["adminform"].form.initial.items()
        if value is not None
        and name not in ("password", "groups", "user_permissions", "last_login")
    }
    words |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", "job_limit": "1"}
    answer = ada.post(f"/admin/jobs/user/{user.pk}/change/", words)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    user.refresh_from_db()
    assert limits.job_limit(user) == 1
    make_job(user)
    wish = {"application": "echo", "parameters": {"words": "hello"}}
    refused = Api(user)("POST", "/jobs", wish)
    assert refused.status_code == 403
    assert "must be at most 1" in refused.content.decode()


def test_an_application_that_is_switched_off_takes_no_jobs(ada: Client, user: User) -> None:
    ada.post("/admin/applications/", {"application": "echo", "switch": "off", "reason": "mended"})
    assert applications.switched_off() == {"echo": "mended"}
    wish = {"application": "echo", "parameters": {"words": "hello"}}
    refused = Api(user)("POST", "/jobs", wish)
    assert "echo is switched off: mended" in refused.content.decode()
    assert not Job.objects.exists()
    assert page_client(None).get("/applications/echo/").status_code == 404
    assert b"mended" in page_client(None).get("/status/").content
    ada.post("/admin/applications/", {"application": "echo", "switch": "on"})
    assert Api(user)("POST", "/jobs", wish).status_code == 201


def test_the_whole_service_is_drained_and_taken_up_again(ada: Client) -> None:
    ada.post("/admin/applications/", {"switch": "drain", "reason": "a new disk"})
    assert limits.drained() == "a new disk"
    ada.post("/admin/applications/", {"switch": "resume"})
    assert limits.drained() is None


def test_an_invitation_is_shown_once_and_mailed(ada: Client, configuration: Configuration) -> None:
    words = {"email": "nils@example.org", "days": "7"}
    shown = ada.post("/admin/web/invitation/add/", words, follow=True).content.decode()
    link = re.search(r"<code>(http\S+/account/invitations/\S+/)</code>", shown)
    assert link is not None
    [mail] = (configuration.data / "mail").glob("*.eml")
    assert link[1].encode() in mail.read_bytes().replace(b"=\n", b"")
    assert "account/invitations/" not in ada.get("/admin/web/invitation/").content.decode()


def test_a_user_is_removed_with_jobs_and_files(ada: Client, user: User) -> None:
    job = make_job(user, Phase.COMPLETED)
    page = ada.get(f"/admin/jobs/user/{user.pk}/delete/")
    assert b"alice, with all jobs and files" in page.content
    ada.post(f"/admin/jobs/user/{user.pk}/delete/", {"post": "yes"})
    job.refresh_from_db()
    user.refresh_from_db()
    assert job.deleted is not None
    assert (user.username, user.is_active) == (f"removed-{user.pk}", False)


def test_a_link_sets_the_password_of_who_has_none(ada: Client, user: User) -> None:
    shown = act(ada, "jobs/user", "give_link", user)
    link = re.search(r"<code>http://testserver(\S+)</code>", shown)
    assert link is not None
    assert b"Choose a password" in page_client(None).get(link[1], follow=True).content


@pytest.mark.parametrize("page", ["", "usage/", "jobs/job/", "jobs/user/", "web/apitoken/"])
def test_pages_of_the_administration_stand(ada: Client, user: User, page: str) -> None:
    make_job(user, Phase.COMPLETED)
    answer = ada.get(f"/admin/{page}")
    assert answer.status_code == 200
    assert re.findall(r"<style|\sstyle=|\son\w+=\"", answer.content.decode()) == []
