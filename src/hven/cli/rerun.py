"""`hven rerun JOB`: does a job of the service again from nothing, and compares."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from hven.cli.admin import with_database
from hven.cli.service_data import Parser, add_service_options, find_job, open_service
from hven.cli.tables import print_json

if TYPE_CHECKING:
    from hven.jobs.models import Job

_END = """\
The results of the first time are kept, and those of the new job are as those of any other. Exit
code 0: all results are the same, or differ in the date of a FITS header only. 1: they differ, or
the new job did not complete. hven admin drain, list and show help where it does not begin.
"""


def rerun(words: list[str]) -> int:
    """Submit the same again, wait for it, and tell whether the results are the same."""
    parser = Parser(
        prog="hven rerun",
        description="Do a job of the service again, reusing nothing, and compare the results.",
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("job", metavar="JOB")
    add_service_options(parser)
    try:
        options = parser.parse_args(words)
    except SystemExit as end:  # argparse, after it has printed the help
        return int(end.code or 0)
    open_service(options)
    return with_database(lambda: _rerun(options))


def _rerun(options: argparse.Namespace) -> int:
    from hven.jobs import repeat
    from hven.jobs.phases import Phase

    before = find_job(options.job)
    now = repeat.repeat(before)
    _tell(f"job {now.pk} does {before.application} again")
    _warn_without_dispatcher()
    try:
        now = repeat.wait_for(now, _Teller())
    except KeyboardInterrupt:
        _tell(f"job {now.pk} goes on; hven admin cancel {now.pk} stops it")
        raise
    if now.phase != Phase.COMPLETED:
        reason = f": {now.error_message}" if now.error_message else ""
        _tell(f"job {now.pk} ended as {now.phase}{reason}")
        if options.json:
            print_json({"job": now.pk, "phase": now.phase, "same": False, "results": []})
        return 1
    compared = repeat.compare(before, now)
    same = all(result.verdict.same for result in compared)
    if options.json:
        results = [
            {"name": name, "same": verdict.same, "text": verdict.text} for name, verdict in compared
        ]
        print_json({"job": now.pk, "phase": now.phase, "same": same, "results": results})
        return 0 if same else 1
    for name, verdict in compared:
        print(f"{name}: {verdict.text if verdict.same else f'DIFFERS: {verdict.text}'}")
    print("the same results" if same else "the results differ")
    return 0 if same else 1


class _Teller:
    """Tells of a job's phase when it is another."""

    def __init__(self) -> None:
        self._told = ""

    def __call__(self, job: Job) -> None:
        if job.phase != self._told:
            self._told = job.phase
            _tell(job.phase.lower())


def _warn_without_dispatcher() -> None:
    from datetime import timedelta

    from hven.jobs.clock import now
    from hven.jobs.models import Part

    seen = now() - timedelta(minutes=1)
    if not Part.objects.filter(kind="dispatcher", seen__gt=seen).exists():
        _tell("no dispatcher runs now; it begins when the service does")


def _tell(text: str) -> None:
    sys.stderr.write(f"hven: {text}\n")
