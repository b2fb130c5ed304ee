"""What a mail about the end of a job says."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from hven.jobs.clock import now
from hven.jobs.configuration import configuration
from hven.jobs.models import Job, Notification
from hven.jobs.phases import Phase

_OUTCOMES = {
    Phase.COMPLETED: "has completed",
    Phase.ERROR: "has failed",
    Phase.ABORTED: "was stopped",
    Phase.ARCHIVED: "has ended, and its files are removed",
}


def letter(wanted: Notification) -> EmailMessage:
    """The mail to one address about a job as it is now.

    Raises
    ------
    ValueError
        The address cannot be one.
    """
    job = wanted.job
    message = EmailMessage()
    message["From"] = configuration().mail_from
    message["To"] = wanted.address
    message["Subject"] = f"{_name(job)} {_outcome(job)}"
    message["Date"] = format_datetime(now())
    # The same for each try, so that a relay that got it twice can tell.
    message["Message-ID"] = f"<{job.pk}.{wanted.event}.{wanted.pk}@{_host()}>"
    # Nobody's holiday answer comes back (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(_lines(job)))
    return message


def address_of(job: Job) -> str:
    """Where a client finds a job."""
    settings = configuration()
    base = settings.url or f"http://{settings.host}:{settings.port}"
    return f"{base.rstrip('/')}/api/v1/jobs/{job.pk}"


def _lines(job: Job) -> list[str]:
    lines = [f"Your job {_name(job)} {_outcome(job)}.", ""]
    if job.error_message:
        lines += [job.error_message, *(f"  {name}: {text}" for name, text in job.error_faults), ""]
        if job.error_kind == "transient":
            lines += ["This was not your fault; trying again may help.", ""]
    lines += [
        f"Application: {job.application}",
        f"Submitted:   {_words(job.created)}",
        f"Begun:       {_words(job.started)}",
        f"Ended:       {_words(job.ended)}",
    ]
    if job.steps_total:
        reused = f", {job.steps_reused} of them reused" if job.steps_reused else ""
        lines += [f"Steps:       {job.steps_done} of {job.steps_total} done{reused}"]
    results = [result.name for result in job.results.order_by("order", "pk")]
    if results:
        partial = "" if job.phase == Phase.COMPLETED else " (partial)"
        lines += [f"Results:     {', '.join(results)}{partial}"]
    if job.phase != Phase.ARCHIVED:
        lines += ["", f"It can be fetched until {_words(job.destruction)} from"]
    return [*lines, "", address_of(job), ""]


def _name(job: Job) -> str:
    # A line break in a label must not begin another line of the mail's head.
    label = " ".join(job.label.split())
    return f'"{label}" ({job.application})' if label else f"{job.application} {job.pk}"


def _outcome(job: Job) -> str:
    return _OUTCOMES.get(Phase(job.phase), "has changed")


def _words(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else "never"


def _host() -> str:
    return configuration().mail_from.rpartition("@")[2].strip("> ") or "hven"
