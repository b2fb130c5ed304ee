"""Numbers with units and bounds; NaN and infinity never pass."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from hven.declare import units
from hven.declare.kind import Kind, RefusedError, plain, short

#: A unit begins with no digit, or "1 2 arcsec" would be two arcseconds.
_NUMBER_WITH_UNIT = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\s\d.*+-].{0,40})?", re.ASCII
)


@dataclass(frozen=True)
class Number(Kind):
    """A finite number, whole or not, perhaps with a unit and bounds."""

    whole: bool = False
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    separator = r"[\n,]"

    @property
    def name(self) -> str:  # type: ignore[override]
        """See Kind."""
        return "integer" if self.whole else "number"

    def expected(self) -> str:
        """See Kind."""
        bounds = self.bounds_text()
        return self._noun() + (f", {bounds}" if bounds else "")

    def bounds_text(self) -> str:
        """The bounds in words, with the unit; empty without bounds."""
        words = []
        if self.low is not None:
            words.append(f"{'above' if self.low_open else 'at least'} {short(self.low)}")
        if self.high is not None:
            words.append(f"{'below' if self.high_open else 'at most'} {short(self.high)}")
        return " and ".join(words) + (f" {self.unit}" if words and self.unit else "")

    def read(self, text: str) -> float | int:
        """See Kind."""
        match = _NUMBER_WITH_UNIT.fullmatch(text.strip())
        if match is None:
            raise self._refuse_text(text)
        digits, given = match.groups()
        try:
            number: float = int(digits) if digits.lstrip("+-").isdigit() else float(digits)
        except ValueError:  # Python reads no integer of more than 4,300 digits.
            number = float(digits)
        return self._within(self._in_unit(number, given) if given else number)

    def check(self, value: Any) -> float | int:
        """See Kind."""
        if units.is_quantity(value):
            try:
                return self._within(units.quantity_value(value, self.unit))
            except RefusedError:
                raise
            except ValueError as error:
                raise self.refuse() from error
        value = plain(value)
        if isinstance(value, bool) or not isinstance(value, Real):
            raise self.refuse()
        return self._within(value)

    def to_text(self, value: Any) -> str:
        """See Kind."""
        return short(value)

    def schema(self) -> dict[str, Any]:
        """See Kind."""
        found: dict[str, Any] = {"type": self.name}
        if self.low is not None:
            found["exclusiveMinimum" if self.low_open else "minimum"] = self.low
        if self.high is not None:
            found["exclusiveMaximum" if self.high_open else "maximum"] = self.high
        return found

    def _within(self, value: Any) -> float | int:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._refuse_infinite()
        too_low = self.low is not None and (
            number <= self.low if self.low_open else number < self.low
        )
        too_high = self.high is not None and (
            number >= self.high if self.high_open else number > self.high
        )
        if too_low or too_high:
            raise RefusedError(f"must be {self.bounds_text()}")
        if not self.whole:
            return number
        if not number.is_integer():
            raise self.refuse()
        return int(value) if isinstance(value, Integral) else int(number)

    def _in_unit(self, number: float, given: str) -> float:
        if self.unit is None:
            raise RefusedError(f"must be {self.expected()}, without a unit")
        try:
            return units.convert(number, given, self.unit)
        except ValueError as error:
            raise self.refuse() from error

    def _refuse_text(self, text: str) -> RefusedError:
        try:
            is_word = not math.isfinite(float(text))  # nan, inf, infinity
        except ValueError:
            is_word = False
        return self._refuse_infinite() if is_word else self.refuse()

    def _refuse_infinite(self) -> RefusedError:
        return RefusedError(f"must be {self._noun().replace('a ', 'a finite ', 1)}")

    def _noun(self) -> str:
        noun = "a whole number" if self.whole else "a number"
        return f"{noun} in {self.unit}" if self.unit else noun
