"""One run of an application: store, executor, log, body, provenance."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hven.engine import Event, Run, Store
from hven.engine.step import STEPS
from hven.library import provenance
from hven.library.files import paths
from hven.library.log import Log
from hven.library.request import Request
from hven.progress.tally import Tally

Listener = Callable[[Event], None]


def perform(
    request: Request,
    listeners: Sequence[Listener] = (),
    begun: Callable[[Run], None] = lambda _: None,
    facts: Mapping[str, Any] | None = None,
) -> Any:
    """Run the body; what it returns, with log and provenance beside its files.

    Parameters
    ----------
    request
        What to run, on what, and where.
    listeners
        Called with each event, besides the log.
    begun
        Called with the run before the body is, so that others can cancel it.
    facts
        What the caller knows of the run besides, for the provenance record.
    """
    application, values, folder = request.application, request.values, request.folder
    tally, started = Tally(), time.time()
    parameters = application.to_json(values)
    with Log(folder) as log:
        log.note("start", f"{application.name} {application.version}", **parameters)
        with log.outcome(tally):
            with Run(
                executor=request.executor,
                store=request.store,
                folder=folder,
                listeners=(tally, log, *listeners),
                label=application.name,
            ) as run:
                begun(run)
                value = application.body(run, **values)
            record = {
                **(facts or {}),
                **provenance.software(application),
                "parameters": parameters,
                "inputs": list(_inputs(paths(application, values), request.store)),
                "steps": _steps(tally),
                "machine": provenance.machine(),
                "started": provenance.timestamp(started),
                "ended": provenance.timestamp(time.time()),
            }
            provenance.write_provenance(folder, record)
    return value


def _inputs(files: Iterable[Path], store: Store) -> Iterable[dict[str, Any]]:
    """Each input file with its digest, which the store remembers from when a step took it."""
    for path in files:
        found: dict[str, Any] = {"path": str(path)}
        if path.is_file():
            found |= {"bytes": path.stat().st_size, "sha256": store.digest_input(path).hex()}
        yield found


def _steps(tally: Tally) -> list[dict[str, Any]]:
    versions: dict[str, set[int]] = {}
    for step in STEPS:
        versions.setdefault(step.short_name, set()).add(step.version)
    return [
        {
            "name": stage.name,
            "version": min(versions[stage.name]) if len(versions[stage.name]) == 1 else None,
            "calls": stage.total,
            "reused": stage.reused,
        }
        for stage in tally.stages.values()
    ]
