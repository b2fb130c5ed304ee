"""What a run tells its user: sentences, or JSON for programs."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from hven.cli.faults import Failure
from hven.declare import Application

if TYPE_CHECKING:
    from hven.progress.tally import Event

    Listener = Callable[[Event], None]


class Steps(Protocol):
    """How many steps there are, of a run here or of a job at a service."""

    @property
    def done(self) -> int:
        """Finished ones."""

    @property
    def total(self) -> int:
        """All that were asked for."""

    @property
    def reused(self) -> int:
        """Those that were there before."""


class Outcome(NamedTuple):
    """What came of a run."""

    application: Application
    #: Files and values, by name.
    outputs: Mapping[str, Any]
    #: Where the files lie.
    folder: Path
    steps: Steps
    seconds: float
    #: More for programs.
    more: Mapping[str, Any] = {}


class Report(ABC):
    """Tells how a run gets on and how it ended."""

    #: Whether programs read it.
    for_programs: ClassVar[bool] = False

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet

    @abstractmethod
    def listening(self) -> AbstractContextManager[Listener]:
        """A listener for the time of the run."""

    @abstractmethod
    def finished(self, outcome: Outcome) -> None:
        """The run is done."""

    @abstractmethod
    def stopped(self, steps: Steps) -> None:
        """The run was stopped by the user."""

    @abstractmethod
    def left(self, job: str, url: str, *, stopped: bool) -> None:
        """The job goes on at a service, and nobody waits for it here any more."""

    @abstractmethod
    def failed(self, failure: Failure) -> None:
        """The run failed, or never began."""


class TextReport(Report):
    """For people: the result on standard output, everything else on standard error."""

    def listening(self) -> AbstractContextManager[Listener]:
        """See Report."""
        from hven.progress.display import display

        return display(shown=not self.quiet)

    def finished(self, outcome: Outcome) -> None:
        """See Report."""
        if self.quiet:
            return
        from hven.progress.display import duration_words

        application, folder = outcome.application, outcome.folder
        taken, reused = duration_words(outcome.seconds), _reused(outcome.steps)
        print(f"{application.title} finished in {taken}; {reused}.")
        help_texts = {output.name: output.help for output in application.outputs}
        lines = [
            (name, str(value), help_texts.get(name, ""))
            for name, value in outcome.outputs.items()
            if value is not None
        ]
        lines += [
            ("log", str(folder / "log.txt"), "What happened when"),
            ("provenance", str(folder / "provenance.json"), "How it was made"),
        ]
        width = max(len(name) for name, _, _ in lines)
        span = max(len(value) for _, value, _ in lines)
        for name, value, help_text in lines:
            print(f"  {name:<{width}}  {value:<{span}}  {help_text}")

    def stopped(self, steps: Steps) -> None:
        """See Report."""
        kept = f"{steps.done} of {steps.total} steps are finished and kept"
        sys.stderr.write(
            f"\nhven: stopped; {kept if steps.total else 'no step had begun'}. "
            "To go on, give the same command again.\n"
        )

    def left(self, job: str, url: str, *, stopped: bool) -> None:
        """See Report."""
        if not stopped:
            print(job)
        if stopped or not self.quiet:
            service = f"hven --service {url}"
            sys.stderr.write(
                f"{chr(10) if stopped else ''}hven: job {job} goes on at {url}\n"
                f"  {service} job {job} --follow   shows how it gets on\n"
                f"  {service} get {job} -o FOLDER  fetches what came out\n"
                f"  {service} cancel {job}         stops it\n"
            )

    def failed(self, failure: Failure) -> None:
        """See Report."""
        sys.stderr.write("".join(f"hven: {line}\n" for line in failure.lines))


class JsonReport(Report):
    """For programs: one JSON object a line on standard output, the outcome last."""

    for_programs = True

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """See Report."""
        yield _nothing if self.quiet else _print_event

    def finished(self, outcome: Outcome) -> None:
        """See Report."""
        steps = outcome.steps
        _print_json(
            kind="result",
            application=outcome.application.name,
            outputs=outcome.outputs,
            folder=outcome.folder,
            steps={"total": steps.total, "reused": steps.reused},
            seconds=round(outcome.seconds, 3),
            **outcome.more,
        )

    def stopped(self, steps: Steps) -> None:
        """See Report."""
        _print_json(kind="stopped", steps={"total": steps.total, "kept": steps.done})

    def left(self, job: str, url: str, *, stopped: bool) -> None:
        """See Report."""
        _print_json(kind="stopped" if stopped else "job", job=job, service=url)

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
        sequence=getattr(event, "sequence", None),
        time=getattr(event, "time", None),
        text=event.text,
        data=event.data,
    )


def _nothing(event: Event) -> None:
    """Tells nothing."""


def _print_json(**values: Any) -> None:
    sys.stdout.write(json.dumps(values, default=str, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _reused(counted: Steps) -> str:
    steps = "1 step" if counted.total == 1 else f"{counted.total} steps"
    if not counted.reused:
        return steps
    if counted.reused == counted.total:
        return f"all of its {steps} reused"
    return f"{counted.reused} of {steps} reused"
