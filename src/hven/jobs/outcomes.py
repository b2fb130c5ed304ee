"""How an attempt ended, in the words that the driver and the database use."""

from __future__ import annotations

import errno
from typing import Any, NamedTuple

from hven.errors import (
    CancelledError,
    FetchError,
    InputError,
    ParameterError,
    ResourceError,
    SourceError,
    StepTimeoutError,
    StoreError,
    TransientError,
    UserError,
)
from hven.jobs.models.attempt import Cause

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Failed(NamedTuple):
    """An attempt that gave no result."""

    cause: str
    #: For programs, as `input.file`, `resource.disk_full`, `app.code`.
    code: str
    #: For people: what to do.
    message: str
    #: The user's faults: [name, text].
    faults: list[list[str]] = []  # noqa: RUF012 - never changed

    @property
    def kind(self) -> str:
        """Whether trying again may help: `transient`, else `fatal`."""
        return "fatal" if self.cause in (Cause.INPUT, Cause.CODE) else "transient"


def failed(error: BaseException) -> Failed | None:
    """What an exception means for a job; None when the run was only asked to stop."""
    if isinstance(error, CancelledError):
        return None
    text = str(error).strip() or type(error).__name__
    if isinstance(error, UserError):
        faults = [[fault.name, fault.text] for fault in error.faults]
        return Failed(Cause.INPUT, _user_code(error), text, faults)
    for cause in _chain(error):
        if isinstance(cause, MemoryError):
            return Failed(Cause.MEMORY, "resource.memory", text)
        if isinstance(cause, OSError) and cause.errno in _NO_SPACE:
            return Failed(Cause.DISK, "resource.disk_full", f"There is no space left: {text}")
    if isinstance(error, StepTimeoutError):
        return Failed(Cause.WALL_TIME, "resource.wall_time", text)
    if isinstance(error, SourceError):
        return Failed(Cause.SOURCE, "source.lost", text)
    if isinstance(error, TransientError | StoreError):
        return Failed(Cause.INFRASTRUCTURE, "engine.lost", text)
    if not isinstance(error, Exception):
        text = f"{type(error).__name__}: {text}"
    return Failed(
        Cause.CODE, "app.code", f"{text}\nThis is a fault of the program, not of your input."
    )


def _user_code(error: UserError) -> str:
    codes: list[tuple[type[Any], str]] = [
        (ParameterError, "input.parameter"),
        (FetchError, "input.fetch"),
        (InputError, "input.file"),
        (ResourceError, "resource.estimate"),
    ]
    return next((code for kind, code in codes if isinstance(error, kind)), "input")


def _chain(error: BaseException | None) -> list[BaseException]:
    """The exception and what it was raised from."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
