"""What stands in the form, looked at as a whole: files found, faults found, nothing made yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from hven.declare import Application, Fault
from hven.jobs.history import Estimate, estimate
from hven.jobs.models import User
from hven.jobs.references import Lookup
from hven.jobs.submission import Submission, checked_parameters
from hven.portal.running.commands import Line, commands
from hven.portal.running.filling import Given
from hven.portal.running.inputs import bytes_of, looked_up
from hven.portal.running.rows import Group, Row, grouped, rows, unplaced
from hven.portal.running.terms import NAMES, SHOWN_AT, Terms


@dataclass(frozen=True)
class Request:
    """A form as it was filled in by somebody."""

    owner: User
    made: Application
    given: Given = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)
    #: What was found wrong where it was sent.
    faults: tuple[Fault, ...] = ()

    @cached_property
    def inputs(self) -> dict[str, tuple[Lookup, ...]]:
        """What the files stand for."""
        return looked_up(self.owner, self.made, self.given)

    @cached_property
    def input_bytes(self) -> int:
        """Bytes of all files."""
        return bytes_of(self.inputs)

    @cached_property
    def checked(self) -> tuple[dict[str, Any], tuple[Fault, ...]]:
        """The parameters as JSON has them, and all that is wrong; nothing is made."""
        faults: list[Fault] = list(self.terms.faults)
        _, parameters, _ = checked_parameters(self.owner, self.made.name, self.given, faults)
        return parameters, tuple(faults)

    @property
    def rows(self) -> list[Row]:
        """A row a parameter."""
        return rows(self.made, self.given, self.faults, self.inputs)

    @property
    def groups(self) -> list[Group]:
        """The rows by their headings."""
        return grouped(self.rows)

    @property
    def unplaced(self) -> list[Fault]:
        """Faults that are told above the form."""
        return unplaced(self.made, self.faults, (*NAMES, *SHOWN_AT))

    @property
    def term_faults(self) -> dict[str, list[str]]:
        """What is wrong with terms, by where it is shown."""
        found: dict[str, list[str]] = {}
        for fault in self.faults:
            place = SHOWN_AT.get(fault.name, fault.name)
            if place in NAMES:
                found.setdefault(place, []).append(fault.text)
        return found

    @cached_property
    def estimate(self) -> Estimate:
        """What it will take."""
        parameters, faults = self.checked
        values = None if faults else self.made.parse(parameters)
        return estimate(self.made, values, self.input_bytes)

    def lines(self, url: str) -> list[Line]:
        """The same request by other ways."""
        return commands(self.made, self.given, self.terms.wishes, self.inputs, url)

    def submission(self, **more: Any) -> Submission:
        """It as jobs take it."""
        return Submission(self.made.name, self.given, **self.terms.wishes, **more)

    def with_faults(self, faults: Iterable[Fault]) -> Request:
        """The same, with what was found wrong."""
        return replace(self, faults=tuple(faults))
