"""`hven --service URL APPLICATION`: the same command line, run by a service."""

from __future__ import annotations

import argparse
import contextlib
import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hven.cli import faults
from hven.cli.application import report_for
from hven.cli.interruption import STOPPED, interruptible
from hven.cli.options import THERE, Command, read_command, spelled
from hven.cli.report import Outcome, Report
from hven.cli.service_choice import open_service
from hven.declare import Application
from hven.declare.folder import output_folder
from hven.errors import Fault, HvenError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hven.cli.report import Listener
    from hven.client import Job, Service
    from hven.client.following import JobEvent
    from hven.client.remote import RemoteApplication


def run_remotely(url: str, name: str, words: list[str]) -> int:
    """Have a service run one application with the words behind its name; gives the exit code."""
    report = report_for(words)
    spell: Any = str
    try:
        with open_service(url) as service:
            application = _found(service, name)
            spell = functools.partial(spelled, application.declaration)
            command = read_command(application.declaration, words, THERE)
            return _Remote(service, application, report).run(command)
    except SystemExit as end:  # argparse, after it has printed the help
        return int(end.code or 0)
    except BrokenPipeError:
        raise
    except Exception as error:
        failure = failure_of(error, spell)
        report.failed(failure)
        return failure.code


def failure_of(error: Exception, spell: Any = str) -> faults.Failure:
    """What to tell of an error at a service; a fault of this program goes to a file as ever."""
    if not isinstance(error, HvenError):
        return faults.failure_of(error)
    lines = faults.lines_of(error, spell)
    return faults.Failure(
        error.exit_code, type(error).__name__, lines, tuple(getattr(error, "faults", ()))
    )


def show_list(url: str) -> int:
    """The applications of a service."""
    with open_service(url) as service:
        found = service.applications.values()
        width = max((len(each.name) for each in found), default=0)
        for each in found:
            summary = f"{each.summary[:1].lower()}{each.summary[1:]}"
            print(f"{each.name:<{width}}  {each.title}: {summary}")
    return 0


def remote_schema(url: str, name: str) -> Mapping[str, Any]:
    """The JSON Schema of an application of a service."""
    with open_service(url) as service:
        return _found(service, name).schema


class _Told(NamedTuple):
    """An event of a job, as that of a run on this machine."""

    sequence: int
    time: float
    kind: str
    text: str
    data: Mapping[str, Any]


class _Remote:
    """One command at a service."""

    def __init__(self, service: Service, application: RemoteApplication, report: Report) -> None:
        self._service = service
        self._application = application
        self._declaration: Application = application.declaration
        self._report = report
        self._job: Job | None = None

    def run(self, command: Command) -> int:
        """Send, wait, fetch; gives the exit code."""
        started = time.monotonic()
        try:
            with interruptible(), self._report.listening() as listener:
                folder = self._submit(command, listener)
                if folder is not None:
                    outputs = self._finish(folder, listener)
        except KeyboardInterrupt:
            if self._job is None:
                raise
            self._report.left(self._job.id, self._service.url, stopped=True)
            return STOPPED
        job = self._job
        assert job is not None
        if folder is None:
            self._report.left(job.id, self._service.url, stopped=False)
            return 0
        more = {"job": job.id, "service": self._service.url}
        seconds = time.monotonic() - started
        self._report.finished(
            Outcome(self._declaration, outputs, folder, job.progress, seconds, more)
        )
        return 0

    def _submit(self, command: Command, listener: Listener) -> Path | None:
        """Make the job; gives the folder for its results, None where nobody waits for them."""
        running, wrong = command.running, list(command.faults)
        if running.output is None and not running.detach:
            told = "must be given with -o FOLDER, or --detach instead, got nothing"
            wrong.append(Fault("output", told))
        given = self._application.prepared(command.given, listener, tuple(wrong))
        folder = None if running.detach else output_folder(running.output)
        self._job = self._service.make(self._application.name, given)
        return folder

    def _finish(self, folder: Path, listener: Listener) -> dict[str, Any]:
        """Wait for the end and fetch what came out, also of a job that failed."""
        job = self._job
        assert job is not None
        self._listen(job, listener)
        error = job.error
        with contextlib.suppress(HvenError) if error else contextlib.nullcontext():
            saved = job.save_told(folder, listener)
        if error is not None:
            raise error
        return {name: path for name, path in saved.items() if name not in ("log", "provenance")}

    def _listen(self, job: Job, listener: Listener) -> None:
        from hven.client.narrating import Narrator

        narrate = Narrator(listener, job.id)
        programs = self._report.for_programs
        for event in job.follow(tell=listener):
            if programs:
                listener(_told(event))
            else:
                narrate(event)


def _told(event: JobEvent) -> _Told:
    return _Told(event.number, event.time.timestamp(), event.kind, event.text, event.data)


def _found(service: Service, name: str) -> RemoteApplication:
    if name not in service.applications:
        known = ", ".join(service.applications) or "(it offers none)"
        told = f"must be a command or one of the service's: {known}, got '{name}'"
        raise ParameterError([Fault(name, told)])
    return service.applications[name]


def read_options(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace | int:
    """The options of a command, or its exit code where its help was asked for."""
    try:
        return parser.parse_args(words)
    except SystemExit as end:  # argparse, after it has printed the help
        return int(end.code or 0)
