"""What an author writes beside a type: `Param` for a parameter, `Output` for a result."""

from __future__ import annotations

from dataclasses import dataclass

#: Names that no parameter may have, in any case: the control words of UWS, which share one name
#: space with parameters, and the words of the command line and of the library's functions.
RESERVED_NAMES = frozenset(
    {"phase", "action", "destruction", "executionduration", "wait", "runid"}
    | {"run", "output", "executor", "store", "progress", "workers", "quiet", "json", "help"}
    | {"service", "detach"}
)

#: Names that no field of a result may have: what the library's results offer beside them.
RESERVED_OUTPUTS = frozenset({"folder", "files", "open", "save", "provenance"})


@dataclass(frozen=True)
class Param:
    """Says what a parameter means, its unit and its bounds; written inside `Annotated`.

    Parameters
    ----------
    help
        What it is, one phrase without a full stop.
    unit
        An astropy unit; the value that the body gets is a plain number in this unit.
    low, high
        Bounds of a number, in `unit`.
    low_open, high_open
        Whether the bound itself is outside.
    group
        The heading under which forms and help show it.
    advanced
        Whether it is shown apart, for those who look for it.
    example
        A value as a user would type it.
    placeholder
        What happens when no value is given: `the smallest that holds all images`.
    """

    help: str
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    group: str | None = None
    advanced: bool = False
    example: str | None = None
    placeholder: str | None = None


@dataclass(frozen=True)
class Output:
    """Says what one field of an application's result is; written inside `Annotated`.

    Parameters
    ----------
    help
        What it is, one phrase without a full stop.
    media_type
        For a file its media type, as `image/fits`.
    """

    help: str
    media_type: str | None = None
