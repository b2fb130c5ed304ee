"""One declared parameter: the only place where text becomes a value and values are checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hven.declare.kind import Kind, RefusedError
from hven.declare.kinds import Choice
from hven.declare.number import Number
from hven.declare.parameter import Param
from hven.errors import Fault, ParameterError


class _Missing:
    """Stands where a required parameter has no default."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True, eq=False)
class Field:
    """One parameter of an application.

    Parameters
    ----------
    name
        As in the function's signature.
    param
        What the author wrote about it.
    single
        The kind of a value, or of each item of a list.
    type
        The annotation without `Annotated`: `list[Path]`, `float | None`.
    default
        The value when none is given; MISSING when one must be given.
    optional
        Whether None is a value.
    many
        Whether a value is a list.
    """

    name: str
    param: Param
    single: Kind
    type: Any
    default: Any = MISSING
    optional: bool = False
    many: bool = False

    @property
    def kind(self) -> str:
        """The word for the kind: boolean, integer, number, text, file, choice, position."""
        return self.single.name

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is MISSING

    @property
    def help(self) -> str:
        """What it is, one phrase without a full stop."""
        return self.param.help

    @property
    def unit(self) -> str | None:
        """The unit of the number that the body gets."""
        return self.param.unit

    @property
    def bounds(self) -> str:
        """The bounds of a number in words, `at least 0.001 arcsec`; empty when there are none."""
        return self.single.bounds_text() if isinstance(self.single, Number) else ""

    @property
    def choices(self) -> tuple[str, ...]:
        """The choices as they are typed; empty when it is no choice."""
        return self.single.words if isinstance(self.single, Choice) else ()

    @property
    def group(self) -> str | None:
        """The heading under which forms and help show it."""
        return self.param.group

    @property
    def advanced(self) -> bool:
        """Whether it is shown apart."""
        return self.param.advanced

    @property
    def option(self) -> str:
        """Its name as an option of a command line: `pixel-scale`."""
        return self.name.replace("_", "-")

    def parse(self, text: str | Sequence[str]) -> Any:
        """The value that `text` means.

        Parameters
        ----------
        text
            As typed: `30 arcmin`. Empty text means "none given" where None is a value. A list is
            given as several texts, or as one text with an item a line or as a JSON list.

        Raises
        ------
        ParameterError
            With a fault for each wrong item.
        """
        if not self.many:
            if not isinstance(text, str):
                raise self._refused(f"must be a single value, got {len(text)} of them")
            if not text.strip() and self.optional:
                return None
            return self._one(self.single.read, text)
        items = self._split(text) if isinstance(text, str) else list(text)
        if not items and self.optional and isinstance(text, str):
            return None
        return self._all(self.single.read, items)

    def check(self, value: Any) -> Any:
        """`value` as the body gets it; texts inside are read, quantities are converted.

        Raises
        ------
        ParameterError
            With a fault for each wrong item.
        """
        if isinstance(value, str) and type(value) is str:
            return self.parse(value)
        if value is None and self.optional:
            return None
        if not self.many:
            return self._one(self.single.check, value)
        return self._all(self._check_item, self._items(value))

    def to_text(self, value: Any) -> str:
        """The text that `parse` takes back to `value`."""
        if value is None:
            return ""
        if not self.many:
            return self.single.to_text(value)
        texts = [self.single.to_text(item) for item in value]
        if any("\n" in text for text in texts) or (texts and texts[0].lstrip().startswith("[")):
            return json.dumps(texts)
        return "\n".join(texts)

    def to_json(self, value: Any) -> Any:
        """The value as JSON has it; `check` takes it back."""
        if value is None:
            return None
        if self.many:
            return [self.single.to_json(item) for item in value]
        return self.single.to_json(value)

    def _check_item(self, item: Any) -> object:
        return self.single.read(item) if type(item) is str else self.single.check(item)

    def _items(self, value: Any) -> list[Any]:
        """The items of a list; a single value, as one path, stands for a list of one."""
        shape = getattr(value, "shape", None)
        if isinstance(value, Iterable) and not isinstance(value, dict) and shape != ():
            return list(value)
        return [value]

    def _split(self, text: str) -> list[str]:
        if text.lstrip().startswith("["):
            try:
                items = json.loads(text)
            except ValueError:
                items = None
            if isinstance(items, list):
                return [item if isinstance(item, str) else json.dumps(item) for item in items]
        return [item.strip() for item in re.split(self.single.separator, text) if item.strip()]

    def _one(self, reading: Callable[[Any], object], value: Any) -> Any:
        try:
            return reading(value)
        except RefusedError as refusal:
            raise self._refused(f"{refusal}, got {_shown(value)}{refusal.hint}") from refusal

    def _all(self, reading: Callable[[Any], object], items: list[Any]) -> list[Any]:
        if not items and self.required:
            raise self._refused("must have at least one value, got none")
        values, faults = [], []
        for number, item in enumerate(items, start=1):
            try:
                values.append(reading(item))
            except RefusedError as refusal:
                place = f"value {number} of {len(items)} " if len(items) > 1 else ""
                faults.append(
                    Fault(self.name, f"{place}{refusal}, got {_shown(item)}{refusal.hint}")
                )
        if faults:
            raise ParameterError(faults)
        return values

    def _refused(self, text: str) -> ParameterError:
        return ParameterError([Fault(self.name, text)])


def _shown(value: Any) -> str:
    """`value` as a message shows it: texts in quotes unless they begin as a number, all short."""
    if not isinstance(value, str):
        text = str(value)
    elif re.match(r"[+-]?\.?\d", value, re.ASCII):
        text = value.strip()
    else:
        text = f"'{value}'"
    text = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return text if len(text) <= 80 else f"{text[:77]}..."
