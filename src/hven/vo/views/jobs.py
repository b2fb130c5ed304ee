"""One job: read, changed, run, stopped, removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction
from django.http import HttpResponse

from hven.errors import Fault, MissingError, ParameterError
from hven.jobs import control
from hven.jobs.models import Job
from hven.vo.asking import Asked, door, plain, see_other, xml
from hven.vo.creating import offered, read_destruction, read_duration, read_label
from hven.vo.documents import job_document
from hven.vo.forms import CONTROLS, MARKS, parameters
from hven.vo.phases import shown, single, wait
from hven.web.instants import instant

_MOVES: dict[str, Callable[[Job], None]] = {"RUN": control.run, "ABORT": control.abort}


@door("GET", "POST", "DELETE")
def job(asked: Asked) -> HttpResponse:
    """A job; POST changes it, DELETE or ACTION=DELETE removes it.

    How long a client that says WAIT is kept waiting is decided before Django is asked, see
    `hven.server.waiting`; here only its words are looked at.
    """
    found = asked.found()
    method = asked.request.method
    if method == "DELETE" or (method == "POST" and _is_to_go(asked)):
        control.delete(found)
        return see_other(asked.address())
    if method == "POST":
        return change(asked, found)
    wait(asked.query)
    return xml(job_document(asked, found))


@door("GET", "POST")
def job_phase(asked: Asked) -> HttpResponse:
    """The phase of a job; POST runs it or stops it."""
    found = asked.found()
    if asked.request.method != "POST":
        return plain(shown(found.phase, asked.wants_held))
    _move(asked)(found)
    return see_other(asked.address(found.pk))


@door("GET", "POST")
def destruction(asked: Asked) -> HttpResponse:
    """When a job is destroyed; POST sets it, as late as the service lets it be."""
    found = asked.found()
    if asked.request.method != "POST":
        return plain(instant(found.destruction) or "")
    control.renew(found, _needed("DESTRUCTION", read_destruction(asked)))
    return see_other(asked.address(found.pk))


@door("GET", "POST")
def execution_duration(asked: Asked) -> HttpResponse:
    """How long a job may run; POST sets it, as long as the service lets it be."""
    found = asked.found()
    if asked.request.method != "POST":
        return plain(str(found.execution_duration))
    control.set_duration(found, _needed("EXECUTIONDURATION", read_duration(asked)))
    return see_other(asked.address(found.pk))


@door("GET")
def quote(asked: Asked) -> HttpResponse:
    """When a job is expected to end, which nobody knows."""
    asked.found()
    return plain("")


@door("GET")
def owner(asked: Asked) -> HttpResponse:
    """Whose job it is; nothing of one that was made without an account."""
    found = asked.found()
    return plain(found.owner.get_username() if found.owner is not None else "")


@door("GET")
def error(asked: Asked) -> HttpResponse:
    """Why a job failed."""
    found = asked.found()
    if not found.error_kind:
        raise MissingError(f"error: the job has none, it is {shown(found.phase)}")
    return plain(found.error_message)


def change(asked: Asked, found: Job) -> HttpResponse:
    """Do all that a form wants of a job, or nothing of it."""
    changes = list(_changes(asked, found))
    if not changes:
        raise ParameterError([Fault("request", "must say what is to be changed, got nothing")])
    with transaction.atomic():
        for each in changes:
            each()
    return see_other(asked.address(found.pk))


def _changes(asked: Asked, found: Job) -> Iterator[Callable[[], Any]]:
    """What a form wants of a job, the phase last."""
    names = {*asked.given, *(name.lower() for name in asked.request.FILES)} - MARKS
    if names - CONTROLS:
        yield lambda: _change_parameters(asked, found)
    label = read_label(asked)
    if label is not None:
        yield lambda: _change_label(found, label)
    if "destruction" in names:
        moment = _needed("DESTRUCTION", read_destruction(asked))
        yield lambda: control.renew(found, moment)
    if "executionduration" in names:
        seconds = _needed("EXECUTIONDURATION", read_duration(asked))
        yield lambda: control.set_duration(found, seconds)
    if "phase" in names:
        move = _move(asked)
        yield lambda: move(found)


def _change_parameters(asked: Asked, found: Job) -> None:
    with parameters(asked, offered(found.application)) as wanted:
        control.set_parameters(found, wanted)


def _change_label(found: Job, label: str) -> None:
    try:
        control.set_label(found, label)
    except ParameterError as error:
        raise ParameterError([Fault("RUNID", fault.text) for fault in error.faults]) from error


def _is_to_go(asked: Asked) -> bool:
    text = single(asked.given, "ACTION")
    if text is not None and text.upper() != "DELETE":
        raise ParameterError([Fault("ACTION", f"must be DELETE, got '{text[:40]}'")])
    return text is not None


def _move(asked: Asked) -> Callable[[Job], None]:
    text = _needed("PHASE", single(asked.given, "PHASE"))
    move = _MOVES.get(text.upper())
    if move is None:
        raise ParameterError([Fault("PHASE", f"must be {' or '.join(_MOVES)}, got '{text[:40]}'")])
    return move


def _needed(name: str, value: Any) -> Any:
    if value is None:
        raise ParameterError([Fault(name, "must be given, got nothing")])
    return value
