"""Phases as clients of UWS may see them, and other words of the standard."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypeVar

from django.utils.datastructures import MultiValueDict

from hven.errors import Fault, ParameterError
from hven.jobs.phases import Phase

T = TypeVar("T")

#: All phases that the standard has; some of them no job of ours is ever in.
PHASES = (*(phase.value for phase in Phase), "SUSPENDED", "UNKNOWN")
#: Phases in which a client that waits is kept waiting (UWS 1.1, 2.2.1.1).
BLOCKING = frozenset({Phase.PENDING.value, Phase.QUEUED.value, Phase.EXECUTING.value})
_INSTANT = re.compile(
    r"(\d{4})(?:-?(\d\d)(?:-?(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?)?Z?",
    re.ASCII,
)
_MOST_SECONDS = 2**31 - 1


def shown(phase: str, held: bool = False) -> str:
    """The phase as a client may see it.

    Clients fail on HELD, or stop following the job: it is shown as QUEUED.
    """
    return Phase.QUEUED.value if phase == Phase.HELD and not held else str(phase)


def named(pairs: MultiValueDict[str, T]) -> MultiValueDict[str, T]:
    """Values by names in small letters: the standard's names have no case."""
    found: MultiValueDict[str, T] = MultiValueDict()
    for name, texts in pairs.lists():
        found.setlist(name.lower(), [*found.getlist(name.lower()), *texts])
    return found


def wants_held(query: MultiValueDict[str, str]) -> bool:
    """Whether a client knows what a job is that is HELD, and says so."""
    return query.get("uws_phase", "").lower() in ("true", "1")


def wait(query: MultiValueDict[str, str]) -> tuple[int, str | None]:
    """For how many seconds a client wants to wait, -1 is long, and for the end of which phase.

    Raises
    ------
    ParameterError
        One of both is wrong.
    """
    text = single(query, "WAIT")
    seconds = 0
    if text is not None:
        seconds = whole("WAIT", text, -1, "whole seconds, or -1 for as long as may be")
    wanted = single(query, "PHASE") if text is not None else None
    return seconds, None if wanted is None else phase("PHASE", wanted)


def single(given: MultiValueDict[str, str], name: str) -> str | None:
    """The one value of a control word, perhaps said twice; None when it is not given.

    Raises
    ------
    ParameterError
        There are several.
    """
    texts = given.getlist(name.lower())
    if len(set(texts)) > 1:
        told = f"must be a single value, got {len(texts)} of them"
        raise ParameterError([Fault(name, told)])
    return texts[0].strip() if texts else None


def phase(name: str, text: str) -> str:
    """A phase of the standard, by name."""
    if text.upper() not in PHASES:
        told = f"must be one of {', '.join(PHASES)}, got '{text[:40]}'"
        raise ParameterError([Fault(name, told)])
    return text.upper()


def whole(name: str, text: str, low: int, told: str) -> int:
    """A whole number that is at least `low`."""
    number = int(text) if re.fullmatch(r"-?\d{1,12}", text, re.ASCII) else None
    if number is None or not low <= number <= _MOST_SECONDS:
        raise ParameterError([Fault(name, f"must be {told}, got '{text[:40]}'")])
    return number


def moment(name: str, text: str) -> datetime:
    """A time of DALI: UTC, with or without Z; a date alone is its beginning."""
    found = _INSTANT.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        *parts, fraction = found.groups()
        year, month, day, hour, minute, second = (int(part or 0) for part in parts)
        micro = int((fraction or "").ljust(6, "0")[:6])
        return datetime(year, month or 1, day or 1, hour, minute, second, micro, UTC)
    except ValueError as error:
        told = f"must be a time in UTC such as 2026-11-25T09:30:00Z, got '{text[:40]}'"
        raise ParameterError([Fault(name, told)]) from error
