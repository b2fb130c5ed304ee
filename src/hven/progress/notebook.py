"""Progress in a notebook: bars that are drawn anew in their place."""

from __future__ import annotations

import html
import importlib
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hven.progress.tally import Event, Stage, stage_of
from hven.progress.words import progress_words

_PERIOD = 0.25
#: Messages that are shown; all of them stand in the log.
_MESSAGES = 8


def in_notebook() -> bool:
    """Whether somebody looks at the output of a notebook's kernel; found without importing any."""
    python = sys.modules.get("IPython")
    shell = python.get_ipython() if python is not None else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def notebook_bars() -> Iterator[NotebookBars]:
    """A listener that draws bars below the cell."""
    shown: Any = importlib.import_module("IPython.display")
    handle = shown.display(shown.HTML(""), display_id=True)
    bars = NotebookBars(lambda text: handle.update(shown.HTML(text)))
    try:
        yield bars
    finally:
        bars.draw()


class NotebookBars:
    """Draws a bar a stage, and the last messages.

    Parameters
    ----------
    show
        Puts HTML in the place of what was shown before.
    """

    def __init__(self, show: Any) -> None:
        self._show = show
        self._stages: dict[str, Stage] = {}
        self._messages: list[str] = []
        self._drawn = 0.0
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Note an event, and draw when it is time."""
        with self._lock:
            if event.kind in ("say", "retry"):
                self._messages = [*self._messages, event.text][-_MESSAGES:]
            elif event.kind == "stage":
                stage = stage_of(event)
                self._stages[stage.name] = stage
            due = event.kind == "end" or time.monotonic() - self._drawn >= _PERIOD
        if due:
            self.draw()

    def draw(self) -> None:
        """Draw all of it."""
        with self._lock:
            self._drawn = time.monotonic()
            lines = [f"<div>{html.escape(text)}</div>" for text in self._messages]
            lines += map(_bar, self._stages.values())
        self._show("\n".join(lines))


def _bar(stage: Stage) -> str:
    return (
        f"<div><span style='display:inline-block;min-width:18em'>{html.escape(stage.text)}</span> "
        f"<progress value='{stage.done}' max='{max(1, stage.total)}' style='width:16em'>"
        f"</progress> {html.escape(progress_words(stage))}</div>"
    )
