"""A kind of value: what reads, checks and writes one value of a parameter.

A kind knows one value; `Field` adds the name, the default, "none given" and lists.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar


class RefusedError(ValueError):
    """A value is refused; the message says what it must be, `Field` adds name and value.

    Parameters
    ----------
    text
        What it must be: `must be true or false`.
    hint
        What was probably meant.
    """

    def __init__(self, text: str, hint: str | None = None) -> None:
        super().__init__(text)
        self.hint = f"; did you mean {hint}?" if hint else ""


class Kind(ABC):
    """One kind of value."""

    #: The word by which forms choose a widget.
    name: ClassVar[str]
    #: What stands between the items of a list written as one text.
    separator: ClassVar[str] = r"\n"

    @abstractmethod
    def expected(self) -> str:
        """What a value must be, to follow `must be`."""

    @abstractmethod
    def read(self, text: str) -> object:
        """The value that `text` means."""

    @abstractmethod
    def check(self, value: Any) -> object:
        """`value` as the body gets it; refused when it is of another type or out of bounds."""

    def to_text(self, value: Any) -> str:
        """The text that `read` takes back to `value`."""
        return str(value)

    def to_json(self, value: Any) -> Any:
        """The value as JSON has it; `check` takes it back."""
        return value

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The value's JSON Schema."""

    def refuse(self) -> RefusedError:
        """What to raise when nothing more exact can be said."""
        return RefusedError(f"must be {self.expected()}")


def short(number: Any) -> str:
    """The shortest text that is read back to the same number: 1 for 1.0."""
    text = repr(plain(number))
    return text[:-2] if text.endswith(".0") else text


def plain(value: Any) -> Any:
    """A NumPy scalar or 0-d array as Python's own type."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return value
