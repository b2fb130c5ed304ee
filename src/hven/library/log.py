"""The log of a run: `log.txt` beside its outputs, one event a line."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hven.engine import Event
from hven.library.provenance import timestamp
from hven.progress.tally import Tally

FILE_NAME = "log.txt"
#: Stages report each finished step; the log keeps one line a second of each, and the last.
_STAGE_SECONDS = 1.0


class Log:
    """A listener that writes `time kind text key=value ...` lines.

    Values are JSON, so that a line is one line whatever is in them. A run that follows in the same
    folder goes on below.
    """

    def __init__(self, folder: Path) -> None:
        self._file = (folder / FILE_NAME).open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self._written: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Write an event."""
        if event.kind == "stage" and not self._due(event):
            return
        self._line(event.time, event.kind, event.text, event.data)

    def note(self, kind: str, text: str, /, **data: Any) -> None:
        """Write a line of the library's own."""
        self._line(time.time(), kind, text, data)

    @contextmanager
    def outcome(self, tally: Tally) -> Iterator[None]:
        """Write at the end whether it finished or failed."""
        started = time.monotonic()
        try:
            yield
        except BaseException as error:
            self.note("failed", f"{type(error).__name__}: {error}")
            raise
        seconds = round(time.monotonic() - started, 3)
        self.note("finished", "", seconds=seconds, steps=tally.total, reused=tally.reused)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._file.close()

    def _due(self, event: Event) -> bool:
        data = event.data
        step = str(data.get("step"))
        if data.get("done") == data.get("total"):
            return True
        if event.time - self._written.get(step, 0.0) < _STAGE_SECONDS:
            return False
        self._written[step] = event.time
        return True

    def _line(self, moment: float, kind: str, text: str, data: Any) -> None:
        values = [
            f"{key}={json.dumps(value, default=str, ensure_ascii=False)}"
            for key, value in dict(data or {}).items()
        ]
        words = [timestamp(moment), f"{kind:<8}", text.replace("\n", " | "), *values]
        with self._lock:
            if not self._file.closed:
                self._file.write(" ".join(filter(None, words)) + "\n")
