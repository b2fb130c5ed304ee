"""Inputs by address in the JSON API: looked at when they are named, fetched later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from api_client import Api, faults
from hven.jobs.configuration import Configuration
from hven.jobs.models import Fetch, Job, User
from input_files import make_upload

pytestmark = pytest.mark.django_db


def ask(alice: Api, *files: str, **more: Any) -> Any:
    wish = {"application": "weigh", "parameters": {"files": list(files), **more}}
    return alice("POST", "/jobs", wish)


def allow(settings: Any, configuration: Configuration, *hosts: str) -> None:
    """Let the service fetch from these hosts."""
    settings.HVEN = replace(configuration, fetch_from=list(hosts))


def test_nothing_is_fetched_unless_an_administrator_lets_it(alice: Api) -> None:
    url = "https://archive.example/m31.fits"
    answer = ask(alice, url)
    assert answer.status_code == 400
    told = f"must be no address, this service fetches from nowhere, got '{url}'"
    assert faults(answer) == {"files": told}


def test_an_address_stays_as_it_was_written(
    alice: Api, settings: Any, configuration: Configuration
) -> None:
    allow(settings, configuration, "*.archive.example")
    url = "https://a.archive.example//m31/./x.fits?a=1&b=//c"
    answer = ask(alice, url, f" {url}#sha256={'a' * 64}\n")
    assert answer.status_code == 201, answer.content
    assert answer.json()["parameters"]["files"] == [url, f"{url}#sha256={'a' * 64}"]
    # No name was resolved and nobody was asked: there is no such host.
    assert Job.objects.get().parameters["files"][0] == url


def test_all_that_is_wrong_with_addresses_is_told_together_at_their_parameters(
    alice: Api, settings: Any, configuration: Configuration
) -> None:
    allow(settings, configuration, "archive.example", "lab.example:8080")
    answer = ask(
        alice,
        "https://archive.example/right.fits",
        "https://elsewhere.example/x",
        "https://archive.example:8080/x",
        "https://alice:secret@archive.example/x",
        "ftp://archive.example/x",
        scales="http://2130706433/x",
        repeat=-1,
    )
    assert answer.status_code == 400
    assert b"secret" not in answer.content
    found = [(each["name"], each["text"]) for each in answer.json()["faults"]]
    listed = "must be at a host from which the service fetches: archive.example, lab.example:8080"
    assert [text for name, text in found if name == "files"] == [
        f"value 2 of 5 {listed}; elsewhere.example is none of them, got 'https://elsewhere.example/x'",
        f"value 3 of 5 {listed}; archive.example:8080 is none of them, got 'https://archive.example:8080/x'",
        "value 4 of 5 must be an address without a user's name and password, "
        "got 'https://...@archive.example/x'",
        "value 5 of 5 must be an address that begins with http:// or https://, "
        "got 'ftp://archive.example/x'",
    ]
    assert {name for name, _ in found} == {"files", "scales", "repeat"}
    assert not Job.objects.exists()


def test_schedules_take_addresses_too(
    alice: Api, settings: Any, configuration: Configuration
) -> None:
    wish = {
        "application": "copy",
        "parameters": {"files": ["https://archive.example/x"]},
        "first": "2100-01-01T00:00:00Z",
    }
    assert alice("POST", "/schedules", wish).status_code == 400
    allow(settings, configuration, "archive.example")
    assert alice("POST", "/schedules", wish).status_code == 201


def test_an_upload_says_where_it_was_fetched_from(alice: Api, user: User) -> None:
    make_upload(user)
    url = "https://archive.example/m31.fits"
    Fetch.objects.create(upload=make_upload(user), url=url, found_at=url)
    found = alice.get("/uploads")["uploads"]
    assert [each["fetched_from"] for each in found] == [url, None]


def test_a_fetched_file_that_a_job_takes_cannot_be_removed(
    alice: Api, user: User, stranger: User, settings: Any, configuration: Configuration
) -> None:
    allow(settings, configuration, "archive.example")
    url = "https://archive.example/m31.fits"
    upload = make_upload(user)
    Fetch.objects.create(upload=upload, url=url, found_at=url)
    assert ask(alice, f"{url}.gz").status_code == 201
    Job.objects.update(owner=stranger)
    assert ask(alice, f"{url}#sha256={'b' * 64}").status_code == 201
    job = Job.objects.get(owner=user)
    answer = alice("DELETE", f"/uploads/{upload.pk}")
    assert answer.status_code == 409
    assert str(job.pk) in answer.json()["detail"]
    job.delete()
    other = Job.objects.get()
    other.parameters = {"files": [url]}
    other.save()
    # A stranger's job with the same address has a file of its own.
    assert alice("DELETE", f"/uploads/{upload.pk}").status_code == 204
    assert not Fetch.objects.exists()
