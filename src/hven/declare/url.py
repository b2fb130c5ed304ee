"""The address of a file on the web, in the place of a path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
if TYPE_CHECKING:
    _Base = Path
else:
    # The kind of path that this system has.
    _Base = type(Path())


def is_url(text: object) -> bool:
    """Whether a text, or a path made of one, is the address of something on the web."""
    return isinstance(text, Url) or (isinstance(text, str) and bool(_ADDRESS.match(text.lstrip())))


class Url(_Base):
    """A path that is an address: it stays as it was written, and no file on this machine is it.

    Parameters
    ----------
    text
        The address.

    Notes
    -----
    A path as such would take `https://a//b/../c` for `https:/a/b/../c`, which is another place.
    """

    _text: str

    def __new__(cls, text: str) -> Url:
        """See the class."""
        made = super().__new__(cls, text)
        made._text = str(text).strip()
        return made

    def __str__(self) -> str:
        return self._text

    def __fspath__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Url({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> Any:
        return Url, (self._text,)

    def absolute(self) -> Url:
        """It is so already."""
        return self
