"""XML as text: every element that is asked for is written, also an empty one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NewType
from xml.sax.saxutils import escape, quoteattr

#: Text that is XML already.
Markup = NewType("Markup", str)

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
#: Characters that XML 1.0 has no way to write.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: Written as itself it would be read back as another end of a line.
_KEPT = {"\r": "&#13;"}


def element(
    name: str, /, *content: Markup | str | Iterable[Markup], **attributes: str | int | None
) -> Markup:
    """An element.

    Parameters
    ----------
    name
        With its prefix.
    content
        Elements, or one text as `text` gives it.
    attributes
        `xlink_href` is written as `xlink:href`, `mime__type` as `mime-type`; those that are None
        are left out.
    """
    inner = "".join(each if isinstance(each, str) else "".join(each) for each in content)
    start = name + "".join(
        f" {_name(key)}={_quoted(value)}" for key, value in attributes.items() if value is not None
    )
    return Markup(f"<{start}>{inner}</{name}>" if inner else f"<{start}/>")


def text(value: object) -> Markup:
    """A text within an element; what XML cannot carry is replaced by U+FFFD."""
    return Markup(escape(ILLEGAL.sub("\ufffd", str(value)), _KEPT))


def filled(name: str, value: object, /, **attributes: str | int | None) -> Markup:
    """An element with a text in it."""
    return element(name, text(value), **attributes)


def nillable(name: str, value: object | None) -> Markup:
    """An element that has to be there: with a text, or said to have none."""
    return element(name, xsi_nil="true") if value is None else filled(name, value)


def document(root: Markup) -> bytes:
    """The document as it is sent."""
    return f"{DECLARATION}{root}\n".encode()


def _name(key: str) -> str:
    return key.replace("__", "-").replace("_", ":", 1) if "_" in key else key


def _quoted(value: str | int) -> str:
    return quoteattr(ILLEGAL.sub("\ufffd", str(value)))
