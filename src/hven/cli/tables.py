"""Tables and records on a terminal, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any


def print_json(found: Any) -> None:
    """Print as JSON; times in ISO 8601, identifiers as text."""
    print(json.dumps(found, indent=2, ensure_ascii=False, default=_text))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], empty: str) -> None:
    """Print rows under the names of their columns.

    Parameters
    ----------
    columns
        Their names.
    rows
        Values; numbers stand right.
    empty
        What is printed instead of no rows.
    """
    if not rows:
        print(empty)
        return
    texts = [[" ".join(shown(value).split()) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    right = [isinstance(value, int | float) for value in rows[0]]
    for line in [list(columns), *texts]:
        cells = [
            f"{cell:>{width}}" if is_right else f"{cell:<{width}}"
            for cell, width, is_right in zip(line, widths, right, strict=True)
        ]
        print("  ".join(cells).rstrip())


def print_record(record: Mapping[str, Any]) -> None:
    """Print names and values, one a line; what is empty is left out."""
    kept = {name: value for name, value in record.items() if value not in (None, "", [], {})}
    width = max(map(len, kept), default=0)
    for name, value in kept.items():
        first, *rest = shown(value).splitlines() or [""]
        print(f"{name:<{width}}  {first}")
        for line in rest:
            print(f"{'':<{width}}  {line}")


def shown(value: Any) -> str:
    """A value in a table; times are UTC."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=_text)
    return str(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        stamp = value.astimezone(UTC).isoformat(timespec="milliseconds")
        return stamp.replace("+00:00", "Z")
    return str(value)
