"""A service as an object: who answers, what it offers."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from hven.client import Job
from hven.client import Service as Client
from hven.client.credentials import Login, keep
from hven.errors import (
    CredentialsError,
    MissingError,
    ParameterError,
    ServiceError,
    UnavailableError,
    UnreachableError,
)
from service import Service


def test_importing_the_client_imports_no_numpy_and_nothing_of_the_engine() -> None:
    heavy = ["numpy", "astropy", "httpx", "rich", "django", "dask", "hven.engine", "numba"]
    code = f"import sys, hven.client; print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_a_service_tells_who_it_is(client: Client, served: Service) -> None:
    assert client.url == served.url
    assert repr(client).startswith(f"<Hven {client.version} at {served.url}: copy, echo")


def test_applications_are_methods_with_signature_help_and_completion(client: Client) -> None:
    assert {"copy", "mosaic", "weigh", "jobs", "upload"} <= set(dir(client))
    shown = inspect.signature(client.weigh)
    assert list(shown.parameters)[:3] == ["files", "repeat", "pause"]
    assert shown.parameters["pause"].default == 0.0
    assert shown.parameters["files"].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert shown.parameters["run"].default is True
    assert shown.return_annotation is Job
    assert client.weigh.__name__ == "weigh"
    text = inspect.getdoc(client.weigh) or ""
    assert text.startswith("Weighs files.")
    assert "Time a file takes. Must be at least 0 and at most 600 s." in text
    assert "Archimedes" in text
    assert "table: Weight of each file" in text


def test_what_it_does_not_have_is_told_with_what_it_has(client: Client) -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'mosiac'; .*mosaic"):
        client.mosiac  # noqa: B018
    with pytest.raises(MissingError, match=r"application: must be one of copy.*got 'mosiac'"):
        client.submit("mosiac", {})


def test_usage_counts_what_one_has(client: Client) -> None:
    usage = client.usage
    assert (usage.user, usage.administrator) == ("admin", True)
    assert usage.bytes_limit is None


def test_a_service_that_does_not_answer_is_told_at_once() -> None:
    with pytest.raises(UnreachableError, match=r"http://127\.0\.0\.1:1 does not answer"):
        Client("127.0.0.1:1", "token")


def test_a_wrong_token_is_told_at_once(served: Service) -> None:
    with pytest.raises(CredentialsError, match="must be a valid token"):
        Client(served.url, "hven_nobodys")


def test_name_and_password_are_taken_as_well(served: Service) -> None:
    with Client(served.url, name="admin", password=served.token) as client:
        assert client.usage.user == "admin"
    with pytest.raises(CredentialsError):
        Client(served.url, name="admin", password="wrong")


@pytest.mark.parametrize(
    "given", [{"name": "a"}, {"password": "b"}, {"token": "t", "name": "a", "password": "b"}]
)
def test_half_of_a_login_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ParameterError):
        Client("127.0.0.1:1", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["", "ftp://a", "http://", "http://a:x", "http://me:secret@a"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ParameterError, match="must be an address such as"):
        Client(url)


def test_the_token_of_the_login_is_found(served: Service) -> None:
    keep(Login(served.url, served.token, "admin"))
    with Client(f"{served.url}/") as client:
        assert client.usage.user == "admin"


def test_a_token_of_the_environment_is_shown_to_the_service_of_the_environment_alone(
    served: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HVEN_TOKEN", served.token)
    assert Client(served.url).usage.user == "admin"
    monkeypatch.setenv("HVEN_SERVICE", "https://hven.example.org")
    with pytest.raises(CredentialsError):
        _ = Client(served.url).usage


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def answering(*answers: Answer) -> Iterator[str]:
    """A server that gives these answers one after the other, the last one again and again."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            for name, text in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _json(document: Any, status: int = 200, **headers: str) -> Answer:
    return status, {"Content-Type": "application/json", **headers}, json.dumps(document).encode()


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"Content-Type": "text/html"}, b"<html>"),
        (404, {"Content-Type": "text/html"}, b"<html>"),
        (500, {"Content-Type": "text/plain"}, b"oh"),
        _json(["not", "a", "Hven"]),
        _json({"status": "ok"}),
        (200, {"Content-Type": "application/json"}, b"{"),
        _json({"status": 404, "detail": "there is nothing"}, 404),
        (302, {"Location": "/api/v1/health"}, b""),
    ],
)
def test_what_answers_and_is_no_hven_is_told(answer: Answer) -> None:
    with answering(answer) as url, pytest.raises((ServiceError, UnreachableError)) as caught:
        Client(url, "token")
    assert "must be the address of a Hven" in str(caught.value) or "redirect" in str(caught.value)


def test_a_service_of_another_generation_is_told() -> None:
    health = {"status": "ok", "reason": "", "version": "7.3.0"}
    with answering(_json(health)) as url, pytest.raises(ServiceError) as caught:
        Client(url)
    assert "is 7.3.0; pip install 'hven==7.*'" in str(caught.value)


def test_what_is_passing_is_waited_for_as_long_as_the_service_says() -> None:
    from hven.client.connection import Connection, Credentials

    away = _json({"status": 503, "detail": "drained"}, 503, **{"Retry-After": "1"})
    slow = _json({"status": 429, "detail": "too many"}, 429, **{"Retry-After": "0"})
    with answering(away, slow, _json({"fine": True})) as url:
        assert Connection(url, Credentials(), patience=5).get("/x") == {"fine": True}
    with answering(away) as url, pytest.raises(UnavailableError, match="drained") as caught:
        Connection(url, Credentials(), patience=0.5).get("/x")
    assert caught.value.retry_after == 1


def test_a_login_is_kept_where_nobody_else_can_read_it(tmp_path: Path) -> None:
    keep(Login("http://a", "secret", "me"))
    keep(Login("http://b", "other", "me", 3))
    path = tmp_path / "config" / "hven" / "logins.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["logins.json"]
