"""A client of the API in the process of the tests."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from hven.jobs.models import User
from hven.web import tokens

ROOT = "/api/v1"


class Api:
    """A client of the API, as one user.

    Parameters
    ----------
    user
        Whose token it shows; None shows none.
    """

    def __init__(self, user: User | None) -> None:
        self._client = Client(raise_request_exception=False)
        secret = tokens.make(user, "of a test").secret if user else ""
        self.headers = {"Authorization": f"Bearer {secret}"} if user else {}

    def __call__(
        self, method: str, path: str, document: Any = None, *, body: bytes = b"", **headers: str
    ) -> Any:
        """The answer to a request; its body is a document as JSON, or bytes."""
        content = body if document is None else json.dumps(document).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = named.pop("Content-Type", "application/json")
        answer = self._client.generic(
            method, ROOT + path, content, kind, headers={**self.headers, **named}
        )
        return _checked(answer)

    def get(self, path: str, **headers: str) -> Any:
        """The document at an address."""
        answer = self("GET", path, **headers)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def make(self, application: str = "echo", **wanted: Any) -> Any:
        """A new job, as a document."""
        answer = self("POST", "/jobs", {"application": application, **wanted})
        assert answer.status_code == 201, answer.content
        return answer.json()


def _checked(answer: Any) -> Any:
    """An answer, which is no fault of the service's, and a problem document where it is one."""
    assert answer.status_code < 500 or answer.status_code == 503, answer
    if answer.status_code >= 400 and answer.status_code not in (405, 416) and answer.content:
        assert answer["Content-Type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert problem["detail"]
        assert (answer.status_code == 401) == ("WWW-Authenticate" in answer)
    return answer


def faults(answer: Any) -> dict[str, str]:
    """What a refusal says, by name."""
    assert answer.status_code == 400, answer.content
    return {fault["name"]: fault["text"] for fault in answer.json()["faults"]}


def content(answer: Any) -> bytes:
    """The whole of a streamed answer."""
    return b"".join(answer.streaming_content)
