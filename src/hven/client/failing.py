"""Why a job ended without success, as the exception that a run on this machine would raise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hven.errors import (
    CancelledError,
    Fault,
    FetchError,
    HvenError,
    InputError,
    JobError,
    ParameterError,
    ResourceError,
    SourceError,
    StepTimeoutError,
    TransientError,
    UserError,
)

_OF_THE_USER: dict[str, type[UserError]] = {
    "input.parameter": ParameterError,
    "input.file": InputError,
    "input.fetch": FetchError,
    "input": InputError,
    "resource.estimate": ResourceError,
    "resource.memory": ResourceError,
    "resource.disk_full": ResourceError,
}
_PASSING: dict[str, type[TransientError]] = {
    "resource.wall_time": StepTimeoutError,
    "engine.lost": TransientError,
    "source.lost": SourceError,
}


def failure_of(document: Mapping[str, Any]) -> HvenError | None:
    """The exception that a job's end stands for; None where it has not ended, or succeeded."""
    phase, error = document["phase"], document.get("error")
    if phase == "ABORTED":
        found: HvenError = CancelledError(error["message"] if error else "the job was stopped")
    elif phase == "ERROR" and error:
        found = _failure(error)
    elif phase == "ERROR":
        found = JobError("the job failed")
    else:
        return None
    found.add_note(f"job {document['id']}, {phase}")
    return found


def _failure(error: Mapping[str, Any]) -> HvenError:
    code, message = error["code"], error["message"]
    faults = [Fault(fault["name"], fault["text"]) for fault in error["faults"]]
    if code in _OF_THE_USER:
        return _OF_THE_USER[code](faults or message)
    return _PASSING[code](message) if code in _PASSING else JobError(message)
