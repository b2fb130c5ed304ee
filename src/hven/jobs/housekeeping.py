"""The keeper: does in turn what no request waits for.

Each duty has a thread of its own, so that a slow mail server or a large store holds up nothing
else, and a duty that fails is tried again at its next time. Several keepers do each other no harm.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import close_old_connections, connections

from hven.engine.store import open_store
from hven.errors import UnavailableError
from hven.jobs import expiry, leftovers, mail, products, schedules
from hven.jobs.clock import now
from hven.jobs.configuration import configuration
from hven.jobs.models import Part
from hven.jobs.patience import patient, unavailable

_log = logging.getLogger("hven.jobs.housekeeping")
#: Seconds between two looks at whether the keeper is to end.
_LOOK_EVERY = 0.1
#: Seconds that duties get to finish what they do.
_LEAVE_SECONDS = 5.0
#: Parts that were not heard of for so long are forgotten.
_FORGET = timedelta(days=1)


class Duty(NamedTuple):
    """Something that is done again and again."""

    name: str
    #: Seconds from the end of one time to the next.
    every: float
    work: Callable[[], Any]


def keep_forever(stop: Callable[[], bool]) -> None:
    """Do all duties until `stop` says so.

    Parameters
    ----------
    stop
        Asked several times a second.
    """
    ending = threading.Event()
    threads = [
        threading.Thread(target=_keep_doing, args=(duty, ending), name=duty.name, daemon=True)
        for duty in duties()
    ]
    for thread in threads:
        thread.start()
    while not stop():
        time.sleep(_LOOK_EVERY)
    ending.set()
    deadline = time.monotonic() + _LEAVE_SECONDS
    for thread in threads:
        # What is not done by then may be left at any point, as if it had been killed.
        thread.join(max(0.0, deadline - time.monotonic()))
    with contextlib.suppress(UnavailableError):
        patient(lambda: Part.objects.filter(name=_name()).delete(), limit=1.0)
    connections.close_all()


def duties() -> list[Duty]:
    """All duties of a keeper."""
    return [
        Duty("presence", 5.0, show),
        Duty("expiry", 10.0, expiry.sweep),
        Duty("mail", 2.0, mail.send_waiting),
        Duty("schedules", 2.0, schedules.submit_due),
        Duty("leftovers", 3600.0, leftovers.remove_leftovers),
        Duty("products", 900.0, _free_products),
    ]


def do_once(duty: Duty) -> bool:
    """Do a duty; a failure is told in the log and kept from the other duties."""
    try:
        patient(duty.work)
    except UnavailableError as error:
        _log.warning("%s put off: %s", duty.name, error, extra={"duty": duty.name})
        return False
    except Exception as error:
        passing = unavailable(error)
        if passing is not None:
            _log.warning("%s put off: %s", duty.name, passing, extra={"duty": duty.name})
        else:
            _log.exception("%s failed", duty.name, extra={"duty": duty.name})
        return False
    return True


def show() -> None:
    """Say that this keeper lives, and forget parts that have not been heard of for a day."""
    settings = configuration()
    facts = {"kind": "keeper", "node": settings.node, "process": os.getpid(), "seen": now()}
    Part.objects.update_or_create(name=_name(), defaults=facts)
    Part.objects.filter(seen__lt=now() - _FORGET).delete()


def _keep_doing(duty: Duty, ending: threading.Event) -> None:
    try:
        while not ending.is_set():
            close_old_connections()
            do_once(duty)
            ending.wait(duty.every)
    finally:
        connections.close_all()


def _free_products() -> None:
    products.free_unused(open_store(configuration().store_location))


def _name() -> str:
    return f"keeper {configuration().node} {os.getpid()}"
