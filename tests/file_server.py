"""A server of files on this machine, which behaves as well or as badly as a test wants."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Respond = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request; answers as the server was told for its path."""

    protocol_version = "HTTP/1.1"
    server: FileServer

    def do_GET(self) -> None:
        """Answer."""
        self.close_connection = True
        self.server.asked.append((self.path, dict(self.headers)))
        respond = self.server.responses.get(self.path.partition("?")[0], missing)
        # The client may have heard enough.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            respond(self)

    def begin(self, status: int, **headers: object) -> None:
        """Send status and headers; a name has `_` for `-`."""
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), str(text))
        self.end_headers()

    def send(self, content: bytes) -> None:
        """Send a part of the body."""
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class FileServer(ThreadingHTTPServer):
    """The server; `responses` by path.

    Parameters
    ----------
    context
        For HTTPS; None is HTTP.
    """

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.responses: dict[str, Respond] = {}
        #: Path and headers of each request.
        self.asked: list[tuple[str, dict[str, str]]] = []
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://{self.place}{path}"

    def handle_error(self, *_: Any) -> None:
        """Leave aside what clients do that break off."""

    def stop(self) -> None:
        """End it."""
        self.shutdown()
        self.server_close()
        self._thread.join()


def missing(request: Request) -> None:
    """Nothing is there."""
    request.begin(404, Content_Length=0)


def file(content: bytes, *, pause: float = 0.0, piece: int = 2**16, **more: object) -> Respond:
    """A file with an ETag, of which parts can be asked for; `pause` is before each piece."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'

    def respond(request: Request) -> None:
        if request.headers.get("If-None-Match") == tag:
            request.begin(304, ETag=tag)
            return
        start = 0
        wanted = request.headers.get("Range", "")
        if wanted and request.headers.get("If-Range") in (None, tag):
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            part = f"bytes {start}-{len(content) - 1}/{len(content)}"
            length = len(content) - start
            request.begin(206, Content_Range=part, Content_Length=length, ETag=tag)
        else:
            request.begin(200, Content_Length=len(content), ETag=tag, **more)
        for at in range(start, len(content), piece):
            if pause:
                time.sleep(pause)
            request.send(content[at : at + piece])

    return respond


def redirect(place: str, status: int = 302) -> Respond:
    """Send the client elsewhere."""

    def respond(request: Request) -> None:
        request.begin(status, Location=place, Content_Length=0)

    return respond


def failing(status: int, times: int, then: Respond) -> Respond:
    """Fail so often, and do as `then` afterwards."""
    left = [status] * times

    def respond(request: Request) -> None:
        if left:
            request.begin(left.pop(), Content_Length=0)
        else:
            then(request)

    return respond


def breaking(content: bytes, after: int, then: Respond) -> Respond:
    """Announce all of a file, and break off the first time; then do as `then`."""
    broken: list[bool] = []

    def respond(request: Request) -> None:
        if broken:
            then(request)
            return
        broken.append(True)
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        request.begin(200, Content_Length=len(content), ETag=tag)
        request.send(content[:after])

    return respond


def chunked(pieces: list[bytes], *, end: bool = True, **more: object) -> Respond:
    """A file of which nobody says how large it is."""

    def respond(request: Request) -> None:
        request.begin(200, Transfer_Encoding="chunked", **more)
        for piece in pieces:
            request.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if end:
            request.send(b"0\r\n\r\n")

    return respond


def silent(content: bytes, seconds: float, announced: int) -> Respond:
    """Send a part, and then nothing for long."""

    def respond(request: Request) -> None:
        request.begin(200, Content_Length=announced)
        request.send(content)
        time.sleep(seconds)

    return respond


def dripping(seconds: float) -> Respond:
    """A byte now and then, without an end, so that it is never silent for long."""

    def respond(request: Request) -> None:
        request.begin(200, Content_Length=10**6, ETag='"drip"')
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            request.send(b"x")
            time.sleep(0.05)

    return respond
