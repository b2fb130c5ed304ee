"""The dispatcher: takes jobs whose turn it is and forks a driver for each.

It is a single thread that has imported every application, so that a driver and its performer begin
in milliseconds. It may be killed at any moment, and there may be several: the truth is in the
database.
"""

from __future__ import annotations

import functools
import gc
import logging
import os
import time
from collections.abc import Callable
from typing import NoReturn

from django.db import connections
from django.db.models import Count

from hven.errors import UnavailableError
from hven.jobs import limits, queue
from hven.jobs.applications import installed
from hven.jobs.clock import now
from hven.jobs.configuration import configuration
from hven.jobs.crash_points import crash_point
from hven.jobs.drive import drive
from hven.jobs.models import Job, Lane, Part, Stop
from hven.jobs.patience import patient
from hven.jobs.phases import Phase
from hven.jobs.recovery import recover, worker_name
from hven.jobs.transitions import Fence, News, change
from hven.jobs.wakeup import Waker

_log = logging.getLogger("hven.jobs.dispatch")
#: Seconds between two looks when nobody nudges.
_LOOK_EVERY = 0.2
#: Seconds between two looks for dead drivers.
_RECOVER_EVERY = 1.0
_SHOW_EVERY = 5.0
#: Seconds that running jobs get to stop when the service ends.
_LEAVE_SECONDS = 8.0


def dispatch_forever(stop: Callable[[], bool], *, slots: int | None = None) -> None:
    """Dispatch until `stop` says so; then have running jobs make room, and wait for that.

    Parameters
    ----------
    stop
        Asked several times a second.
    slots
        How many jobs run at a time on this machine; None is the setting.
    """
    dispatcher = Dispatcher(slots or configuration().slots)
    dispatcher.warm()
    try:
        while not stop():
            dispatcher.look_if_possible()
            dispatcher.waker.wait(_LOOK_EVERY)
    finally:
        dispatcher.leave()


class Dispatcher:
    """One dispatcher.

    Parameters
    ----------
    slots
        How many jobs run at a time on this machine, those of all its dispatchers together.
    """

    def __init__(self, slots: int) -> None:
        self.node = configuration().node
        self.slots = slots
        self.name = f"dispatcher {self.node} {os.getpid()}"
        self.waker = Waker(f"dispatch-{os.getpid()}")
        self._served: dict[int | None, float] = {}
        self._claims = 0
        self._recovered = 0.0
        self._shown = 0.0
        self._trouble = ""
        #: The drivers it has forked that were alive when it last looked, by process.
        self._children: dict[int, Fence] = {}
        #: What drivers had that ended badly, until their jobs are settled.
        self._dead: list[Fence] = []

    def warm(self) -> None:
        """Import every application that is offered, once for all drivers."""
        for application in installed():
            if application.warm is not None:
                application.warm()
        gc.collect()
        gc.freeze()  # What is there now is shared with forked processes as long as nobody moves it.

    def look_if_possible(self) -> None:
        """Do what there is to do; trouble that passes is told once and not each time."""
        trouble = ""
        try:
            self.look()
        except UnavailableError as error:
            trouble = str(error)
            if trouble != self._trouble:
                _log.warning("cannot dispatch: %s", error)
        self._trouble = trouble

    def look(self) -> None:
        """Do what there is to do now."""
        self._dead += self._reap()
        moment = time.monotonic()
        if moment - self._shown > _SHOW_EVERY:
            patient(self._show)
            self._shown = moment
        if self._dead or moment - self._recovered > _RECOVER_EVERY:
            patient(lambda: recover(self.node, self._dead))
            self._dead = []
            self._recovered = moment
        while limits.has_space() and (lanes := patient(self._free_lanes)):
            job = patient(functools.partial(self._claim, lanes))
            if job is None:
                break
            self._begin(job)

    def leave(self) -> None:
        """Have the jobs of this machine make room, wait for it, and go."""
        self._ask_to_make_room()
        deadline = time.monotonic() + _LEAVE_SECONDS
        while self._children and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.05)
        patient(lambda: Part.objects.filter(name=self.name).delete())
        self.waker.close()

    def _free_lanes(self) -> list[Lane]:
        """The lanes from which a job may be begun now.

        Of several slots one is never given to batch work, so that who waits for an answer does not
        wait for a night's computing.
        """
        running = dict(
            Job.objects.filter(phase=Phase.EXECUTING, node=self.node)
            .order_by()
            .values_list("lane")
            .annotate(number=Count("pk"))
        )
        if sum(running.values()) >= self.slots:
            return []
        lanes = list(Lane)
        if running.get(Lane.BATCH, 0) >= max(1, self.slots - 1):
            lanes.remove(Lane.BATCH)
        return lanes

    def _claim(self, lanes: list[Lane]) -> Job | None:
        return queue.claim_next(
            self.node,
            worker_name(self.node, self._claims),
            lease_seconds=configuration().lease_seconds,
            served=self._served,
            lanes=lanes,
        )

    def _begin(self, job: Job) -> None:
        self._served[job.owner_id] = time.monotonic()
        self._claims += 1
        fence = Fence(job.pk, job.attempt, job.worker)
        crash_point("fork.before")
        connections.close_all()  # No connection is shared with the process that is forked now.
        process = os.fork()
        if process == 0:
            self._become_driver(fence)
        self._children[process] = fence
        crash_point("fork.after")
        _log.info("begun", extra={"job": str(job.pk), "attempt": job.attempt, "driver": process})

    def _become_driver(self, fence: Fence) -> NoReturn:
        self.waker.close_inherited()
        drive(fence)

    def _reap(self) -> list[Fence]:
        """Take leave of drivers that have ended; gives what those had that did not end well."""
        dead = []
        for process in list(self._children):
            found, status = os.waitpid(process, os.WNOHANG)
            if found:
                fence = self._children.pop(process)
                dead += [fence] if status else []
        return dead

    def _ask_to_make_room(self) -> None:
        def ask() -> None:
            running = Job.objects.filter(phase=Phase.EXECUTING, node=self.node, stop="")
            for job in running:
                fence = Fence(job.pk, job.attempt, job.worker)
                text = "the service ends; the job goes on when it is back"
                change(fence.holds, job.pk, [News("request", text)], stop=Stop.REQUEUE)

        patient(ask)

    def _show(self) -> None:
        """Say that this dispatcher lives."""
        facts = {
            "kind": "dispatcher",
            "node": self.node,
            "process": os.getpid(),
            "slots": self.slots,
            "seen": now(),
        }
        Part.objects.update_or_create(name=self.name, defaults=facts)
