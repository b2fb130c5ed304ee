"""The ASGI application: event streams natively, all else by Django in threads."""

from __future__ import annotations

import re
from typing import Any

from a2wsgi import WSGIMiddleware
from django.core.wsgi import get_wsgi_application

from hven.jobs.configuration import configuration
from hven.server.asgi import Receive, Scope, Send, answer_problem, header
from hven.server.following import Hub
from hven.server.streams import Streams

_STREAM = re.compile(r"/api/v1/jobs/(?P<job>[0-9a-fA-F-]{32,36})/stream")
#: What moves files, and may take hours over a slow line.
_TRANSFER = re.compile(r"/api/v1/(uploads(/.*)?|archive|jobs/[^/]+/(archive|results/.+))")


class Application:
    """Whatever a web process answers.

    Files move in threads of their own, so that a few users with slow lines do not keep everybody
    else waiting.
    """

    def __init__(self) -> None:
        django: Any = get_wsgi_application()
        threads = configuration().web_threads
        self.hub = Hub()
        self._streams = Streams(self.hub)
        self._ordinary: Any = WSGIMiddleware(django, workers=threads)
        self._transfers: Any = WSGIMiddleware(django, workers=threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        found = _STREAM.fullmatch(scope["path"])
        if found and scope["method"] == "GET":
            await self._streams.answer(found["job"], scope, receive, send)
        elif header(scope, b"transfer-encoding") and not header(scope, b"content-length"):
            # WSGI knows no body of unknown length: the request would seem to have none.
            detail = "the request must say its Content-Length; send a large file in parts"
            await answer_problem(send, 411, detail)
        elif _TRANSFER.fullmatch(scope["path"]):
            await self._transfers(scope, receive, send)
        else:
            await self._ordinary(scope, receive, send)
