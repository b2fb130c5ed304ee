"""Times as they are published."""

from __future__ import annotations

from datetime import datetime


def instant(moment: datetime | None) -> str | None:
    """A time as it is published: UTC, milliseconds, Z."""
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
