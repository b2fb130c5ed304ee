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
    """The performer's end; any thread may speak.

    Parameters
    ----------
    end
        Its socket.
    hidden
        Left out of everything that is said, such as the folder in which input files lie: people
        know these by their names, and where they are is nobody's business.
    """

    def __init__(self, end: socket.socket, hidden: str = "") -> None:
        self._end = end
        self._hidden = hidden
        self._lock = threading.Lock()

    def tell(self, kind: str, **content: Any) -> None:
        """Send a message."""
        line = json.dumps({"kind": kind, **content}, default=str, ensure_ascii=False) + "\n"
        if self._hidden:
            line = line.replace(self._hidden, "")
        with self._lock:
            self._end.sendall(line.encode(errors="replace"))


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
