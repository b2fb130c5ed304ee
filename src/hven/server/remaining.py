"""Drivers that are still there after the service ended: their jobs go on when it is back."""

from __future__ import annotations

import logging

from django.db import connection

from hven.errors import UnavailableError
from hven.jobs.clock import boot_id
from hven.jobs.models import Attempt, Outcome
from hven.jobs.patience import patient
from hven.jobs.processes import is_alive, kill_group

_log = logging.getLogger("hven.server.remaining")


def kill_drivers(node: str) -> int:
    """Kill the drivers of this machine that did not make room in time; gives how many."""
    try:
        found = patient(lambda: list(_running(node)), 2)
    except UnavailableError as error:
        _log.warning("drivers cannot be found: %s", error)
        return 0
    finally:
        connection.close()
    count = 0
    for attempt in found:
        if is_alive(attempt.process, attempt.process_start):
            _log.warning("killed a driver that did not make room", extra={"job": attempt.job_id})
            kill_group(attempt.process)
            count += 1
    return count


def _running(node: str) -> list[Attempt]:
    running = Attempt.objects.filter(node=node, boot=boot_id(), outcome=Outcome.RUNNING)
    return list(running.exclude(process=0))
