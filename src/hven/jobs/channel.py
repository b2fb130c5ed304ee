"""What a performer tells its driver: messages of JSON, one a line, over a pair of sockets.

JSON and not pickle: the performer runs the application's code, and the driver must not run what
that code sends.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

_CHUNK = 1 << 16


class Speaker:
    """The performer's end; any thread may speak."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._lock = threading.Lock()

    def tell(self, kind: str, **content: Any) -> None:
        """Send a message."""
        line = json.dumps({"kind": kind, **content}, default=str) + "\n"
        with self._lock:
            self._end.sendall(line.encode())


class Listener:
    """The driver's end; reading never blocks."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._rest = b""
        #: Whether the other end is closed, and everything it said was read.
        self.ended = False

    def fileno(self) -> int:
        """For select."""
        return self._end.fileno()

    def heard(self) -> Iterator[dict[str, Any]]:
        """The messages that have come whole."""
        while not self.ended:
            try:
                chunk = self._end.recv(_CHUNK)
            except BlockingIOError:
                break
            except ConnectionResetError:
                chunk = b""
            self.ended = not chunk
            self._rest += chunk
            *lines, self._rest = self._rest.split(b"\n")
            for line in lines:
                yield json.loads(line)

    def close(self) -> None:
        """Close this end."""
        self._end.close()
