"""`hven jobs`, `job`, `get`, `cancel`: jobs of a service."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hven.cli.interruption import STOPPED, interruptible
from hven.cli.parser import Parser
from hven.cli.remote import failure_of, read_options
from hven.cli.service_choice import add_service_option, open_service
from hven.cli.tables import print_json, print_record, print_table
from hven.errors import Fault, HvenError, ParameterError

if TYPE_CHECKING:
    import argparse

    from hven.client import Job, Service

_MOST = 20


def list_jobs(words: list[str]) -> int:
    """The jobs of who asks, newest first."""
    parser = _parser("jobs", "Your jobs at a service, newest first.")
    parser.add_argument("--phase", action="append", default=[], metavar="PHASE",
                        help="only those in this phase; may be repeated")  # fmt: skip
    parser.add_argument("--application", default="", metavar="NAME", help="only those of this one")
    parser.add_argument("--limit", default=str(_MOST), metavar="N", help=f"default {_MOST}")
    return _with_service(parser, words, _list)


def show_job(words: list[str]) -> int:
    """One job; also as it gets on."""
    parser = _parser("job", "What there is to know of a job.")
    parser.add_argument("job", metavar="ID")
    parser.add_argument("--follow", action="store_true", help="show how it gets on until it ends")
    return _with_service(parser, words, _show)


def get_results(words: list[str]) -> int:
    """Fetch the files of a job."""
    parser = _parser("get", "Fetch the files of a job; what broke off is gone on with.")
    parser.add_argument("job", metavar="ID")
    parser.add_argument(
        "-o", "--output", metavar="FOLDER", help="default: a folder named as the job"
    )
    parser.add_argument("--result", action="append", default=[], metavar="NAME",
                        help="only this one; may be repeated")  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true", help="show nothing but faults")
    return _with_service(parser, words, _get)


def cancel_job(words: list[str]) -> int:
    """Stop jobs for good."""
    parser = _parser("cancel", "Stop jobs for good; the results that they have are kept.")
    parser.add_argument("job", nargs="+", metavar="ID")
    return _with_service(parser, words, _cancel)


def _parser(name: str, description: str) -> Parser:
    parser = Parser(prog=f"hven {name}", description=description, allow_abbrev=False)
    add_service_option(parser)
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def _with_service(
    parser: Parser, words: list[str], act: Callable[[Service, argparse.Namespace], int]
) -> int:
    options = read_options(parser, words)
    if isinstance(options, int):
        return options
    with open_service(options.service) as service:
        return act(service, options)


def _list(service: Service, options: argparse.Namespace) -> int:
    text = options.limit
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise ParameterError([Fault("--limit", f"must be a whole number above 0, got '{text}'")])
    found = service.jobs(phase=options.phase, application=options.application)
    jobs = [dict(job.summary) for job in itertools.islice(found, int(text))]
    if options.json:
        print_json(jobs)
        return 0
    rows = [
        (
            job["id"],
            job["application"],
            job["phase"],
            job["progress"]["words"],
            job["created"][:19].replace("T", " "),
            job["label"],
        )
        for job in jobs
    ]
    columns = ("id", "application", "phase", "progress", "created", "label")
    print_table(columns, rows, "no jobs")
    return 0


def _show(service: Service, options: argparse.Namespace) -> int:
    job = service.job(options.job)
    if options.follow:
        code = _follow(job, options)
        if code:
            return code
    if options.json:
        print_json(job.document)
    elif not options.follow:
        print_record(_record(job))
        for file in job.results.values():
            print(f"  {file!r}"[:-1].replace("<", "", 1))
    return 0


def _follow(job: Job, options: argparse.Namespace) -> int:
    """Show how a job gets on; gives the exit code that a run on this machine would have."""
    from hven.progress.display import display

    try:
        with interruptible(), display(shown=not options.json) as listener:
            job.listen(listener)
    except KeyboardInterrupt:
        sys.stderr.write(f"\nhven: job {job.id} goes on; hven cancel {job.id} stops it\n")
        return STOPPED
    error = job.error
    if error is None:
        return 0
    return _told(error)


def _told(error: HvenError) -> int:
    failure = failure_of(error)
    sys.stderr.write("".join(f"hven: {line}\n" for line in failure.lines))
    return failure.code


def _record(job: Job) -> dict[str, Any]:
    found = job.document
    queue, error = found["queue"], found["error"]
    return {
        "job": found["id"],
        "application": f"{found['application']} {found['application_version']}",
        "label": found["label"],
        "phase": found["phase"],
        "waits": queue and f"place {queue['position']}: {queue['reason']}",
        "progress": found["progress"]["words"],
        "created": found["created"],
        "started": found["started"],
        "ended": found["ended"],
        "kept until": found["destruction"],
        "error": error and error["message"],
        "parameters": found["parameters"],
    }


def _get(service: Service, options: argparse.Namespace) -> int:
    from hven.progress.display import display

    job = service.job(options.job)
    folder = Path(options.output or job.id).expanduser()
    with display(shown=not (options.quiet or options.json)) as listener:
        saved = job.save_told(folder, listener, options.result or None)
    if options.json:
        print_json({name: str(path) for name, path in saved.items()})
    elif not options.quiet:
        for path in saved.values():
            print(path)
    if not saved:
        sys.stderr.write(f"hven: job {job.id} is {job.phase} and has no files yet\n")
    return 0


def _cancel(service: Service, options: argparse.Namespace) -> int:
    code, found = 0, {}
    for name in options.job:
        try:
            job = service.job(name).cancel()
        except HvenError as error:
            code = code or _told(error)
            continue
        found[job.id] = job.phase
        if not options.json:
            print(f"job {job.id} {'is stopped' if job.phase == 'ABORTED' else 'is being stopped'}")
    if options.json:
        print_json(found)
    return code
