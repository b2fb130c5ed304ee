"""A proxy that cuts connections where a test wants it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit


class Cut(NamedTuple):
    """After how many bytes a connection is cut; None is never."""

    up: int | None = None
    down: int | None = None


class CuttingProxy:
    """Passes TCP connections on to a service.

    Parameters
    ----------
    url
        The service.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        #: Where it answers.
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        #: What happens to the connections that come next, one after the other.
        self.cuts: list[Cut] = []
        #: Bytes that went up and down, of all connections.
        self.up = self.down = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections, and cut those that there are."""
        _cut(self._listener)
        self.cut_all()

    def cut_all(self) -> None:
        """Cut every connection that is open now."""
        with self._lock:
            found = [*self._open]
        for each in found:
            _cut(each)

    def lead_to(self, url: str) -> None:
        """Pass connections on to another service from now on."""
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                cut = self.cuts.pop(0) if self.cuts else Cut()
            try:
                server = socket.create_connection(self._target)
            except OSError:
                _cut(client)
                continue
            with self._lock:
                self._open |= {client, server}
            for words in ((client, server, cut.up, "up"), (server, client, cut.down, "down")):
                threading.Thread(target=self._pass_on, args=words, daemon=True).start()

    def _pass_on(
        self, source: socket.socket, sink: socket.socket, most: int | None, way: str
    ) -> None:
        left = most
        with contextlib.suppress(OSError):
            while block := source.recv(65536 if left is None else min(65536, left)):
                sink.sendall(block)
                with self._lock:
                    setattr(self, way, getattr(self, way) + len(block))
                if left is not None:
                    left -= len(block)
                    if left <= 0:
                        break
        for each in (source, sink):
            _cut(each)
        with self._lock:
            self._open -= {source, sink}


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextlib.contextmanager
def cutting(url: str) -> Iterator[CuttingProxy]:
    """A proxy in front of a service, closed in the end."""
    proxy = CuttingProxy(url)
    try:
        yield proxy
    finally:
        proxy.close()
