"""The performer: the process in which a job's application runs.

It knows no database. It is told everything at its start, tells its driver what happens, is asked
to stop by SIGTERM, and dies when its driver does. So an application that never lets go of the
interpreter delays nobody's heartbeat, and whatever kills it is seen and named.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from hven.declare import Application
from hven.declare.registry import find
from hven.engine import Event, Run, Store
from hven.engine.executors.processes import die_with
from hven.engine.store import open_store, sync_all
from hven.errors import CancelledError
from hven.jobs.channel import Speaker
from hven.jobs.outcomes import Failed, failed
from hven.library import log, provenance
from hven.library.performing import perform
from hven.library.request import prepare

#: What the application prints.
CONSOLE = "console.txt"
#: What went wrong in the application, for its author.
TRACEBACK = "traceback.txt"
#: Settings that the application has no business to see.
_SECRETS = ("HVEN_DATABASE", "HVEN_SECRET_KEY", "HVEN_MAIL_SERVER")


class Assignment(NamedTuple):
    """What a performer is to do."""

    application: str
    #: As the application takes them, files by path.
    parameters: dict[str, Any]
    #: SHA-256 of input files that are known already.
    digests: dict[Path, str]
    #: The attempt's folder; it exists.
    folder: Path
    store: str
    executor: str
    workers: int | None
    #: Whether kept products are left aside.
    fresh: bool
    #: What the provenance record says of the job.
    facts: dict[str, Any]


def perform_job(assignment: Assignment, end: socket.socket, lifeline: Connection) -> int:
    """Run the application and tell the driver; gives the exit code of the process."""
    die_with(lifeline)
    _be_alone(assignment.folder)
    speaker = Speaker(end, hidden=f"{assignment.folder}/inputs/")
    stop = _Stop(assignment.folder / "inputs")
    signal.signal(signal.SIGTERM, stop)
    try:
        outputs, kept = _perform(assignment, speaker, stop)
    except BaseException as error:
        _tell_end(assignment, speaker, stop, failed(error), error)
        return 0
    files = list(_files(outputs, assignment.folder))
    speaker.tell("uses", **_uses(kept))
    speaker.tell("end", outcome="completed", files=files)
    return 0


class _Stop:
    """Takes the wish to stop, which may come before there is a run, to the run.

    Parameters
    ----------
    inputs
        The folder of the job's input files, beyond which it may read none that they name.
    """

    def __init__(self, inputs: Path) -> None:
        self._inputs = inputs
        self.asked = False
        self.run: Run | None = None

    def __call__(self, *_: object) -> None:
        # The interrupted code may hold the locks that cancelling takes: another thread waits for
        # them, while this one goes on and lets them go.
        self.asked = True
        threading.Thread(target=self._cancel, name="hven-cancel", daemon=True).start()

    def begun(self, run: Run) -> None:
        run.confined = self._inputs
        self.run = run
        if self.asked:
            raise CancelledError("the run was asked to stop before it began")

    def _cancel(self) -> None:
        if self.run is not None:
            self.run.cancel()


def _perform(
    assignment: Assignment, speaker: Speaker, stop: _Stop
) -> tuple[Iterator[dict[str, Any]], dict[str, bool]]:
    application = find(assignment.application)
    store = _store(assignment)
    for path, digest in assignment.digests.items():
        store.note_input(path, bytes.fromhex(digest))
    request = prepare(
        application,
        assignment.parameters,
        folder=lambda: assignment.folder,
        executor=assignment.executor,
        workers=assignment.workers,
        store=store,
    )
    try:
        value = perform(request, [_teller(speaker)], stop.begun, assignment.facts)
    finally:
        if assignment.fresh:
            shutil.rmtree(assignment.folder / "store", ignore_errors=True)
    kept = dict(stop.run.kept) if stop.run is not None else {}
    return _outputs(application, value), kept


def _store(assignment: Assignment) -> Store:
    return open_store(str(assignment.folder / "store") if assignment.fresh else assignment.store)


def _teller(speaker: Speaker) -> Any:
    def tell(event: Event) -> None:
        if event.kind != "end":
            speaker.tell(
                "event", event=event.kind, text=event.text, data=dict(event.data), time=event.time
            )

    return tell


def _outputs(application: Application, value: Any) -> Iterator[dict[str, Any]]:
    """The files of a result, the main one first, several of one field numbered."""
    role = "main"
    for output in application.outputs:
        found = getattr(value, output.name)
        several = isinstance(found, list | tuple)
        paths = [path for path in (found if several else [found]) if isinstance(path, Path)]
        for number, path in enumerate(paths, start=1):
            media_type = output.media_type or "application/octet-stream"
            yield {
                "name": f"{output.name}-{number}" if several else output.name,
                "path": path,
                "help": output.help,
                "media_type": media_type,
                "role": "preview" if media_type == "image/png" and role != "main" else role,
            }
            role = "product"


def _files(outputs: Iterable[dict[str, Any]], folder: Path) -> Iterator[dict[str, Any]]:
    """The outputs as results: inside the folder, on disk for good, with size and digest."""
    records = [
        {"name": "log", "path": folder / log.FILE_NAME, "media_type": "text/plain", "role": "log",
         "help": "Everything that happened"},
        {"name": "provenance", "path": folder / provenance.FILE_NAME, "role": "provenance",
         "media_type": "application/json", "help": "How it was made"},
    ]  # fmt: skip
    folder = folder.resolve()
    for record in [*outputs, *records]:
        path = Path(record["path"]).resolve()
        if not path.is_relative_to(folder):
            path = Path(shutil.copy2(path, folder / path.name))
        sync_all(path.parent, [path.name])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield record | {
            "path": str(path.relative_to(folder)),
            "bytes": path.stat().st_size,
            "sha256": digest,
        }


def _uses(kept: dict[str, bool]) -> dict[str, list[str]]:
    return {
        "made": [key for key, reused in kept.items() if not reused],
        "reused": [key for key, reused in kept.items() if reused],
    }


def _tell_end(
    assignment: Assignment,
    speaker: Speaker,
    stop: _Stop,
    found: Failed | None,
    error: BaseException,
) -> None:
    if stop.run is not None:
        speaker.tell("uses", **_uses(dict(stop.run.kept)))
    if found is None or stop.asked:
        speaker.tell("end", outcome="stopped")
        return
    if found.code == "app.code":
        text = "".join(traceback.format_exception(error))
        (assignment.folder / TRACEBACK).write_text(text, encoding="utf-8")
    speaker.tell("end", outcome="failed", **found._asdict())


def _be_alone(folder: Path) -> None:
    """A process group of its own, nothing of the service's secrets, printing into a file."""
    os.setpgid(0, 0)
    for name in _SECRETS:
        os.environ.pop(name, None)
    console = os.open(folder / CONSOLE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(nothing, 0)
    os.dup2(console, 1)
    os.dup2(console, 2)
    os.close(console)
    os.close(nothing)
