"""What a run tells its user: sentences, or JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hven.cli.faults import Failure
from hven.declare import Application

if TYPE_CHECKING:
    from hven.engine import Event
    from hven.progress.tally import Tally

    Listener = Callable[[Event], None]


class Report(ABC):
    """Tells how a run gets on and how it ended."""

    def __init__(self, application: Application, *, quiet: bool) -> None:
        self.application = application
        self.quiet = quiet

    @abstractmethod
    def listening(self) -> AbstractContextManager[Listener]:
        """A listener for the time of the run."""

    @abstractmethod
    def finished(self, result: Any, folder: Path, tally: Tally, seconds: float) -> None:
        """The run is done."""

    @abstractmethod
    def stopped(self, tally: Tally) -> None:
        """The run was stopped by the user."""

    @abstractmethod
    def failed(self, failure: Failure) -> None:
        """The run failed, or never began."""


class TextReport(Report):
    """For people: the result on standard output, everything else on standard error."""

    def listening(self) -> AbstractContextManager[Listener]:
        """See Report."""
        from hven.progress.display import display

        return display(shown=not self.quiet)

    def finished(self, result: Any, folder: Path, tally: Tally, seconds: float) -> None:
        """See Report."""
        if self.quiet:
            return
        from hven.progress.display import duration_words

        print(f"{self.application.title} finished in {duration_words(seconds)}; {_reused(tally)}.")
        lines = [
            (output.name, str(getattr(result, output.name)), output.help)
            for output in self.application.outputs
            if getattr(result, output.name) is not None
        ]
        lines += [
            ("log", str(folder / "log.txt"), "What happened when"),
            ("provenance", str(folder / "provenance.json"), "How it was made"),
        ]
        width = max(len(name) for name, _, _ in lines)
        span = max(len(value) for _, value, _ in lines)
        for name, value, help_text in lines:
            print(f"  {name:<{width}}  {value:<{span}}  {help_text}")

    def stopped(self, tally: Tally) -> None:
        """See Report."""
        kept = f"{tally.done} of {tally.total} steps are finished and kept"
        sys.stderr.write(
            f"\nhven: stopped; {kept if tally.total else 'no step had begun'}. "
            "To go on, give the same command again.\n"
        )

    def failed(self, failure: Failure) -> None:
        """See Report."""
        sys.stderr.write("".join(f"hven: {line}\n" for line in failure.lines))


class JsonReport(Report):
    """For programs: one JSON object a line on standard output, the outcome last."""

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """See Report."""
        yield _nothing if self.quiet else _print_event

    def finished(self, result: Any, folder: Path, tally: Tally, seconds: float) -> None:
        """See Report."""
        outputs = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
        _print_json(
            kind="result",
            application=self.application.name,
            outputs=outputs,
            folder=folder,
            steps={"total": tally.total, "reused": tally.reused},
            seconds=round(seconds, 3),
        )

    def stopped(self, tally: Tally) -> None:
        """See Report."""
        _print_json(kind="stopped", steps={"total": tally.total, "kept": tally.done})

    def failed(self, failure: Failure) -> None:
        """See Report."""
        _print_json(
            kind="error",
            exit_code=failure.code,
            error=failure.name,
            text="\n".join(failure.lines),
            faults=[fault._asdict() for fault in failure.faults],
        )


def _print_event(event: Event) -> None:
    _print_json(
        kind=event.kind,
        sequence=event.sequence,
        time=event.time,
        text=event.text,
        data=event.data,
    )


def _nothing(event: Event) -> None:
    """Tells nothing."""


def _print_json(**values: Any) -> None:
    sys.stdout.write(json.dumps(values, default=str, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _reused(tally: Tally) -> str:
    steps = "1 step" if tally.total == 1 else f"{tally.total} steps"
    if not tally.reused:
        return steps
    if tally.reused == tally.total:
        return f"all of its {steps} reused"
    return f"{tally.reused} of {steps} reused"
