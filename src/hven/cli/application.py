"""`hven APPLICATION`: parameters read, the body run, the user told."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hven.cli import faults
from hven.cli.interruption import STOPPED, interruptible
from hven.cli.options import HERE, Command, read_command, spelled
from hven.cli.report import JsonReport, Outcome, Report, TextReport
from hven.declare import Application, registry
from hven.errors import CancelledError, Fault, ParameterError

if TYPE_CHECKING:
    from hven.library import Request


def run_application(name: str, words: list[str]) -> int:
    """Run one application with the words behind its name; gives the exit code."""
    application = _found(name)
    report = report_for(words)
    folder: Path | None = None
    try:
        request = _checked(application, read_command(application, words, HERE))
        folder = request.folder
        return _run(request, report)
    except SystemExit as end:  # argparse, after it has printed the help
        return int(end.code or 0)
    except BrokenPipeError:  # `hven mosaic ... | head -1`: the run is done, its reader has enough
        raise
    except Exception as error:
        spell = functools.partial(spelled, application)
        failure = faults.failure_of(error, folder=folder, spelled=spell)
        report.failed(failure)
        return failure.code


def _run(request: Request, report: Report) -> int:
    from hven.library import perform
    from hven.progress.tally import Tally

    # What an earlier run left there is not of this one.
    (request.folder / faults.TRACEBACK).unlink(missing_ok=True)
    tally, started = Tally(), time.monotonic()
    try:
        with interruptible(), report.listening() as listener:
            result = perform(request, [tally, listener])
    except (KeyboardInterrupt, CancelledError):
        report.stopped(tally)
        return STOPPED
    outputs = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    seconds = time.monotonic() - started
    report.finished(Outcome(request.application, outputs, request.folder, tally, seconds))
    return 0


def report_for(words: list[str]) -> Report:
    """How to tell; found before all else is read, so that faults are told that way too."""
    manner = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    manner.add_argument("-q", "--quiet", action="store_true")
    manner.add_argument("--json", action="store_true")
    asked, _ = manner.parse_known_args(words)
    return (JsonReport if asked.json else TextReport)(quiet=asked.quiet)


def _found(name: str) -> Application:
    try:
        return registry.find(name)
    except ParameterError as error:
        text = error.faults[0].text.replace("must be one of", "must be a command or one of")
        raise ParameterError([Fault(name, text)]) from None


def _checked(application: Application, command: Command) -> Request:
    """Everything the command line asks for; all its faults at once."""
    from hven.library import output_folder, prepare

    running, faults = command.running, list(command.faults)
    workers = None
    try:
        workers = _workers(running.workers)
    except ParameterError as error:
        faults.extend(error.faults)
    if running.output is None:
        faults.append(Fault("output", "must be given with -o FOLDER, got nothing"))
    return prepare(
        application,
        command.given,
        folder=lambda: output_folder(running.output),
        executor=running.executor,
        workers=workers,
        store=running.store,
        faults=faults,
    )


def _workers(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        fault = Fault("workers", f"must be a whole number of at least 1, got '{text}'")
        raise ParameterError([fault])
    return int(text)
