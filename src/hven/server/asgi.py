"""The little of ASGI that is spoken directly."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from hven.web.problems import MEDIA_TYPE, problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def header(scope: Scope, name: bytes) -> str:
    """A header of the request; empty when there is none."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin1"))
    return ""


def headers(scope: Scope) -> dict[str, str]:
    """All headers of the request, by small names."""
    return {key.decode("latin1"): value.decode("latin1") for key, value in scope["headers"]}


async def answer_problem(
    send: Send,
    status: int,
    detail: str,
    more: Mapping[str, str] | None = None,
    *,
    code: str | None = None,
) -> None:
    """Answer with a problem document (RFC 9457)."""
    body = json.dumps(problem(status, detail, code=code).document).encode()
    names = {
        "content-type": MEDIA_TYPE,
        "content-length": str(len(body)),
        **(more or {}),
    }
    await start(send, status, names)
    await send({"type": "http.response.body", "body": body})


async def start(send: Send, status: int, names: Mapping[str, str]) -> None:
    """Send status and headers."""
    pairs = [(name.encode("latin1"), value.encode("latin1")) for name, value in names.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
