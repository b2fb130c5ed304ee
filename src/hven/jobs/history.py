"""What earlier jobs tell about those to come: how long they take, and how much they give.

The form says it before a job is made, the job's page until the job has a pace of its own.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hven.declare import Application
from hven.declare.registry import applications
from hven.errors import ParameterError
from hven.jobs.access import identifier
from hven.jobs.clock import now
from hven.jobs.configuration import configuration
from hven.jobs.models import Job, Result, Upload
from hven.jobs.phases import Phase

#: Jobs that are looked at, newest first, and those nearest in size that are counted.
_LOOKED_AT, _COUNTED = 40, 9
#: Files of a job whose sizes are looked up; of more these stand for all.
_MOST_FILES = 200
#: A share of the known steps that says little of what is left.
_LEAST_SHARE = 0.1


class Span(NamedTuple):
    """From, most likely, to."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """What is expected, and how that is known."""

    seconds: Span | None = None
    #: Bytes of the results.
    bytes: Span | None = None
    #: `history` or `application`; empty when nothing is known.
    source: str = ""
    #: How many jobs it was made from.
    jobs: int = 0
    #: Whether they were scaled by the size of the inputs.
    scaled: bool = False


class _Past(NamedTuple):
    input_bytes: int
    seconds: float
    result_bytes: int


def estimate(made: Application, values: Mapping[str, Any] | None, input_bytes: int) -> Estimate:
    """What a request will take: as jobs of its kind before it, else as the application says.

    Parameters
    ----------
    made
        The application.
    values
        Its parameters, checked; None while they are not right.
    input_bytes
        Of all its files.
    """
    takes_files = any(field.kind == "file" for field in made.fields)
    found = _as_before(made.name, made.version, input_bytes if takes_files else 0)
    if found.source:
        return found
    if made.cost is not None and values is not None and (input_bytes or not takes_files):
        seconds, size = made.cost(values, input_bytes)
        return Estimate(_about(seconds), _about(size), "application")
    return Estimate()


def expected_end(job: Job, place: int = 0) -> datetime | None:
    """When a job is likely to end; None where nothing tells.

    Parameters
    ----------
    job
        One that runs, by its own pace as soon as a tenth of its known steps are done, else by what
        its kind takes; or one that waits for its turn, by what those before it take.
    place
        Its number in the queue; 0 is none.
    """
    moment = now()
    if job.phase == Phase.EXECUTING.value and job.started is not None:
        share = job.steps_done / job.steps_total if job.steps_total else 0.0
        if share >= _LEAST_SHARE:
            return moment + (moment - job.started) * ((1 - share) / share)
        usual = usual_time(job)
        return None if usual is None else max(moment, job.started + usual)
    if job.phase == Phase.QUEUED.value and place:
        usual, wait = usual_time(job), _wait(place)
        return None if usual is None or wait is None else moment + wait + usual
    return None


def usual_time(job: Job) -> timedelta | None:
    """How long a job is likely to run, by what it was asked for; None where nothing tells."""
    input_bytes = _input_bytes([job])[job.pk]
    made = applications().get(job.application)
    if made is None or made.version != job.application_version:
        found = _as_before(job.application, job.application_version, input_bytes)
    else:
        found = estimate(made, _values(made, job), input_bytes)
    return None if found.seconds is None else timedelta(seconds=found.seconds.middle)


def _values(made: Application, job: Job) -> Mapping[str, Any] | None:
    try:
        return made.parse(job.parameters)
    except ParameterError:
        return None


def _wait(place: int) -> timedelta | None:
    """How long those before a place in the queue take, by jobs of all kinds; None if unknown."""
    slots = configuration().slots
    free = max(0, slots - Job.objects.filter(phase=Phase.EXECUTING.value).count())
    rounds = math.ceil(max(0, place - free) / slots)
    if not rounds:
        return timedelta()
    ended = Job.objects.filter(phase=Phase.COMPLETED.value, deleted=None).order_by("-created")
    times = ended.values_list("started", "ended")[:_LOOKED_AT]
    seconds = [(end - begin).total_seconds() for begin, end in times if begin and end]
    return timedelta(seconds=rounds * statistics.fmean(seconds)) if seconds else None


def _as_before(name: str, version: int, input_bytes: int) -> Estimate:
    """What jobs of a kind took, scaled by their inputs where those are known and matter."""
    past = _past(name, version)
    if input_bytes:
        past = [each for each in past if each.input_bytes]
        past.sort(key=lambda each: _ratio(each.input_bytes, input_bytes))
    past = past[:_COUNTED]
    if not past:
        return Estimate()
    factors = [input_bytes / each.input_bytes if input_bytes else 1.0 for each in past]
    return Estimate(
        _span([each.seconds * by for each, by in zip(past, factors, strict=True)]),
        _span([each.result_bytes * by for each, by in zip(past, factors, strict=True)]),
        "history",
        len(past),
        bool(input_bytes),
    )


def _past(name: str, version: int) -> list[_Past]:
    """The newest jobs that did all their work themselves, whoever's: figures tell nothing more."""
    found = list(
        Job.objects.filter(
            application=name,
            application_version=version,
            phase=Phase.COMPLETED.value,
            steps_reused=0,
            attempt=1,
        )
        .exclude(started=None)
        .order_by("-created")
        .only("parameters", "started", "ended", "result_bytes")[:_LOOKED_AT]
    )
    sizes = _input_bytes(found)
    return [
        _Past(sizes[job.pk], (job.ended - job.started).total_seconds(), job.result_bytes)
        for job in found
        if job.ended is not None and job.started is not None
    ]


def _input_bytes(jobs: Iterable[Job]) -> dict[Any, int]:
    """Bytes of the uploads and results that jobs took; two queries for all."""
    taken = {job.pk: list(_references(job.parameters)) for job in jobs}
    everything = {text for texts in taken.values() for text in texts[:_MOST_FILES]}
    uploads = {
        f"upload:{key}": size
        for key, size in Upload.objects.filter(pk__in=_ids(everything, "upload")).values_list(
            "pk", "received"
        )
    }
    results = {
        f"job:{job}/{name}": size
        for job, name, size in Result.objects.filter(job__in=_ids(everything, "job")).values_list(
            "job", "name", "bytes"
        )
    }
    known = uploads | results
    return {key: _sum(texts, known) for key, texts in taken.items()}


def _sum(texts: list[str], known: Mapping[str, int]) -> int:
    """Bytes of the files of a job; 0 where they are not all known: it would be taken for small."""
    some = texts[:_MOST_FILES]
    if not all(text in known for text in some):
        return 0
    return round(sum(known[text] for text in some) * len(texts) / max(1, len(some)))


def _references(parameters: Mapping[str, Any]) -> Iterable[str]:
    for value in parameters.values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and text.startswith(("upload:", "job:", "dataset:")):
                yield text


def _ids(texts: Iterable[str], kind: str) -> list[Any]:
    start = f"{kind}:"
    return [
        identifier(text.removeprefix(start).partition("/")[0])
        for text in texts
        if text.startswith(start)
    ]


def _ratio(first: int, second: int) -> float:
    return max(first, second) / max(1, min(first, second))


def _span(values: list[float]) -> Span:
    return Span(min(values), statistics.median(values), max(values))


def _about(value: float) -> Span:
    """A figure that is known to a factor of two."""
    return Span(value / 2, value, value * 2)
