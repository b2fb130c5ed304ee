"""What a user is told when something went wrong, and what the shell is told."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hven.errors import Fault, HvenError, ParameterError, UserError

#: Where a traceback is written in the folder of a run.
TRACEBACK = "traceback.txt"

_BUG = 70
_RESOURCES = 4
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM)


class Failure(NamedTuple):
    """What the user and the shell are told of an error."""

    #: The exit code.
    code: int
    #: The class of the error.
    name: str
    #: Sentences for people.
    lines: list[str]
    #: The user's faults, for programs.
    faults: tuple[Fault, ...] = ()


def exit_code(error: BaseException) -> int:
    """What the shell is told: whose fault it was."""
    if isinstance(error, HvenError):
        return error.exit_code
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _NO_ROOM):
        return _RESOURCES
    return 130 if isinstance(error, KeyboardInterrupt) else _BUG


def failure_of(
    error: Exception, *, folder: Path | None = None, spelled: Callable[[str], str] = str
) -> Failure:
    """What to tell of an error; of one that is no user's fault the traceback goes to a file.

    Parameters
    ----------
    error
        A user's fault is told in its own words.
    folder
        Where the traceback goes; None is a temporary file.
    spelled
        Gives a parameter's name as the user types it.
    """
    code, name = exit_code(error), type(error).__name__
    if isinstance(error, UserError):
        return Failure(code, name, lines_of(error, spelled), error.faults)
    if code == _RESOURCES:
        return Failure(code, name, lines_of(error))
    written = write_traceback(error, folder)
    if code != _BUG:
        told = "the same command may succeed when it is given again, and keeps what is finished"
        return Failure(code, name, [*lines_of(error), f"{told}; details are in {written}"])
    whose = "this is a fault of the program, not of your input"
    return Failure(code, name, [*lines_of(error), f"{whose}; its traceback is in {written}"])


def write_traceback(error: BaseException, folder: Path | None) -> Path:
    """Write the traceback to a file, `traceback.txt` in the folder where there is one."""
    text = "".join(traceback.format_exception(error))
    head = f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {' '.join(sys.argv)}\n"
    try:
        if folder is None:
            raise FileNotFoundError
        path = folder / TRACEBACK
        path.write_text(head + text, encoding="utf-8")
    except OSError:
        handle, name = tempfile.mkstemp(prefix="hven-traceback-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(head + text)
        path = Path(name)
    return path


def unknown_option(name: str) -> ParameterError:
    """The error of an option that is before any command."""
    return ParameterError([Fault(name, "must be a command or an application; see hven --help")])


def lines_of(error: BaseException, spelled: Callable[[str], str] = str) -> list[str]:
    """What to tell of an error in its own words, faults line by line."""
    if isinstance(error, UserError) and error.faults:
        return [f"{spelled(fault.name)}: {fault.text}" for fault in error.faults]
    text = str(error).strip()
    if not isinstance(error, HvenError):
        text = f"{type(error).__name__}: {text}"
    return text.splitlines() or [type(error).__name__]
