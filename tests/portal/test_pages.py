"""The pages that are there for everybody, and for who has logged in."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from django.test import Client
from PIL import Image

import hven.portal
from hven.jobs.models import Part, User
from hven.jobs.phases import Phase
from job_rows import make_job
from page_pictures import MOST_BYTES

_OPEN = ["/", "/about/", "/help/", "/status/", "/contact/", "/applications/"]
_OPEN += ["/applications/echo/", "/account/login/", "/account/signup/", "/account/password/reset/"]
_OWN = ["/jobs/", "/data/", "/account/", "/applications/echo/run/", "/account/email/"]
_OWN += ["/account/password/change/", "/account/2fa/", "/account/sessions/"]


@pytest.mark.parametrize("path", _OPEN)
def test_a_page_is_there_for_everybody(nobody: Client, alice: Client, path: str) -> None:
    assert nobody.get(path).status_code == 200
    assert alice.get(path, follow=True).status_code == 200


@pytest.mark.parametrize("path", _OWN)
def test_a_page_of_ones_own_asks_who_one_is(nobody: Client, alice: Client, path: str) -> None:
    refused = nobody.get(path)
    assert refused.status_code == 302
    assert refused["Location"].startswith("/account/login/?next=")
    assert alice.get(path).status_code == 200


def test_the_job_table_has_ones_own_jobs_only(alice: Client, bob: Client, user: User) -> None:
    job = make_job(user, Phase.COMPLETED, label="for Alice alone")
    assert b"for Alice alone" in alice.get("/jobs/").content
    assert b"You have no jobs yet" in bob.get("/jobs/").content
    assert alice.get(f"/jobs/{job.pk}/").status_code == 200


def test_what_is_somebody_elses_is_not_there(charlie: Client, user: User) -> None:
    job = make_job(user)
    assert charlie.get(f"/jobs/{job.pk}/").status_code == 404
    assert charlie.get(f"/jobs/{job.pk}/results/sum/").status_code == 404


@pytest.mark.parametrize("path", ["/nothing", "/applications/nothing/", "/shared/nothing/"])
def test_what_is_not_there_is_said_by_a_page(nobody: Client, path: str) -> None:
    found = nobody.get(path)
    assert found.status_code == 404
    assert found["Content-Type"].startswith("text/html")
    assert b"There is nothing here" in found.content


def test_programs_are_told_by_a_problem_document(nobody: Client) -> None:
    found = nobody.get("/api/v1/nothing")
    assert found.status_code == 404
    assert found["Content-Type"] == "application/problem+json"
    assert found["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


_SHOTS = Path(hven.portal.__file__).parent / "static" / "portal" / "help"


def test_the_help_page_shows_its_pictures_and_says_what_is_on_them(nobody: Client) -> None:
    found = re.findall(r'<img class="shot"([^>]*)>', nobody.get("/help/").content.decode())
    facts = [dict(re.findall(r'(\w+)="([^"]*)"', each)) for each in found]
    assert [re.sub(r".*/|\..*", "", each["src"]) for each in facts] == [
        "register", "application", "run", "look", "job", "result", "share",
    ]  # fmt: skip
    for each in facts:
        assert each["loading"] == "lazy"
        assert int(each["width"]) <= 1200
        assert len(each["alt"]) > 25
        shown = nobody.get(each["src"])
        assert shown["Content-Type"] == "image/webp"
        with Image.open(io.BytesIO(shown.content)) as picture:
            assert picture.size == (int(each["width"]), int(each["height"]))


def test_every_picture_of_the_help_page_is_small_and_of_use() -> None:
    template = (_SHOTS.parents[2] / "templates" / "portal" / "help.html").read_text()
    # A page has 150 kB of ours, of which its style and scripts take 23 when they are not packed.
    assert sum(path.stat().st_size for path in _SHOTS.iterdir()) < 126_000
    for path in _SHOTS.iterdir():
        assert path.stat().st_size < MOST_BYTES, path.name
        assert f'{{% picture "{path.stem}" alt %}}' in template


def test_a_queue_that_nobody_works_on_says_so(alice: Client, user: User) -> None:
    job = make_job(user, Phase.QUEUED)
    told = "Nothing takes jobs from the queue at the moment"
    assert told in alice.get(f"/jobs/{job.pk}/").content.decode()
    Part.objects.create(name="dispatcher hven 1", kind="dispatcher", node="hven", process=1)
    assert told not in alice.get(f"/jobs/{job.pk}/").content.decode()
