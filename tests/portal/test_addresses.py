"""Inputs by address in the form that runs an application."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from hven.jobs.configuration import Configuration
from hven.jobs.models import Fetch, Job, User
from input_files import make_upload

URL = "https://archive.example//m31.fits?a=1"


@pytest.fixture
def allowed(settings: Any, alice: Client) -> None:
    """The service fetches from two hosts."""
    found: Configuration = settings.HVEN
    settings.HVEN = replace(found, fetch_from=["archive.example", "*.lab.example:81"])


def test_the_form_has_no_box_for_addresses_unless_some_are_allowed(alice: Client) -> None:
    assert "data-address" not in alice.get("/applications/copy/run/").content.decode()


@pytest.mark.usefixtures("allowed")
def test_the_form_says_from_where_is_fetched(alice: Client) -> None:
    page = alice.get("/applications/copy/run/").content.decode()
    assert "data-address" in page
    assert "from: archive.example, *.lab.example:81." in page


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("files", [[URL], ["upload", URL], [URL, ""]])
def test_an_address_is_taken_without_scripts_too(
    alice: Client, user: User, files: list[str]
) -> None:
    upload = f"upload:{make_upload(user).pk}"
    texts = [upload if text == "upload" else text for text in files]
    answer = alice.post("/applications/copy/run/", {"files": texts})
    assert answer.status_code == 302
    assert Job.objects.get().parameters["files"] == [text for text in texts if text]


@pytest.mark.usefixtures("allowed")
def test_the_check_shows_what_is_chosen_and_what_is_wrong(alice: Client) -> None:
    address = "/applications/copy/run/check/"
    found = alice.post(address, {"files": URL}).json()
    assert found["faults"]["files"] == []
    chosen = found["inputs"]["files"]
    assert "fetched when the job begins" in chosen
    assert "data-look-at" not in chosen
    assert URL in found["commands"]["curl"]
    assert "hven copy m31.fits " in found["commands"]["cli"]
    wrong = alice.post(address, {"files": "https://a:b@elsewhere.example/"}).json()
    (fault,) = wrong["faults"]["files"]
    assert "without a user" in fault
    assert "a:b" not in fault
    assert "cannot be used" in wrong["inputs"]["files"]


@pytest.mark.usefixtures("allowed")
def test_there_is_nothing_to_look_at_before_it_is_fetched(alice: Client) -> None:
    page = alice.get("/data/look/", {"of": URL}).content.decode()
    assert "is fetched when the job begins" in page


def test_the_page_of_data_says_where_a_file_comes_from(alice: Client, user: User) -> None:
    Fetch.objects.create(upload=make_upload(user), url=URL, found_at=URL)
    make_upload(user, "other.fits")
    page = alice.get("/data/", {"q": "archive"}).content.decode()
    assert URL in page
    assert "other.fits" not in page
