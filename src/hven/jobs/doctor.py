"""The doctor: finds what is not as it should be, says how to mend it, and does so if asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from django.db import connection, transaction
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from hven.engine.store import open_store
from hven.jobs import file_faults, limits
from hven.jobs.clock import lease_clock, now
from hven.jobs.configuration import configuration
from hven.jobs.finding import Finding
from hven.jobs.models import Attempt, Event, Job, Notification, Outcome, Part, Switch
from hven.jobs.orphans import end_orphan, find_orphans
from hven.jobs.phases import Phase
from hven.jobs.queue import DRAIN
from hven.jobs.recovery import recover
from hven.jobs.transitions import News, change

#: What lasts longer than this has been forgotten, not just begun.
_LONG = timedelta(minutes=10)
#: Parts say that they live every five seconds.
_SILENT = timedelta(seconds=60)


def examine(*, deep: bool = False) -> Iterator[Finding]:
    """Everything that is not as it should be, as it is found.

    Parameters
    ----------
    deep
        Whether contents are read too, of every result, upload and kept product.
    """
    yield from _database(deep)
    yield from _service()
    yield from _leases()
    yield from _attempts()
    yield from _overdue()
    yield from _mails()
    yield from _processes()
    yield from file_faults.examine_results(deep)
    yield from file_faults.examine_uploads(deep)
    yield from file_faults.examine_folders()
    if deep:
        yield from _events()
        yield from file_faults.examine_products(open_store(configuration().store_location))


def _database(deep: bool) -> Iterator[Finding]:
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check" if deep else "PRAGMA quick_check")
        faults = [text for (text,) in cursor.fetchall() if text != "ok"]
    for fault in faults:
        yield Finding(
            "database.damaged",
            str(connection.settings_dict["NAME"]),
            fault,
            "stop the service and put back the last copy of the data folder, "
            "or try: sqlite3 FILE .recover",
        )


def _service() -> Iterator[Finding]:
    alive = Part.objects.filter(seen__gt=now() - _SILENT)
    kinds = set(alive.values_list("kind", flat=True))
    waiting = Job.objects.filter(phase=Phase.QUEUED, deleted=None).count()
    if "dispatcher" not in kinds and waiting:
        text = f"no dispatcher runs, and {waiting} jobs wait"
        yield Finding("service.no_dispatcher", "dispatcher", text, "start hven serve")
    if "keeper" not in kinds:
        text = "no keeper runs: nothing expires and no mail is sent"
        yield Finding("service.no_keeper", "keeper", text, "start hven serve")
    drained = Switch.objects.filter(name=DRAIN).first()
    if drained is not None:
        text = f"drained since {drained.since:%Y-%m-%d %H:%M} UTC: {drained.reason or 'no reason'}"
        yield Finding("service.drained", DRAIN, text, "when the work is done: hven admin resume")
    free, reserve = limits.free_bytes(), configuration().disk_reserve
    if free < reserve:
        text = f"{free} bytes are free, fewer than the reserve of {reserve}: no job begins"
        remedy = "make space, or shorten retention_days or keep_products_hours"
        yield Finding("disk.full", str(configuration().data), text, remedy)


def _leases() -> Iterator[Finding]:
    over = lease_clock().is_over()
    for job in Job.objects.filter(over, phase=Phase.EXECUTING):
        yield Finding(
            "lease.over",
            str(job.pk),
            f"attempt {job.attempt} on {job.node} has not been heard of for too long",
            "it is tried again, or settled as was wanted; a dispatcher does so each second",
            partial(recover, configuration().node),
        )


def _attempts() -> Iterator[Finding]:
    """Attempts that are said to run though another one does, or none."""
    current = Q(job__phase=Phase.EXECUTING.value, job__attempt=F("number"))
    for attempt in Attempt.objects.filter(outcome=Outcome.RUNNING).exclude(current):
        yield Finding(
            "attempt.left",
            str(attempt.job_id),
            f"attempt {attempt.number} is said to run, and does not",
            "it is marked as lost",
            partial(_mark_lost, attempt),
        )


def _mark_lost(attempt: Attempt) -> None:
    running = Attempt.objects.filter(pk=attempt.pk, outcome=Outcome.RUNNING)
    running.update(outcome=Outcome.LOST, ended=now())


def _overdue() -> Iterator[Finding]:
    due = Job.objects.filter(destruction__lt=now() - _LONG).exclude(phase=Phase.ARCHIVED)
    for job in due:
        yield Finding(
            "job.overdue",
            str(job.pk),
            f"should have been archived on {job.destruction:%Y-%m-%d %H:%M} UTC",
            "a keeper does so, unless the clock jumped in the last quarter of an hour: "
            "start hven serve",
        )


def _mails() -> Iterator[Finding]:
    early = now() - _LONG
    for wanted in Notification.objects.filter(state="sending", not_before__lt=early):
        why = f" ({wanted.error})" if wanted.error else ""
        yield Finding(
            "mail.in_doubt",
            str(wanted.job_id),
            f"nobody knows whether the mail to {wanted.address} went out{why}",
            "it is marked as failed, and never sent again",
            partial(_give_up, wanted),
        )
    waiting = Notification.objects.filter(state="waiting", not_before__lt=early).count()
    if waiting:
        text = f"{waiting} mails should have been sent long ago"
        yield Finding("mail.waiting", "mail", text, "start hven serve, which has a keeper")


def _give_up(wanted: Notification) -> None:
    text = f"mail to {wanted.address} may not have been sent"
    data = {"address": wanted.address, "state": "failed", "event": wanted.event}
    with transaction.atomic():
        doubtful = Notification.objects.filter(pk=wanted.pk, state="sending")
        if doubtful.update(state="failed"):
            change(Q(), wanted.job_id, [News("mail", text, data)])


def _processes() -> Iterator[Finding]:
    for orphan in find_orphans():
        yield Finding(
            "process.orphan",
            str(orphan.process),
            f"works for attempt {orphan.attempt} of job {orphan.job}, which is over",
            "it is killed",
            partial(end_orphan, orphan),
        )


def _events() -> Iterator[Finding]:
    """Jobs whose events are not numbered without a gap."""
    counted = (
        Event.objects.filter(job=OuterRef("pk")).order_by().values("job").annotate(n=Count("pk"))
    )
    jobs = Job.objects.annotate(rows=Coalesce(Subquery(counted.values("n")), 0))
    for job in jobs.exclude(rows=F("events")):
        text = f"has {job.rows} events, and the newest has the number {job.events}"
        remedy = "report it; nothing but a damaged database does this"
        yield Finding("job.events", str(job.pk), text, remedy)
