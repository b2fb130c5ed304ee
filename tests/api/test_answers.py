"""What every answer has, whatever was asked: harmless headers, one shape of errors, a name."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api_client import Api
from hven.api.urls import description
from hven.jobs.models import User
from hven.web.problems import MEANINGS, TYPE

pytestmark = pytest.mark.django_db
_PATHS = ["/jobs", "/health", "/spam", "/openapi.json", "/docs", "/jobs/spam", "/uploads"]


@pytest.mark.parametrize("path", _PATHS)
def test_an_answer_does_no_harm_in_a_browser(alice: Api, path: str) -> None:
    answer = alice("GET", path, Origin="https://example.org")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_pages_of_elsewhere_may_not_ask(alice: Api) -> None:
    more = {"Origin": "https://example.org", "Access_Control_Request_Method": "POST"}
    answer = alice("OPTIONS", "/jobs", **more)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "code"),
    [
        ("GET", "/spam", {}, 404, "missing"),
        ("GET", "/jobs/spam", {}, 404, "missing"),
        ("PUT", "/jobs", {}, 405, "method"),
        ("GET", "/jobs", {"Accept": "image/png"}, 406, "accept"),
        ("POST", "/jobs", {"Content_Type": "text/plain", "body": b"{}"}, 415, "media_type"),
        ("POST", "/jobs", {"body": b"{"}, 400, "parameter"),
        ("GET", "/jobs?limit=0", {}, 400, "parameter"),
        ("GET", "/jobs?everybody=1", {}, 403, "forbidden"),
        ("GET", "/jobs", {"Authorization": "Bearer spam"}, 401, "credentials"),
        ("POST", "/uploads", {"Upload_Length": str(2**50)}, 413, "too_large"),
    ],
)
def test_every_error_is_a_problem_with_a_code(
    alice: Api, method: str, path: str, more: dict[str, Any], status: int, code: str
) -> None:
    answer = alice(method, path, **more)
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == TYPE + code
    assert MEANINGS[code].status == status
    assert problem["request_id"] == answer["X-Request-ID"]
    assert problem["title"]
    assert (status == 405) == ("Allow" in answer)


def test_a_fault_of_the_service_is_told_without_its_inside(
    alice: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("the inside")

    monkeypatch.setattr("hven.api.routes.jobs.job_document", fail)
    job = alice.make()["id"]
    answer = alice._client.get(f"/api/v1/jobs/{job}", headers=alice.headers)
    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "internal"
    assert "inside" not in answer.content.decode()


def test_a_request_keeps_the_name_that_its_client_gave_it(alice: Api) -> None:
    assert alice("GET", "/jobs", X_Request_ID="mine-1")["X-Request-ID"] == "mine-1"
    for odd in ("a b", "x" * 65, "é"):
        assert len(alice("GET", "/jobs", X_Request_ID=odd)["X-Request-ID"]) == 16


def test_what_accepts_anything_gets_it(alice: Api) -> None:
    for accept in ("*/*", "application/*", "text/html, application/json;q=0.5"):
        assert alice("GET", "/jobs", Accept=accept).status_code == 200


def test_the_description_names_every_status_and_resolves(nobody: Api) -> None:
    document = nobody.get("/openapi.json")
    assert document["openapi"].startswith("3.1")
    known = document["components"]["schemas"]
    names = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names.add(operation["operationId"])
            assert operation["summary"], (method, path)
            assert {"429", "503"} <= set(operation["responses"])
            if operation["security"]:
                assert {"401", "403"} <= set(operation["responses"])
                assert operation["security"][0]["token"] == [operation["x-scope"]]
            for parameter in operation.get("parameters", ()):
                assert parameter["in"] == "path" or parameter["description"]
    assert len(names) == sum(map(len, document["paths"].values()))
    text = str(document)
    assert all(f"#/components/schemas/{name}'" in text for name in known)


def test_the_page_of_the_api_is_whole_and_has_nothing_from_elsewhere(nobody: Api) -> None:
    answer = nobody("GET", "/docs")
    page = answer.content.decode()
    assert answer["Content-Type"].startswith("text/html")
    assert "<script" not in page
    # Its words may name addresses, but nothing leads or reaches there.
    assert not re.search(r"""(src|href|action|url\()\s*=?\s*["']?(https?:)?//""", page)
    assert "<code>Retry-After</code> says when" in page
    for path in description()["paths"]:
        assert f"<code>{path}</code>" in page
    assert "style-src 'sha256-" in answer["Content-Security-Policy"]


def test_a_session_cannot_be_used_by_another_page(user: User, client: Any) -> None:
    from django.test import Client

    forged = Client(enforce_csrf_checks=True)
    forged.force_login(user)
    for method, path in (("put", "/uploads?name=a"), ("post", "/tokens"), ("delete", "/tokens/1")):
        answer = getattr(forged, method)(f"/api/v1{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "forgery")
