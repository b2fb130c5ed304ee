"""Every address for everybody: who may have what, which headers, which tokens."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

import portal_addresses
from hven.jobs.configuration import Configuration
from hven.jobs.models import Dataset, User
from hven.jobs.phases import Phase
from hven.portal.assets import asset
from hven.portal.settings import of
from hven.web import tokens
from hven.web.invitations import make as invite
from job_rows import make_job, make_schedule
from portal_addresses import ADDRESSES, ROLES, address, administration, each_answer, names

#: Bytes of style sheets, scripts and pictures that a page may take.
_HEAVIEST = 150_000
#: What a browser holds its pages to, all but `default-src 'none'` of the API.
_POLICY = ("default-src 'self'", "script-src 'self'", "style-src 'self'", "object-src 'none'",
           "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'")  # fmt: skip

_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def test_every_address_has_a_row() -> None:
    assert sorted(set(names()) ^ set(ADDRESSES)) == []


def test_everybody_gets_what_they_may_have_in_pages_that_are_protected(
    things: dict[str, Any], clients: dict[str, Client]
) -> None:
    wanted = {name: dict(zip(ROLES, row.answers, strict=True)) for name, row in ADDRESSES.items()}
    wrong = []
    for name, role, answer in each_answer(things, clients, Client.get):
        if answer.status_code != wanted[name][role]:
            wrong.append(f"{name} for {role}: {answer.status_code}, not {wanted[name][role]}")
        wrong += [f"{name} for {role}: {fault}" for fault in _unprotected(answer, role)]
    assert not wrong, "\n".join(wrong)


def _unprotected(answer: Any, role: str) -> list[str]:
    """What of the headers, or of the page itself, would let a browser be led astray."""
    policy = answer.headers.get("Content-Security-Policy", "")
    if policy.startswith("sandbox"):  # A file of a user's: a browser may do nothing but keep it.
        shown = answer.headers["Content-Disposition"].startswith("attachment")
        return [] if shown and "default-src 'none'" in policy else ["a file that is shown"]
    faults = [part for part in _POLICY if part not in policy]
    faults += [f"policy: {word}" for word in ("unsafe-inline", "unsafe-eval") if word in policy]
    headers = dict(_HEADERS)
    if role != "nobody":
        headers["Cache-Control"] = "no-store"
    faults += [name for name, text in headers.items() if text not in answer.headers.get(name, "")]
    if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
        text = answer.content.decode()
        weight = sum(map(_weight, set(_assets(text))))
        faults += [f"{weight} bytes of assets"] if weight > _HEAVIEST else []
        faults += re.findall(r"<style|\sstyle=|\son\w+=\"|javascript:", text)
        faults += re.findall(r"<script(?![^>]*\ssrc=)(?![^>]*json)[^>]*>", text)
    return faults


def test_who_has_not_logged_in_is_led_there_and_back(
    things: dict[str, Any], nobody: Client
) -> None:
    answer = nobody.get(address("portal:job", things))
    assert answer["Location"] == f"/account/login/?next=/jobs/{things['job']}/"


def test_every_change_wants_the_token_of_its_form(things: dict[str, Any], user: User) -> None:
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(user)
    for name in names():
        assert browser.post(address(name, things)).status_code == 403, name
    for name, wanted in administration():
        path = reverse(name, args=["1" for _ in wanted])
        assert browser.post(path).status_code == 403, name


@pytest.fixture
def rows(things: dict[str, Any], user: User, administrator: User) -> dict[str, Any]:
    """A row of each table of the administration."""
    return {
        "job": things["job"],
        "user": user.pk,
        "apitoken": things["token"],
        "invitation": invite(by=administrator).invitation.pk,
        "schedule": make_schedule(user).pk,
        "dataset": Dataset.objects.get().pk,
    }


def test_the_administration_is_for_administrators(
    rows: dict[str, Any], clients: dict[str, Client]
) -> None:
    for name, wanted in administration():
        table = name.split("_")[-2] if name.count("_") > 1 else ""
        path = reverse(name, args=[rows.get(table, 1) for _ in wanted])
        for role in ("nobody", "charlie", "alice"):
            answer = clients[role].get(path)
            assert answer.status_code in (302, 403), (name, role)
            if answer.status_code == 302:
                assert answer["Location"].startswith(("/admin/", "/account/")), (name, role)
        answer = clients["ada"].get(path)
        assert answer.status_code in (200, 302, 403, 404), name
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"], name


def test_who_is_no_administrator_is_told_so_at_the_door(alice: Client, nobody: Client) -> None:
    assert alice.get("/admin/", follow=True).status_code == 403
    answer = nobody.get("/admin/", follow=True)
    assert answer.wsgi_request.path == "/account/login/"


def test_staff_without_rights_cannot_switch_applications(clients: dict[str, Client]) -> None:
    User.objects.filter(username="charlie").update(is_staff=True)
    answer = clients["charlie"].post("/admin/applications/", {"switch": "drain"})
    assert answer.status_code == 403


def test_by_https_cookies_are_for_https_only_and_browsers_remember_it(
    nobody: Client, user: User, settings: Any, configuration: Configuration
) -> None:
    for name, value in of(replace(configuration, url="https://hven.example.org")).items():
        if name not in ("CACHES", "EMAIL_BACKEND"):
            setattr(settings, name, value)
    page = nobody.get("/account/login/", secure=True)
    assert page["Strict-Transport-Security"] == "max-age=31536000"
    words = {"login": "alice", "password": "wonderland"}
    answer = nobody.post("/account/login/", words, secure=True)
    assert answer.status_code == 302
    cookies = [*page.cookies.values(), *answer.cookies.values()]
    assert {cookie.key for cookie in cookies} >= {"__Host-hven_session", "__Host-hven_csrf"}
    for cookie in cookies:
        assert cookie["secure"], cookie.key
        assert cookie["httponly"], cookie.key
        assert cookie["samesite"] == "Lax", cookie.key


def test_messages_to_the_administrators_are_few(nobody: Client, administrator: User) -> None:
    words = {"name": "Nils", "email": "nils@example.org", "message": "What is it for?"}
    answers = [nobody.post("/contact/", words).status_code for _ in range(12)]
    assert answers == [302] * 10 + [429] * 2


def _assets(text: str) -> list[str]:
    """The assets that a page names, by their plain names."""
    found = re.findall(r"(?:src|href)=\"/static/([^\"]+)\"", text)
    return [re.sub(r"\.[0-9a-f]{12}(\.\w+)$", r"\1", name) for name in found]


def _weight(name: str) -> int:
    """Bytes of an asset, with those that it imports."""
    found = asset(name)
    assert found is not None, name
    folder = name.rpartition("/")[0]
    inside = []
    if name.endswith(".js"):
        text = found.content.decode()
        inside = re.findall(r"^import[^\"']*[\"']\./([\w./-]+)[\"']", text, re.MULTILINE)
    return len(found.content) + sum(_weight(f"{folder}/{more}") for more in inside)


def test_lists_take_as_many_queries_whatever_their_length(
    ada: Client, administrator: User, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    paths = ["/account/tokens/", "/data/", "/admin/jobs/job/", "/admin/web/apitoken/"]
    paths += ["/admin/usage/", "/admin/jobs/user/"]

    def count(path: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert ada.get(path).status_code == 200
        return len(found)

    for path in paths:
        ada.get(path)
    before = {path: count(path) for path in paths}
    for number in range(20):
        make_job(administrator, Phase.COMPLETED)
        tokens.make(administrator, f"token {number}")
        User.objects.create_user(f"user{number}")
    assert {path: count(path) for path in paths} == before


def test_rows_of_addresses_name_what_there_is(things: dict[str, Any]) -> None:
    wanted = {word for row in ADDRESSES.values() for word in row.arguments}
    assert wanted <= set(things)
    assert portal_addresses.administration() != []
