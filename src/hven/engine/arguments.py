"""Arguments of a step's call: digested for its key, shortened for people."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np

from hven.engine.product import Kept

_LONGEST_TEXT = 60
_MOST_ITEMS = 3


def describe_arguments(arguments: Mapping[str, Any]) -> str:
    """The arguments in one line, shortened."""
    return ", ".join(f"{name}={describe(value)}" for name, value in arguments.items())


def describe(value: Any) -> str:
    """A value in few words."""
    if isinstance(value, PurePath):
        return value.name
    if isinstance(value, Kept):
        return f"product {value.key[:8]}"
    if isinstance(value, str | int | float | complex | bytes | Enum | None):
        return _shorten(repr(value))
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return _describe_items(value)
    return _describe_record(value)


def _describe_items(value: list[Any] | tuple[Any, ...]) -> str:
    shown = ", ".join(describe(item) for item in value[:_MOST_ITEMS])
    more = f", ... {len(value)} in all" if len(value) > _MOST_ITEMS else ""
    return f"[{shown}{more}]"


def _describe_record(value: Any) -> str:
    """A record by the file it names, if it does; it is what people know it by."""
    kind = type(value).__name__
    for name in (*getattr(value, "__dataclass_fields__", ()), *getattr(value, "_fields", ())):
        if isinstance(field := getattr(value, name), PurePath):
            return f"{kind}({field.name})"
    return kind


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."
