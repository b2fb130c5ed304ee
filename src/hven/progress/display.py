"""Progress: a live table on a terminal or in a notebook, a few plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from hven.progress.notebook import in_notebook, notebook_bars
from hven.progress.tally import Event, Stage, stage_of
from hven.progress.words import duration_words as duration_words
from hven.progress.words import progress_words

Listener = Callable[[Event], None]

#: A plain display writes one line of a stage in this time, so that a batch log stays short.
_LINE_SECONDS = 5.0
_REFRESHES_A_SECOND = 8


@contextmanager
def display(*, shown: bool = True, stream: TextIO | None = None) -> Iterator[Listener]:
    """A listener that shows how a run gets on.

    Parameters
    ----------
    shown
        Whether anything is shown at all.
    stream
        Where; None is standard error, or the output of a notebook's cell.
    """
    notebook = shown and stream is None and in_notebook()
    stream = stream or sys.stderr
    if not shown:
        yield _nothing
    elif notebook:
        with notebook_bars() as listener:
            yield listener
    elif stream.isatty():
        with _live(stream) as listener:
            yield listener
    else:
        yield PlainLines(stream)


def _nothing(event: Event) -> None:
    """Shows nothing."""


class PlainLines:
    """Writes a line of each stage every few seconds, and how it ended."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._pending: dict[str, Stage] = {}
        self._written: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Write a line when one is due."""
        with self._lock:
            if event.kind in ("say", "retry"):
                self._line(event.text)
            elif event.kind == "stage":
                self._stage(stage_of(event), time.monotonic())
            elif event.kind == "end" and not event.data.get("cancelled"):
                self._write(list(self._pending.values()))

    def _stage(self, stage: Stage, now: float) -> None:
        self._pending[stage.name] = stage
        if now - self._written.setdefault(stage.name, now) >= _LINE_SECONDS:
            self._written[stage.name] = now
            # That others are complete is told only now: a stage is complete again and again where
            # a body waits for each call.
            ended = [one for one in self._pending.values() if one.done == one.total]
            self._write([*(one for one in ended if one.name != stage.name), stage])

    def _write(self, stages: Iterable[Stage]) -> None:
        for stage in stages:
            del self._pending[stage.name]
            self._line(f"{stage.text}: {progress_words(stage)}")

    def _line(self, text: str) -> None:
        self._stream.write(f"{time.strftime('%H:%M:%S')} {text}\n")
        self._stream.flush()


@contextmanager
def _live(stream: TextIO) -> Iterator[Listener]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        TextColumn("{task.fields[words]}"),
        console=Console(file=stream),
        refresh_per_second=_REFRESHES_A_SECOND,
        # Refreshing by itself takes a thread, and processes cannot be forked safely beside one.
        auto_refresh=False,
    )
    with progress:
        yield _Live(progress)


class _Live:
    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._refreshed = 0.0

    def __call__(self, event: Event) -> None:
        with self._lock:
            if event.kind in ("say", "retry"):
                self._progress.console.print(event.text, markup=False, highlight=False)
            elif event.kind == "stage":
                self._stage(stage_of(event))
            self._refresh(last=event.kind == "end")

    def _stage(self, stage: Stage) -> None:
        words = progress_words(stage)
        if stage.name not in self._tasks:
            self._tasks[stage.name] = self._progress.add_task(
                stage.text, total=stage.total, words=words
            )
        self._progress.update(
            self._tasks[stage.name], total=stage.total, completed=stage.done, words=words
        )

    def _refresh(self, *, last: bool) -> None:
        now = time.monotonic()
        if last or now - self._refreshed >= 1 / _REFRESHES_A_SECOND:
            self._refreshed = now
            self._progress.refresh()
