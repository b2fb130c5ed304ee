"""The folder that a caller names for the outputs."""

from __future__ import annotations

from pathlib import Path

from hven.errors import Fault, ParameterError


def output_folder(named: str | Path) -> Path:
    """The folder for the outputs, made when it is not there.

    Raises
    ------
    ParameterError
        It cannot be made or written into.
    """
    folder = Path(named).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".hven-writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        fault = Fault("output", f"must be a folder that can be written, got {folder} ({reason})")
        raise ParameterError([fault]) from error
    return folder
