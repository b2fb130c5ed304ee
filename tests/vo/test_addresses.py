"""Inputs by address as clients of UWS give them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hven.jobs.configuration import Configuration
from hven.jobs.models import Job
from vo_client import Vo, parameters

pytestmark = pytest.mark.django_db
URL = "https://archive.example//m31.fits?a=1,2"


@pytest.fixture(autouse=True)
def _allowed(settings: Any, configuration: Configuration) -> None:
    settings.HVEN = replace(configuration, fetch_from=["archive.example"])


def test_a_value_may_be_an_address(alice: Vo) -> None:
    path = alice.make("copy", files=[URL, "https://archive.example/b"])
    assert Job.objects.get().parameters["files"] == [URL, "https://archive.example/b"]
    assert parameters(alice.document(path))[0] == ("files", URL)


def test_so_may_what_is_uploaded_by_name(alice: Vo) -> None:
    alice.make("copy", UPLOAD=f"files,{URL};files,https://archive.example/b")
    assert Job.objects.get().parameters["files"] == [URL, "https://archive.example/b"]


def test_a_host_that_is_not_allowed_is_told(alice: Vo) -> None:
    answer = alice.post("/vo/copy/async", files="https://elsewhere.example/x")
    assert answer.status_code == 400
    assert "fetches: archive.example; elsewhere.example is none of them" in answer.content.decode()


def test_what_the_service_can_do_names_the_hosts(alice: Vo) -> None:
    told = alice("GET", "/vo/copy/capabilities").content.decode()
    assert "an address at archive.example, or a part of the request" in told
