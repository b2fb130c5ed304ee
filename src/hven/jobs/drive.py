"""The driver: the process that looks after one attempt of a job.

It holds the lease, writes what the performer tells into the database, sees the wish to stop, and
enforces the limits of time and memory. It is forked by a dispatcher and needs it no more: a
dispatcher that dies takes no job with it.
"""

from __future__ import annotations

import functools
import logging
import os
import select
import shutil
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import NoReturn, TypeVar

from django.db import connections

from hven.errors import HvenError, UnavailableError
from hven.jobs import patience, settling
from hven.jobs.clock import boot_id
from hven.jobs.configuration import configuration
from hven.jobs.crash_points import crash_point
from hven.jobs.fetching import records, transfer
from hven.jobs.fetching.process import fetch_all
from hven.jobs.fetching.records import Fetched
from hven.jobs.models import Attempt, Cause, Job, Lane, Stop
from hven.jobs.outcomes import Failed, failed
from hven.jobs.performance import CONSOLE, TRACEBACK, Assignment, perform_job
from hven.jobs.performer import Performer
from hven.jobs.processes import start_of
from hven.jobs.references import stage, urls_of
from hven.jobs.reporting import Report
from hven.jobs.transitions import Fence
from hven.library.log import FILE_NAME

T = TypeVar("T")

_log = logging.getLogger("hven.jobs.drive")
#: Seconds between two looks at what the job's owner wants, two renewals of what was told, two
#: measurements of memory.
_LOOK_EVERY = 0.2
_FLUSH_EVERY = 0.2
_MEASURE_EVERY = 1.0
#: Seconds that the application is given to stop by itself.
GRACE_SECONDS = 2.2
#: Seconds for which a database may be away: the work goes on meanwhile, and is not thrown away.
_PATIENCE = 900.0


def drive(fence: Fence) -> NoReturn:
    """Run the attempt to its end, whatever that is, in this process, which was forked for it."""
    crash_point("drive.begin")
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    code = 0
    try:
        _Drive(fence).run()
    except BaseException as error:
        # Nobody hears a forked process's exception but this log; the job's lease ends by itself,
        # and the dispatcher sees that the process is gone.
        _log.exception("driver failed: %s", error, extra={"job": str(fence.job)})
        code = 70
    os._exit(code)


def patient(call: Callable[[], T]) -> T:
    """Do it when the database answers, and has space to write."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return patience.patient(call, _PATIENCE)
        except UnavailableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_EVERY)


class _Drive:
    def __init__(self, fence: Fence) -> None:
        self.fence = fence
        self.settings = configuration()
        self.job: Job = patient(lambda: Job.objects.select_related("owner").get(pk=fence.job))
        self.folder = self.settings.jobs_folder / str(fence.job) / f"attempt-{fence.attempt}"
        self.report = Report(fence, self.settings.lease_seconds)
        self.begun = time.monotonic()
        #: Why the performer was asked to stop, and when it is killed for not having done so.
        self.stopping = ""
        self.stop_reason = ""
        self.deadline = float("inf")
        self.too_much_memory = 0

    def run(self) -> None:
        patient(self._sign)
        inputs = self._inputs()
        assignment = None if inputs is None else self._assignment(inputs)
        if assignment is None:
            return
        self._settle(self._watched(functools.partial(perform_job, assignment)))

    def _watched(self, work: Callable[[socket.socket, Connection], int]) -> Performer:
        """Have a process work to its end."""
        connections.close_all()  # No connection is shared with the process that is forked now.
        performer = Performer(work, low=self.job.lane == Lane.BATCH)
        try:
            self._watch(performer)
        finally:
            performer.end()
        return performer

    def _sign(self) -> None:
        """Say which process drives the attempt, so that its death is seen at once."""
        Attempt.objects.filter(job=self.fence.job, number=self.fence.attempt).update(
            process=os.getpid(), process_start=start_of(os.getpid()), boot=boot_id()
        )

    def _inputs(self) -> list[Fetched] | None:
        """What the addresses among the inputs give; None when the attempt ended with them."""
        try:
            wanted = urls_of(self.job)
        except HvenError:  # Told by who stages the files, with all that is wrong.
            return []
        if not wanted:
            return []
        earlier = patient(lambda: records.of_earlier_attempts(self.job))
        missing = {url: names for url, names in wanted.items() if url not in earlier}
        known = [each for url, each in earlier.items() if url in wanted]
        if not missing:
            return known
        owner = None if self.job.owner_id is None else self.job.owner
        work = functools.partial(fetch_all, owner, missing, transfer.terms(), len(known))
        performer = self._watched(work)
        end = self.report.end or {}
        if self.report.fenced or self.stopping or end.get("outcome") != "fetched":
            self._settle(performer)
            return None
        self.report.end = None
        return [*known, *(Fetched(**each) for each in end["inputs"])]

    def _assignment(self, inputs: list[Fetched]) -> Assignment | None:
        job, settings = self.job, self.settings
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            uploads = {each.url: f"upload:{each.upload}" for each in inputs}
            staged = patient(lambda: stage(job, self.folder, uploads))
        except Exception as error:
            found = failed(error) or Failed("infrastructure", "engine.lost", str(error))
            patient(lambda: settling.fail(self.fence, found, self.report.account()))
            return None
        facts = {"id": str(job.pk), "attempt": job.attempt, "asked": job.parameters}
        if inputs:
            facts["fetched"] = [each._asdict() for each in inputs]
        return Assignment(
            job.application,
            staged.parameters,
            staged.digests,
            self.folder,
            settings.store_location,
            settings.executor,
            settings.workers,
            job.fresh,
            {"job": facts},
        )

    # -- while it runs ----------------------------------------------------------------------------

    def _watch(self, performer: Performer) -> None:
        looked = measured = time.monotonic()
        while not performer.said_all:
            pause = _FLUSH_EVERY if self.report.waiting else _LOOK_EVERY
            select.select([performer], [], [], pause)
            for message in performer.heard():
                self.report.take(message)
            now = time.monotonic()
            if self.report.due(now, _FLUSH_EVERY):
                patient(self.report.flush)
                crash_point("beat.after")
            if now - looked > _LOOK_EVERY:
                patient(self._look)
                looked = now
            if now - measured > _MEASURE_EVERY:
                self._measure(performer)
                measured = now
            if self.report.fenced:
                _log.warning("fenced off: another driver has the job", extra=self._extra())
                return
            self._stop(performer, now)

    def _look(self) -> None:
        """See what is wanted of the job, and whether it still is this driver's."""
        found = (
            Job.objects.filter(self.fence.holds)
            .values_list("stop", "stop_reason", "execution_duration")
            .first()
        )
        if found is None:
            self.report.fenced = True
            return
        wanted, reason, duration = found
        if wanted and not self.stopping:
            self.stopping, self.stop_reason = wanted, reason
        limits = [limit for limit in (duration, self.settings.duration_limit) if limit]
        if limits and not self.stopping and self._seconds() > min(limits):
            self.stopping = Stop.DURATION
            self.stop_reason = f"stopped after {min(limits)} s, as long as it may run"

    def _seconds(self) -> float:
        """How long the job has run, all attempts together."""
        earlier = Attempt.objects.filter(job=self.fence.job, ended__isnull=False)
        before = sum((a.ended - a.started).total_seconds() for a in earlier if a.ended)
        return before + time.monotonic() - self.begun

    def _measure(self, performer: Performer) -> None:
        taken = performer.taken()
        self.report.measure(taken)
        limit = self.job.memory_bytes or self.settings.first_memory
        if taken.bytes > limit and not self.too_much_memory:
            self.too_much_memory = taken.bytes
            performer.kill()

    def _stop(self, performer: Performer, now: float) -> None:
        if self.stopping and self.deadline == float("inf"):
            self.deadline = now + GRACE_SECONDS
            performer.ask_to_stop()
        if now > self.deadline:
            performer.kill()

    # -- the end ----------------------------------------------------------------------------------

    def _settle(self, performer: Performer) -> None:
        report, fence = self.report, self.fence
        if report.fenced:
            return
        patient(report.note_products)
        account = report.account()
        end = report.end or {}
        outcome = end.get("outcome")
        if outcome == "completed":
            crash_point("publish.before_files")
            done = patient(
                lambda: settling.complete(fence, end["files"], account, report.pending())
            )
        elif self.stopping:
            patient(lambda: report.keep_partial(self.folder))
            done = patient(
                lambda: settling.stop(
                    fence, self.stopping, self.stop_reason, account, report.pending()
                )
            )
        else:
            found = self._failure(performer, end)
            if found.cause == Cause.DISK:
                self._make_room()
            patient(lambda: report.keep_partial(self.folder))
            done = patient(lambda: settling.fail(fence, found, account, report.pending()))
        if not done:
            _log.warning("fenced off: the end of the attempt is void", extra=self._extra())
            return
        self._tidy(completed=outcome == "completed")

    def _failure(self, performer: Performer, end: dict[str, object]) -> Failed:
        if self.too_much_memory:
            limit = self.job.memory_bytes or self.settings.first_memory
            text = f"It took {self.too_much_memory:,} bytes of memory and may take {limit:,}."
            return Failed("memory", "resource.memory", text)
        if end.get("outcome") != "failed":
            return performer.death()
        found = Failed(
            str(end["cause"]),
            str(end["code"]),
            str(end["message"]),
            list(end["faults"]),  # type: ignore[call-overload]
        )
        if found.cause == "infrastructure" and performer.memory_ran_out():
            return found._replace(cause="memory", code="resource.memory")
        return found

    def _make_room(self) -> None:
        """Remove what was written and not published: the database may want space as well."""
        kept = {FILE_NAME, CONSOLE, TRACEBACK, *self.report.published}
        for path in self.folder.rglob("*"):
            if not path.is_dir() and str(path.relative_to(self.folder)) not in kept:
                path.unlink(missing_ok=True)

    def _tidy(self, *, completed: bool) -> None:
        """Remove what the attempt needed only while it ran, and what earlier ones left."""
        shutil.rmtree(self.folder / "inputs", ignore_errors=True)
        if completed:
            for folder in self.folder.parent.glob("attempt-*"):
                if folder != self.folder:
                    shutil.rmtree(folder, ignore_errors=True)

    def _extra(self) -> dict[str, object]:
        return {"job": str(self.fence.job), "attempt": self.fence.attempt}
