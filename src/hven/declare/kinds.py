"""The kinds of values other than numbers: yes or no, text, file, choice, position."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from hven.declare.kind import Kind, RefusedError, plain
from hven.declare.number import Number
from hven.declare.position import EXPECTED, SkyPosition
from hven.declare.url import Url, is_url

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True)
class Boolean(Kind):
    """Yes or no."""

    name = "boolean"
    separator = r"[\n,]"

    def expected(self) -> str:
        """See Kind."""
        return "true or false"

    def read(self, text: str) -> bool:
        """See Kind."""
        word = text.strip().lower()
        if word not in _TRUE | _FALSE:
            raise self.refuse()
        return word in _TRUE

    def check(self, value: Any) -> bool:
        """See Kind."""
        value = plain(value)
        if not isinstance(value, bool):
            raise self.refuse()
        return value

    def to_text(self, value: Any) -> str:
        """See Kind."""
        return "true" if value else "false"

    def schema(self) -> dict[str, Any]:
        """See Kind."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Text(Kind):
    """Any text."""

    name = "text"

    def expected(self) -> str:
        """See Kind."""
        return "a text"

    def read(self, text: str) -> str:
        """See Kind."""
        return self.check(text)

    def check(self, value: Any) -> str:
        """See Kind."""
        if not isinstance(value, str):
            raise self.refuse()
        if "\0" in value:
            raise RefusedError("must be a text without zero bytes")
        return str(value)

    def schema(self) -> dict[str, Any]:
        """See Kind."""
        return {"type": "string"}


@dataclass(frozen=True)
class File(Kind):
    """The path of a file or folder, or an address; whether it exists is not looked at here."""

    name = "file"

    def expected(self) -> str:
        """See Kind."""
        return "the name of a file"

    def read(self, text: str) -> Path:
        """See Kind."""
        if not text.strip() or "\0" in text:
            raise self.refuse()
        if is_url(text):
            return Url(text)
        try:
            return Path(text).expanduser() if text.startswith("~") else Path(text)
        except RuntimeError as error:
            raise RefusedError("must begin with the name of a user that there is") from error

    def check(self, value: Any) -> Path:
        """See Kind."""
        if isinstance(value, str):
            return self.read(value)
        if not isinstance(value, Path):
            raise self.refuse()
        return value

    def to_json(self, value: Any) -> Any:
        """See Kind."""
        return str(value)

    def schema(self) -> dict[str, Any]:
        """See Kind."""
        return {"type": "string", "format": "path", "minLength": 1}


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words or numbers; the members of a Literal or of a StrEnum."""

    members: tuple[Any, ...]

    name = "choice"
    separator = r"[\n,]"

    @property
    def words(self) -> tuple[str, ...]:
        """The choices as they are typed."""
        return tuple(self.to_text(member) for member in self.members)

    def expected(self) -> str:
        """See Kind."""
        return f"one of {', '.join(self.words)}"

    def read(self, text: str) -> object:
        """See Kind."""
        word = text.strip()
        for same in (str, str.lower):
            for member in self.members:
                if same(self.to_text(member)) == same(word):
                    return member
        close = difflib.get_close_matches(word.lower(), [known.lower() for known in self.words], 1)
        hint = next((known for known in self.words if [known.lower()] == close), None)
        raise RefusedError(f"must be {self.expected()}", hint)

    def check(self, value: Any) -> object:
        """See Kind."""
        value = plain(value)
        if isinstance(value, str) and not isinstance(value, StrEnum):
            return self.read(value)
        for member in self.members:
            if type(value) is type(member) and value == member:
                return member
        raise self.refuse()

    def to_text(self, value: Any) -> str:
        """See Kind."""
        return str(value.value) if isinstance(value, StrEnum) else str(value)

    def to_json(self, value: Any) -> Any:
        """See Kind."""
        return value.value if isinstance(value, StrEnum) else value

    def schema(self) -> dict[str, Any]:
        """See Kind."""
        return {"enum": [self.to_json(member) for member in self.members]}


@dataclass(frozen=True)
class Position(Kind):
    """A position on the sky."""

    name = "position"

    def expected(self) -> str:
        """See Kind."""
        return EXPECTED

    def read(self, text: str) -> SkyPosition:
        """See Kind."""
        return self._made(lambda: SkyPosition.parse(text))

    def check(self, value: Any) -> SkyPosition:
        """See Kind."""
        if isinstance(value, SkyPosition):
            return value
        if isinstance(value, str):
            return self.read(value)
        if hasattr(value, "icrs"):  # an astropy SkyCoord
            place = value.icrs
            return self._made(lambda: SkyPosition(float(place.ra.deg), float(place.dec.deg)))
        if isinstance(value, dict) and set(value) == {"ra_deg", "dec_deg"}:
            value = (value["ra_deg"], value["dec_deg"])
        if not (isinstance(value, (tuple, list)) and len(value) == 2):
            raise self.refuse()
        degrees = Number(unit="deg")
        return self._made(lambda: SkyPosition(*(degrees.check(part) for part in value)))

    def to_json(self, value: Any) -> Any:
        """See Kind."""
        return {"ra_deg": value.ra_deg, "dec_deg": value.dec_deg}

    def schema(self) -> dict[str, Any]:
        """See Kind."""
        return {
            "type": "object",
            "properties": {
                "ra_deg": {"type": "number", "minimum": -360, "maximum": 360},
                "dec_deg": {"type": "number", "minimum": -90, "maximum": 90},
            },
            "required": ["ra_deg", "dec_deg"],
            "additionalProperties": False,
        }

    def _made(self, make: Callable[[], SkyPosition]) -> SkyPosition:
        try:
            return make()
        except RefusedError:
            raise
        except (ValueError, TypeError) as error:
            text = str(error)
            raise (RefusedError(text) if text.startswith("must") else self.refuse()) from error
