"""`hven admin` on jobs and the service: list, show, cancel, requeue, drain, resume, doctor."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from hven.cli.service_data import find_job
from hven.cli.tables import print_json, print_record, print_table
from hven.errors import Fault, ParameterError, UserError

if TYPE_CHECKING:
    from hven.jobs.finding import Finding
    from hven.jobs.models import Job

_MOST_EVENTS = 20


class Adder(Protocol):
    """Adds commands to a parser."""

    def command(
        self, name: str, text: str, run: Callable[[argparse.Namespace], int]
    ) -> argparse.ArgumentParser:
        """A command."""

    def group(self, name: str, text: str) -> Adder:
        """A command that has commands of its own."""


def _add_list(commands: Adder) -> None:
    parser = commands.command("list", "jobs, the newest first", _list)
    parser.add_argument("--phase", action="append", help="only those in this phase; repeatable")
    parser.add_argument("--user", help="only those of this user")
    parser.add_argument("--application", help="only those of this application")
    parser.add_argument("--number", type=int, default=30, help="how many at most; default 30")


def _add_show(commands: Adder) -> None:
    parser = commands.command("show", "all that is known of a job", _show)
    parser.add_argument("job", metavar="JOB")
    parser.add_argument(
        "--all-events", action="store_true", help=f"not only the last {_MOST_EVENTS}"
    )


def _add_cancel(commands: Adder) -> None:
    parser = commands.command("cancel", "stop jobs for good; results so far are kept", _cancel)
    _add_jobs_and_reason(parser)


def _add_requeue(commands: Adder) -> None:
    parser = commands.command(
        "requeue", "have running jobs make room and go on later; release held ones", _requeue
    )
    _add_jobs_and_reason(parser)


def _add_jobs_and_reason(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="+")
    parser.add_argument("--reason", default="", help="what its owner is told")


def _add_drain(commands: Adder) -> None:
    text = "take and begin no more jobs, before maintenance; running ones go on to their end"
    parser = commands.command("drain", text, _drain)
    parser.add_argument("reason", nargs="?", default="", help="what users are told")
    parser.add_argument("--requeue", action="store_true", help="have running jobs make room now")


def _add_resume(commands: Adder) -> None:
    commands.command("resume", "take and begin jobs again", _resume)


def _add_doctor(commands: Adder) -> None:
    text = "find what is not as it should be, and say how to mend it"
    parser = commands.command("doctor", text, _doctor)
    parser.add_argument("--deep", action="store_true", help="read all files, too")
    parser.add_argument("--mend", action="store_true", help="mend what can be mended")


COMMANDS = (
    _add_list,
    _add_show,
    _add_cancel,
    _add_requeue,
    _add_drain,
    _add_resume,
    _add_doctor,
)


def _list(options: argparse.Namespace) -> int:
    from hven.jobs.models import Job
    from hven.jobs.queue import positions

    jobs = Job.objects.select_related("owner").filter(deleted=None)
    if options.phase:
        jobs = jobs.filter(phase__in=[_phase(text) for text in options.phase])
    if options.user:
        jobs = jobs.filter(owner__username=options.user)
    if options.application:
        jobs = jobs.filter(application=options.application)
    found = list(jobs.order_by("-created", "-pk")[: max(0, options.number)])
    places = positions(found)
    if options.json:
        print_json([_summary(job) | {"queue": places[job.pk]._asdict()} for job in found])
        return 0
    rows = [
        [
            job.pk,
            _owner(job),
            job.application,
            job.phase,
            job.get_lane_display(),
            job.created,
            f"{job.steps_done}/{job.steps_total}",
            _remark(job, places[job.pk].reason),
        ]
        for job in found
    ]
    columns = ("JOB", "OWNER", "APPLICATION", "PHASE", "LANE", "CREATED (UTC)", "STEPS", "REMARK")
    print_table(columns, rows, "no jobs")
    return 0


def _phase(text: str) -> str:
    from hven.jobs.phases import Phase

    if text.upper() not in set(Phase):
        told = f"must be one of {', '.join(Phase)}, got '{text}'"
        raise ParameterError([Fault("--phase", told)])
    return text.upper()


def _remark(job: Job, reason: str) -> str:
    lines = job.error_message.splitlines() or [reason or job.label]
    return lines[0] if len(lines[0]) <= 60 else f"{lines[0][:59]}…"


def _show(options: argparse.Namespace) -> int:
    from hven.jobs.models import Event
    from hven.jobs.queue import position

    job = find_job(options.job)
    place = position(job)
    attempts = list(
        job.attempts.order_by("number").values(
            "number", "node", "started", "ended", "outcome", "cause", "message", "steps_done",
            "steps_reused", "cpu_seconds", "peak_bytes",
        )
    )  # fmt: skip
    results = list(
        job.results.order_by("order", "pk").values("name", "role", "bytes", "sha256", "file")
    )
    events = Event.objects.filter(job=job).order_by("-sequence")
    last = events if options.all_events else events[:_MOST_EVENTS]
    told = list(last.values("sequence", "attempt", "time", "kind", "text"))[::-1]
    if options.json:
        record = _summary(job) | {"parameters": job.parameters, "queue": place._asdict()}
        print_json(record | {"attempts": attempts, "results": results, "events": told})
        return 0
    record = _summary(job) | {"queue": f"{place.number or ''} {place.reason}".strip()}
    print_record(record)
    for title, rows in (("attempts", attempts), ("results", results), ("events", told)):
        if rows:
            print(f"\n{title}")
            print_table(
                [name.upper() for name in rows[0]], [list(row.values()) for row in rows], ""
            )
    if job.parameters:
        print("\nparameters")
        print_record(job.parameters)
    return 0


def _cancel(options: argparse.Namespace) -> int:
    from hven.jobs import control

    text = options.reason or "cancelled by an administrator"
    return _each(options, "cancelled", lambda job: control.abort(job, text))


def _requeue(options: argparse.Namespace) -> int:
    from hven.jobs import administration

    return _each(options, "requeued", lambda job: administration.requeue(job, options.reason))


def _each(options: argparse.Namespace, done: str, work: Callable[[Job], None]) -> int:
    """Do it to each job; one that refuses keeps the others from nothing."""
    code, told = 0, []
    for text in options.jobs:
        try:
            job = find_job(text)
            work(job)
            job.refresh_from_db()
            stop = f", asked to stop ({job.stop})" if job.stop else ""
            told.append({"job": str(job.pk), "phase": job.phase, "stop": job.stop})
            if not options.json:
                print(f"{job.pk}: {done}; it is {job.phase}{stop}")
        except UserError as error:
            code = error.exit_code
            told.append({"job": text, "error": str(error)})
            sys.stderr.write(f"hven: {text}: {error}\n")
    if options.json:
        print_json(told)
    return code


def _drain(options: argparse.Namespace) -> int:
    from hven.jobs import administration
    from hven.jobs.models import Job
    from hven.jobs.phases import Phase

    running = administration.drain(options.reason)
    if options.requeue:
        for job in Job.objects.filter(phase=Phase.EXECUTING, stop=""):
            administration.requeue(job, options.reason)
    if options.json:
        print_json({"drained": True, "running": running})
    else:
        print(f"drained: no job is taken or begun; {running} still running")
    return 0


def _resume(options: argparse.Namespace) -> int:
    from hven.jobs import administration

    was_drained = administration.resume()
    if options.json:
        print_json({"drained": False, "was_drained": was_drained})
    else:
        print("jobs are taken and begun again" if was_drained else "the service was not drained")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from hven.jobs.doctor import examine

    found: list[dict[str, Any]] = []
    left = 0
    for finding in examine(deep=options.deep):
        mended = options.mend and _mend(finding)
        left += not mended
        found.append({**_finding(finding), "mended": mended})
        if not options.json:
            print(f"{finding.kind}  {finding.subject}\n  {finding.text}")
            print("  mended" if mended else f"  to mend: {finding.remedy}")
    if options.json:
        print_json(found)
    elif not found:
        print("all is well")
    elif not options.mend and any(finding["mendable"] for finding in found):
        print("\nhven admin doctor --mend does what is told here, where it can")
    return 1 if left else 0


def _mend(finding: Finding) -> bool:
    if finding.mend is None:
        return False
    finding.mend()
    return True


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "subject": finding.subject,
        "text": finding.text,
        "remedy": finding.remedy,
        "mendable": finding.mend is not None,
    }


def _summary(job: Job) -> dict[str, Any]:
    return {
        "job": job.pk,
        "owner": _owner(job),
        "application": job.application,
        "label": job.label,
        "phase": job.phase,
        "lane": job.get_lane_display(),
        "created": job.created,
        "queued": job.queued,
        "started": job.started,
        "ended": job.ended,
        "destruction": job.destruction,
        "archived": job.archived,
        "deleted": job.deleted,
        "not_before": job.not_before,
        "execution_duration": job.execution_duration or None,
        "attempt": job.attempt,
        "node": job.node,
        "stop": job.stop,
        "steps_done": job.steps_done,
        "steps_total": job.steps_total,
        "steps_reused": job.steps_reused,
        "result_bytes": job.result_bytes,
        "rerun_of": job.rerun_of_id,
        "error": job.error_message,
    }


def _owner(job: Job) -> str:
    return job.owner.username if job.owner else "(anonymous)"
