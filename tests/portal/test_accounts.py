"""Registration, log-in, second factor, tokens, preferences, leaving."""

from __future__ import annotations

import email.policy
import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import (
    TOTP,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client

from hven.jobs.configuration import Configuration
from hven.jobs.models import Job, Schedule, Upload, User
from hven.jobs.phases import Phase
from hven.portal.accounts.links import login_link
from hven.portal.models import Preset, Tag
from hven.web import invitations, tokens
from hven.web.models import ApiToken, Preferences
from job_rows import make_job, make_schedule
from portal_clients import page_client

_NEW = {"username": "nils", "email": "nils@lab.example.org", "password1": "starcastle of 1584"}
_NEW["password2"] = _NEW["password1"]


def mails(folder: Path) -> list[Any]:
    """What was written into the folder `mail`, oldest first."""
    found = sorted((folder / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    return [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in found
    ]


def link_in(mail: Any) -> str:
    """The address that a mail tells to open, without its host."""
    found = re.search(r"https?://[^/\s]+(/\S+)", mail.get_content())
    assert found is not None
    return found[1]


@pytest.fixture
def policy(configuration: Configuration, settings: Any) -> Any:
    """Sets settings of the service."""

    def change(**values: Any) -> None:
        settings.HVEN = replace(settings.HVEN, **values)

    return change


@pytest.mark.django_db
def test_who_registers_is_let_in_by_the_link_of_a_mail(
    nobody: Client, configuration: Configuration
) -> None:
    sent = nobody.post("/account/signup/", _NEW, follow=True)
    assert b"Look into your mail" in sent.content
    assert "in the folder “mail”" in sent.content.decode()
    [mail] = mails(configuration.data)
    assert mail["To"] == _NEW["email"]
    assert mail["From"] == configuration.mail_from
    refused = page_client(None)
    answer = refused.post("/account/login/", {"login": "nils", "password": _NEW["password1"]})
    assert answer["Location"] == "/account/confirm-email/"
    nobody.post(link_in(mail))
    entered = nobody.post(
        "/account/login/", {"login": "nils", "password": _NEW["password1"]}, follow=True
    )
    assert entered.wsgi_request.user.username == "nils"


@pytest.mark.parametrize("url", ["https://hven.example.org", None])
def test_links_in_mails_go_where_the_settings_say_whatever_a_client_says(
    nobody: Client, configuration: Configuration, user: User, policy: Any, url: str | None
) -> None:
    policy(url=url)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    lies = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    nobody.post("/account/password/reset/", {"email": user.email}, headers=lies)
    [mail] = mails(configuration.data)
    start = url or "http://here:8642"
    assert f"{start}/account/password/reset/key/" in mail.get_content()
    assert "evil" not in mail.get_content()


@pytest.mark.django_db
def test_only_addresses_of_the_domains_may_register(nobody: Client, policy: Any) -> None:
    policy(registration="domain", registration_domains=["example.org"])
    refused = nobody.post("/account/signup/", _NEW | {"email": "nils@notexample.org"})
    assert b"It must be an address of example.org." in refused.content
    assert not User.objects.exists()
    nobody.post("/account/signup/", _NEW)
    assert User.objects.filter(username="nils").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("registration", ["closed", "invitation"])
def test_nobody_registers_without_an_invitation(
    nobody: Client, policy: Any, registration: str
) -> None:
    policy(registration=registration)
    assert b"An invitation is needed" in nobody.get("/account/signup/").content
    nobody.post("/account/signup/", _NEW)
    assert not User.objects.exists()


@pytest.mark.django_db
def test_who_is_invited_registers_once_and_need_not_prove_the_address(
    nobody: Client, policy: Any
) -> None:
    policy(registration="invitation")
    link = invitations.link(invitations.make(_NEW["email"]).secret, "")
    assert _NEW["email"].encode() in nobody.get(link, follow=True).content
    entered = nobody.post("/account/signup/", _NEW, follow=True)
    assert entered.wsgi_request.user.username == "nils"
    second = page_client(None)
    answer = second.get(link, follow=True)
    assert b"This invitation has been used" in answer.content
    second.post("/account/signup/", _NEW | {"username": "two", "email": "two@example.org"})
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_an_invitation_is_of_use_once_for_two_who_hold_it(policy: Any) -> None:
    policy(registration="invitation")
    link = invitations.link(invitations.make().secret, "")
    first, second = page_client(None), page_client(None)
    first.get(link)
    second.get(link)
    first.post("/account/signup/", _NEW)
    second.post("/account/signup/", _NEW | {"username": "two", "email": "two@example.org"})
    assert list(User.objects.values_list("username", flat=True)) == ["nils"]


def test_an_account_that_an_administrator_made_needs_no_proof(nobody: Client, user: User) -> None:
    entered = nobody.post("/account/login/", {"login": "alice", "password": "wonderland"})
    assert entered["Location"] == "/jobs/"
    assert EmailAddress.objects.get(user=user).verified


@pytest.mark.django_db
def test_a_link_sets_the_password_of_an_administrator_once(nobody: Client) -> None:
    admin = User.objects.create_superuser("admin")
    link = login_link(admin, "")
    page = nobody.get(link, follow=True)
    assert b"Choose a password" in page.content
    words = {"password1": "uraniborg on hven", "password2": "uraniborg on hven"}
    entered = nobody.post(page.request["PATH_INFO"], words, follow=True)
    assert entered.wsgi_request.user == admin
    again = page_client(None).get(link, follow=True)
    assert b"This link is of no use any more" in again.content


def test_a_password_has_to_wait_after_too_many_wrong_ones_also_by_the_api(
    nobody: Client, user: User, policy: Any
) -> None:
    policy(rate_logins=3)
    for login in ("alice", "alice@example.org", "alice"):
        EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"verified": True})
        nobody.post("/account/login/", {"login": login, "password": "wrong"})
    held = nobody.post("/account/login/", {"login": "alice", "password": "wonderland"})
    assert b"Too many failed login attempts" in held.content
    shown = {"authorization": "Basic YWxpY2U6d29uZGVybGFuZA=="}
    assert nobody.get("/api/v1/usage", headers=shown).status_code == 429


def test_a_second_factor_is_asked_for(nobody: Client, user: User) -> None:
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    answer = nobody.post("/account/login/", {"login": "alice", "password": "wonderland"})
    assert answer["Location"] == "/account/2fa/authenticate/"
    assert nobody.get("/jobs/").status_code == 302
    assert nobody.post(answer["Location"], {"code": "000000"}).status_code == 200
    code = f"{hotp_value(secret, next(iter(yield_hotp_counters_from_time()))):06d}"
    entered = nobody.post(answer["Location"], {"code": code})
    assert entered["Location"] == "/jobs/"


def test_a_token_is_shown_once_and_does_what_it_is_for(alice: Client, user: User) -> None:
    words = {"name": "laptop", "scopes": ["read"], "days": "30"}
    shown = alice.post("/account/tokens/", words).content.decode()
    secret = re.search(r"hven_[\w-]{43}", shown)
    assert secret is not None
    assert secret[0] not in alice.get("/account/tokens/").content.decode()
    token = ApiToken.objects.get(owner=user)
    assert token.scopes == "read"
    assert token.expires is not None
    shown_by = {"authorization": f"Bearer {secret[0]}"}
    assert page_client(None).get("/api/v1/jobs", headers=shown_by).status_code == 200
    alice.post(f"/account/tokens/{token.pk}/revoke/")
    assert page_client(None).get("/api/v1/jobs", headers=shown_by).status_code == 401


def test_nobody_revokes_the_token_of_somebody_else(charlie: Client, user: User) -> None:
    token = tokens.make(user, "laptop").token
    assert charlie.post(f"/account/tokens/{token.pk}/revoke/").status_code == 404
    assert ApiToken.objects.filter(pk=token.pk).exists()


def test_only_administrators_are_offered_their_scope(alice: Client, ada: Client) -> None:
    assert b'value="admin"' not in alice.get("/account/tokens/").content
    assert b'value="admin"' in ada.get("/account/tokens/").content
    refused = alice.post("/account/tokens/", {"name": "x", "scopes": ["admin"], "days": ""})
    assert b"hven_" not in refused.content
    assert not ApiToken.objects.exists()


def test_preferences_are_kept_and_followed(alice: Client, user: User) -> None:
    words = {"mail_on": "failure", "time_zone": "America/Sao_Paulo", "language": "pt-br",
             "page_size": "10", "theme": "dark"}  # fmt: skip
    answer = alice.post("/account/preferences/", words, follow=True)
    assert b'lang="pt-br" data-preferred="dark"' in answer.content
    for number in range(11):
        make_job(user, Phase.COMPLETED, label=f"job {number}")
    listed = alice.get("/jobs/").content.decode()
    assert listed.count("phase-completed") == 10
    kept = Preferences.objects.get(user=user)
    assert kept.time_zone == "America/Sao_Paulo"


def test_a_time_zone_that_there_is_not_is_refused(alice: Client) -> None:
    words = {"time_zone": "Hven/Uraniborg", "page_size": "10"}
    assert alice.post("/account/preferences/", words).status_code == 200
    assert not Preferences.objects.exists()


def test_an_export_has_all_of_ones_own_and_no_secret(
    alice: Client, user: User, stranger: User
) -> None:
    job = make_job(user, Phase.COMPLETED, label="mine")
    make_job(stranger, label="not mine")
    make_schedule(user)
    Tag.objects.create(job=job, name="for the paper")
    kept = {"words": "my usual words"}
    Preset.objects.create(owner=user, application="echo", name="usual", parameters=kept)
    Preset.objects.create(owner=stranger, application="echo", name="not mine, too")
    Preferences.objects.create(user=user, mail_on="failure")
    made = tokens.make(user, "laptop")
    answer = alice.post("/account/data/export/")
    assert answer["Content-Disposition"] == 'attachment; filename="hven-alice.zip"'
    whole = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    text = "".join(whole.read(name).decode() for name in whole.namelist())
    assert [entry["id"] for entry in json.loads(whole.read("jobs.json"))] == [str(job.pk)]
    assert json.loads(whole.read("apitokens.json"))[0]["name"] == "laptop"
    assert len(json.loads(whole.read("schedules.json"))) == 1
    presets = json.loads(whole.read("presets.json"))
    assert [(entry["name"], entry["parameters"]) for entry in presets] == [("usual", kept)]
    tags = json.loads(whole.read("tags.json"))
    assert [(entry["job"], entry["name"]) for entry in tags] == [(str(job.pk), "for the paper")]
    assert json.loads(whole.read("preferences.json"))[0]["mail_on"] == "failure"
    assert "not mine" not in text
    assert made.token.digest not in text
    assert user.password not in text


def test_who_leaves_is_forgotten_with_all_that_was_theirs(alice: Client, user: User) -> None:
    running = make_job(user, Phase.EXECUTING, label="secret project")
    queued = make_job(user, Phase.QUEUED)
    make_schedule(user)
    tokens.make(user, "laptop")
    upload = Upload.objects.create(owner=user, name="m13.fits", expires=running.destruction)
    refused = alice.post("/account/data/delete/", {"name": "alice", "password": "guess"})
    assert refused.status_code == 400
    assert b"It is not your password." in refused.content
    answer = alice.post("/account/data/delete/", {"name": "alice", "password": "wonderland"})
    assert answer["Location"] == "/"
    running.refresh_from_db()
    queued.refresh_from_db()
    assert (running.stop, running.label, queued.phase) == ("delete", "", "ABORTED")
    assert not Job.objects.filter(owner=user, deleted=None).exists()
    assert not Upload.objects.filter(pk=upload.pk).exists()
    assert not Schedule.objects.exists()
    assert not ApiToken.objects.exists()
    user.refresh_from_db()
    assert (user.username, user.email, user.is_active) == (f"removed-{user.pk}", "", False)
    assert alice.get("/jobs/").status_code == 302


def test_the_last_administrator_cannot_leave(ada: Client, administrator: User) -> None:
    answer = ada.post("/account/data/delete/", {"name": "ada", "password": "engine"})
    assert b"You are the only administrator" in answer.content
    administrator.refresh_from_db()
    assert administrator.is_active
