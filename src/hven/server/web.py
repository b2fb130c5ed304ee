"""A web server process: `python -m hven.server.web`, on a socket that the supervisor opened."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterable
from typing import Any

import uvicorn

from hven.server.part import LISTEN_VARIABLE, Part

_log = logging.getLogger("hven.server.web")
#: Seconds that requests under way get to end.
_GRACE_SECONDS = 6


class _Server(uvicorn.Server):
    """Ends its event streams first, which would not end by themselves."""

    def __init__(
        self, config: uvicorn.Config, part: Part, closing: Iterable[Callable[[], None]]
    ) -> None:
        super().__init__(config)
        self._part = part
        self._closing = closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._part.lifeline is not None:
            loop = asyncio.get_running_loop()
            loop.add_reader(self._part.lifeline, self._supervisor_is_gone)
        _log.info("answers requests")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for close in self._closing:
            close()
        await super().shutdown(sockets)

    def _supervisor_is_gone(self) -> None:
        if self._part.lifeline is not None:
            asyncio.get_running_loop().remove_reader(self._part.lifeline)
        self.should_exit = True


def main() -> None:
    """Answer requests until told to end."""
    part = Part("web")
    from hven.server.application import Application

    application = Application()
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=2048,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    listening = socket.socket(fileno=int(os.environ[LISTEN_VARIABLE]))
    listening.set_inheritable(False)
    server: Any = _Server(config, part, [application.hub.close, application.live.close])
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
