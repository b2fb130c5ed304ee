"""The ASGI application: who waits or listens natively, all else by Django in threads."""

from __future__ import annotations

import re
from typing import Any

from a2wsgi import WSGIMiddleware
from django.core.wsgi import get_wsgi_application

from hven.jobs.configuration import configuration
from hven.server import live
from hven.server.access import Access
from hven.server.asgi import Receive, Scope, Send, answer_problem, header
from hven.server.browsers import Browsers
from hven.server.following import Hub
from hven.server.streams import Streams
from hven.server.waiting import Waiting, no_body

_STREAM = re.compile(r"/api/v1/jobs/(?P<job>[0-9a-fA-F-]{32,36})/stream")
#: What moves files, and may take hours over a slow line.
_TRANSFER = re.compile(
    r"/api/v1/(uploads(/.*)?|archive|jobs/[^/]+/(archive|results/.+))"
    r"|/vo/.+/(results|parameters)/.+"
)
_FORM_WITH_FILES = "multipart/form-data"


class Application:
    """Whatever a web process answers.

    Files move in threads of their own, so that a few users with slow lines do not keep everybody
    else waiting.
    """

    def __init__(self) -> None:
        django: Any = get_wsgi_application()
        threads = configuration().web_threads
        access = Access()
        browsers = Browsers()
        self.hub = Hub()
        self._streams = Streams(self.hub, access, browsers)
        self._waiting = Waiting(self.hub, access)
        self.live = live.Live(browsers)
        self._ordinary: Any = WSGIMiddleware(django, workers=threads)
        self._transfers: Any = WSGIMiddleware(django, workers=threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["path"] == live.PATH and scope["method"] == "GET":
            await self.live.answer(scope, receive, send)
            return
        found = _STREAM.fullmatch(scope["path"])
        if found and scope["method"] == "GET":
            await self._streams.answer(found["job"], scope, receive, send)
        elif header(scope, b"transfer-encoding") and not header(scope, b"content-length"):
            # WSGI knows no body of unknown length: the request would seem to have none.
            detail = "the request must say its Content-Length; send a large file in parts"
            await answer_problem(send, 411, detail)
        elif scope["method"] == "GET" and self._waiting.concerns(scope):
            if await self._waiting.hold(scope, receive):
                await self._ordinary(scope, no_body, send)
        elif _is_transfer(scope):
            await self._transfers(scope, receive, send)
        else:
            await self._ordinary(scope, receive, send)


def _is_transfer(scope: Scope) -> bool:
    with_files = header(scope, b"content-type").startswith(_FORM_WITH_FILES)
    return with_files or _TRANSFER.fullmatch(scope["path"]) is not None
