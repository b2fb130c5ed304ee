"""What the doctor reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be.

    Parameters
    ----------
    kind
        For programs, as `result.missing`.
    subject
        What it is about: the id of a job, a path.
    text
        What is wrong, for people.
    remedy
        How to mend it, for people.
    mend
        Mends it; None where somebody has to do something else.
    """

    kind: str
    subject: str
    text: str
    remedy: str
    mend: Callable[[], Any] | None = None
