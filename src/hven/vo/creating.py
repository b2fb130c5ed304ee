"""Making a job from a form: found right and kept, or refused with nothing left of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from hven.declare import Application
from hven.errors import DeclarationError, Fault, MissingError, ParameterError
from hven.jobs.applications import application
from hven.jobs.models import Job
from hven.jobs.submission import Submission, submit
from hven.vo.asking import Asked
from hven.vo.forms import parameters
from hven.vo.phases import moment, single, whole

T = TypeVar("T")
#: What control words are called further down.
_NAMES = {
    "label": "RUNID",
    "destruction": "DESTRUCTION",
    "execution_duration": "EXECUTIONDURATION",
}
_RUN = "RUN"


def offered(name: str) -> Application:
    """An application that the service offers.

    Raises
    ------
    MissingError
        There is none of that name.
    """
    try:
        return application(name)
    except (ParameterError, DeclarationError) as error:
        raise MissingError(f"application: there is none of the name {name}") from error


def create(asked: Asked, *, run: bool = False) -> Job:
    """The job that a form asks for.

    Parameters
    ----------
    asked
        The request.
    run
        Whether it is queued also where the form does not say so.

    Raises
    ------
    ParameterError
        With all faults; there is no job then.
    """
    made = offered(asked.application)
    faults: list[Fault] = []
    run = _told(faults, lambda: _is_to_run(asked)) or run
    label = _told(faults, lambda: read_label(asked)) or ""
    destruction = _told(faults, lambda: read_destruction(asked))
    duration = _told(faults, lambda: read_duration(asked))
    with parameters(asked, made) as given:
        wish = Submission(
            made.name,
            given,
            run=run,
            label=label,
            destruction=destruction,
            execution_duration=duration,
            idempotency_key=asked.request.headers.get("Idempotency-Key"),
        )
        try:
            return submit(asked.user, wish, faults)
        except ParameterError as error:
            raise ParameterError(renamed(made, error.faults)) from error


def read_destruction(asked: Asked) -> datetime | None:
    """The wanted time of destruction; None where nothing is said about it."""
    text = single(asked.given, "DESTRUCTION")
    return None if text is None else moment("DESTRUCTION", text)


def read_duration(asked: Asked) -> int | None:
    """The wanted limit of time in seconds; None where nothing is said about it."""
    text = single(asked.given, "EXECUTIONDURATION")
    told = "whole seconds, 0 is the longest"
    return None if text is None else whole("EXECUTIONDURATION", text, 0, told)


def read_label(asked: Asked) -> str | None:
    """The RUNID, as it is; None where nothing is said about it."""
    texts = asked.given.getlist("runid")
    if len(texts) > 1:
        raise ParameterError([Fault("RUNID", f"must be a single value, got {len(texts)} of them")])
    return texts[0] if texts else None


def renamed(made: Application, faults: tuple[Fault, ...]) -> list[Fault]:
    """Faults by the names that clients of UWS use."""
    own = {field.name for field in made.fields}
    return [
        Fault(_NAMES[fault.name], fault.text)
        if fault.name in _NAMES and fault.name not in own
        else fault
        for fault in faults
    ]


def _is_to_run(asked: Asked) -> bool:
    text = single(asked.given, "PHASE")
    if text is not None and text.upper() != _RUN:
        told = f"must be {_RUN} for a new job, got '{text[:40]}'"
        raise ParameterError([Fault("PHASE", told)])
    return text is not None


def _told(faults: list[Fault], read: Callable[[], T]) -> T | None:
    """What is read; what is wrong with it is told with all the rest."""
    try:
        return read()
    except ParameterError as error:
        faults.extend(error.faults)
        return None
