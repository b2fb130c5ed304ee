"""The service's log: one JSON line an event, to standard error and to a file."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import logging.handlers
import os
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hven.jobs.configuration import Configuration

#: What a record has by itself; all else was given with `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
#: A file that is larger is set aside; one older is kept.
_LARGEST = 64 * 2**20
_SECRETS = (
    (re.compile(r"hven_[\w-]{20,}"), "hven_***"),
    (re.compile(r"(?i)\b(bearer|basic|token)([ :=]+)[\w.~+/=-]{8,}"), r"\1\2***"),
    (re.compile(r"(?i)\b(password|passwd|secret(?:[_-]key)?)(\W{1,4})[^\s'\",;&]+"), r"\1\2***"),
    (re.compile(r"(?i)([a-z][a-z0-9+.-]*://[^/\s:@]*):[^/\s@]+@"), r"\1:***@"),
)


class Lines(logging.Formatter):
    """Records as JSON lines: time, level, part, process, job, text, data.

    Parameters
    ----------
    part
        Which part of the service speaks.
    """

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        """One line; passwords and tokens are blotted out."""
        given = {name: value for name, value in vars(record).items() if name not in _OWN}
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "part": self._part,
            "process": record.process,
            "from": record.name,
        }
        if "job" in given:
            line["job"] = str(given.pop("job"))
        line["text"] = without_secrets(record.getMessage())
        if given:
            line["data"] = json.loads(without_secrets(json.dumps(given, default=str)))
        if record.exc_info:
            line["traceback"] = without_secrets(
                "".join(traceback.format_exception(*record.exc_info))
            )
        return json.dumps(line, ensure_ascii=False)


class GrowingFile(logging.handlers.WatchedFileHandler):
    """A file that many processes write lines to; it is set aside when it is large.

    Lines are appended by one write each, which Linux does not mix with those of others. Who finds
    that the file was renamed opens the new one.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        with contextlib.suppress(OSError):
            self._set_aside()
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """A full disk must not end the work; what could not be written went to standard error."""

    def _set_aside(self) -> None:
        path = Path(self.baseFilename)
        if path.stat().st_size < _LARGEST:
            return
        with path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.stat().st_size >= _LARGEST:  # Another process may have been quicker.
                path.rename(path.with_suffix(".1.jsonl"))


def set_up(part: str, found: Configuration) -> None:
    """Have this process's log written.

    At a terminal only warnings are shown; the file has everything.
    """
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.setLevel(found.log_level.upper())
    logging.captureWarnings(True)
    # These tell what is told already, or nothing that an administrator can use.
    for name in ("uvicorn.error", "asyncio", "psycopg"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    shown = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty():
        shown.setLevel(logging.WARNING)
    handlers: list[logging.Handler] = [shown]
    with contextlib.suppress(OSError):
        found.logs_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handlers.append(GrowingFile(log_file(found), encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(Lines(part))
        root.addHandler(handler)


def log_file(found: Configuration) -> Path:
    """Where the parts on this machine write their log."""
    return found.logs_folder / f"{os.uname().nodename}.jsonl"


def without_secrets(text: str) -> str:
    """The text with passwords and tokens blotted out."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text
