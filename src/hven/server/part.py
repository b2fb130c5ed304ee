"""What the processes of a service have in common: settings, log, how they are told to end."""

from __future__ import annotations

import os
import select
import signal
from typing import Any

#: A pipe that the supervisor holds the other end of; it ends when the supervisor does.
LIFELINE_VARIABLE = "HVEN_LIFELINE"
#: The socket on which web processes listen.
LISTEN_VARIABLE = "HVEN_LISTEN"


class Part:
    """This process, as a part of the service.

    Parameters
    ----------
    kind
        What it is called in the log.
    """

    def __init__(self, kind: str) -> None:
        set_up_django(kind)
        text = os.environ.get(LIFELINE_VARIABLE)
        self.lifeline = int(text) if text else None
        if self.lifeline is not None:
            os.set_inheritable(self.lifeline, False)
        self.asked_to_end = False

    def listen_to_signals(self) -> None:
        """Note SIGTERM and SIGINT; `ends` tells of them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def ends(self) -> bool:
        """Whether this part is to end in order.

        When its supervisor was killed it ends at once: another may be started any moment, and
        running jobs go on without either.
        """
        if self.is_orphan():
            os._exit(0)
        return self.asked_to_end

    def is_orphan(self) -> bool:
        """Whether the supervisor is gone."""
        return self.lifeline is not None and bool(select.select([self.lifeline], [], [], 0)[0])

    def _note(self, *_: Any) -> None:
        self.asked_to_end = True


def set_up_django(kind: str) -> None:
    """Read the settings, load the models, begin the log."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hven.server.settings")
    import django

    django.setup()
    from hven.jobs.configuration import configuration
    from hven.server import log

    log.set_up(kind, configuration())
