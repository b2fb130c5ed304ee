"""How many steps a run has done, counted from its events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol


class Event(Protocol):
    """One thing that happened in a run, be it here or on a service."""

    @property
    def kind(self) -> str:
        """What it is: `say`, `stage`, `retry`, `end` are shown."""

    @property
    def text(self) -> str:
        """For people."""

    @property
    def data(self) -> Mapping[str, Any]:
        """For programs."""


class Stage(NamedTuple):
    """Where one step of a run stands."""

    #: The step's name.
    name: str
    #: What people are told that it does.
    text: str
    #: Calls that are finished, taken up ones among them.
    done: int
    #: Calls asked for so far.
    total: int
    #: Calls whose product was there before.
    reused: int
    #: Calls that failed.
    failed: int
    #: Calls finished in a second, taken up ones left out; None before the first.
    rate: float | None

    @property
    def seconds_left(self) -> float | None:
        """How long the calls asked for so far will still take."""
        return (self.total - self.done) / self.rate if self.rate else None


class Tally:
    """A listener that keeps the last word on each stage, in the order in which they began."""

    def __init__(self) -> None:
        self.stages: dict[str, Stage] = {}

    def __call__(self, event: Event) -> None:
        """Note a stage."""
        if event.kind == "stage":
            stage = stage_of(event)
            self.stages[stage.name] = stage

    @property
    def done(self) -> int:
        """Steps finished: their products are kept."""
        return sum(stage.done for stage in self.stages.values())

    @property
    def total(self) -> int:
        """Steps asked for."""
        return sum(stage.total for stage in self.stages.values())

    @property
    def reused(self) -> int:
        """Steps taken up from before."""
        return sum(stage.reused for stage in self.stages.values())


def stage_of(event: Event) -> Stage:
    """Where a stage stands, from an event of the kind `stage`."""
    data = event.data
    return Stage(
        name=str(data["step"]),
        text=(event.text or str(data["step"])).rstrip("."),
        done=int(data["done"]),
        total=int(data["total"]),
        reused=int(data.get("reused", 0)),
        failed=int(data.get("failed", 0)),
        rate=data.get("rate"),
    )
