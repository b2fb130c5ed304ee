"""What `hven serve`, `hven web` and `hven dispatch` do, once their options are read."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from hven.server.part import set_up_django

_log = logging.getLogger("hven.server")
#: Which parts each command runs.
PARTS = {
    "serve": ("web", "dispatcher", "keeper"),
    "web": ("web",),
    "dispatch": ("dispatcher", "keeper"),
}


def serve(kinds: Sequence[str]) -> int:
    """Make ready what is not, run the parts until told to end; gives the exit code.

    Raises
    ------
    HvenError
        A setting is wrong, the port is taken, or the database does not answer.
    """
    set_up_django("supervisor")
    from hven.jobs.configuration import configuration
    from hven.server import settings_source
    from hven.server.first_use import prepare
    from hven.server.supervisor import Supervisor

    for name in settings_source.unknown():
        _log.warning("%s is set, and is no setting of Hven", name)
    prepare(configuration(), _tell)
    return Supervisor(configuration(), kinds).run(_greet)


def _tell(text: str) -> None:
    print(f"Hven {text}", flush=True)


def _greet(url: str) -> None:
    from django.db import Error

    from hven.errors import UnavailableError
    from hven.jobs.configuration import configuration
    from hven.server.first_use import greet

    try:
        greet(configuration(), url, _tell)
    except (Error, OSError, UnavailableError) as error:
        # A database that goes away just now, or a full disk, must not end the service.
        _log.warning("does not say how the first administrator logs in: %s", error)
