"""Parts of the service as processes of their own, on the database of the tests."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import connection

from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.models import Attempt, Event, Job, User
from hven.jobs.phases import TERMINAL, Move
from hven.jobs.processes import is_alive
from hven.jobs.transitions import move
from hven.jobs.wakeup import nudge

#: Applications that behave in many ways; see `service_applications`.
APPLICATIONS = Path(__file__).parent / "service_applications"
_DISPATCH = """
import signal, django; django.setup()
from hven.jobs.dispatch import dispatch_forever
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
dispatch_forever(lambda: bool(asked))
"""


def database_address() -> str:
    """The database of the tests, as the setting `database` takes it."""
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:{found['NAME']}"
    return f"postgresql://{found['USER']}@{quote(found['HOST'], safe='')}/{found['NAME']}"


class Parts:
    """Starts parts of the service, and ends all of them and of their drivers.

    Parameters
    ----------
    configuration
        The service's settings; each that differs from the default is given to the parts.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.log = configuration.data / "parts.log"
        self._started: list[subprocess.Popen[bytes]] = []

    def environment(self, **more: str) -> dict[str, str]:
        """What the parts find in their environment."""
        path = [str(APPLICATIONS), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "hven.server.settings",
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "HVEN_DATA": str(self.configuration.data),
            "HVEN_DATABASE": database_address(),
            "HVEN_NODE": self.configuration.node,
            # Mosaics take a second to get warm, and most tests have none.
            "HVEN_APPLICATIONS": "echo\ntiles\ncopy\nlisted\ntrouble\nstubborn",
            **more,
        }

    def dispatcher(self, **settings: Any) -> subprocess.Popen[bytes]:
        """A dispatcher; settings by name, as `retry_seconds=0.1`."""
        return self.start([sys.executable, "-c", _DISPATCH], **settings)

    def start(self, command: list[str], **settings: Any) -> subprocess.Popen[bytes]:
        """Start a command with settings of the service."""
        names = {f"HVEN_{name.upper()}": str(value) for name, value in settings.items()}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, env=self.environment(**names), stdout=log, stderr=log
            )
        self._started.append(process)
        return process

    def end(self) -> None:
        """Kill everything."""
        for process in self._started:
            process.kill()
            process.wait()
        for attempt in Attempt.objects.exclude(process=0):
            kill_driver(attempt)


def submit(application: str, owner: User | None = None, **parameters: Any) -> Job:
    """A job that is queued."""
    columns = {
        name.removeprefix("job_"): parameters.pop(name)
        for name in list(parameters)
        if name.startswith("job_")
    }
    job = Job.objects.create(
        application=application,
        application_version=1,
        owner=owner,
        parameters=parameters,
        destruction=now() + timedelta(days=365),
        **columns,
    )
    move(job.pk, Move.RUN)
    nudge()
    return job


def driver_of(job: Job) -> Attempt:
    """The running attempt of a job, whose driver has signed; waits for it."""
    wait_until(lambda: Attempt.objects.filter(job=job, ended=None).exclude(process=0).exists())
    return Attempt.objects.filter(job=job, ended=None).exclude(process=0).get()


def kill_driver(attempt: Attempt) -> None:
    """Kill -9 the driver, if it lives."""
    if is_alive(attempt.process, attempt.process_start):
        with contextlib.suppress(ProcessLookupError):
            os.kill(attempt.process, signal.SIGKILL)


def settled(job: Job, limit: float = 30.0) -> Job:
    """The job when it has ended."""
    wait_until(lambda: phase_of(job) in TERMINAL, limit, lambda: str(events_of(job)))
    job.refresh_from_db()
    return job


def phase_of(job: Job) -> str:
    """Where the job is now."""
    return Job.objects.values_list("phase", flat=True).get(pk=job.pk)


def events_of(job: Job) -> list[tuple[str, str]]:
    """Kind and text of each event, in order."""
    rows = Event.objects.filter(job=job).order_by("sequence")
    return list(rows.values_list("kind", "text"))


def wait_until(
    condition: Callable[[], object], limit: float = 30.0, told: Callable[[], str] = str
) -> None:
    """Wait for a condition, and fail when it does not come true in time."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"waited {limit:g} s in vain {told()}"
        time.sleep(0.02)
