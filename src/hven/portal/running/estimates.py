"""What a request will take, told from jobs of the same kind before it, else by the application."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hven.declare import Application
from hven.jobs import limits
from hven.jobs.access import identifier
from hven.jobs.models import Job, Result, Upload, User
from hven.jobs.phases import Phase

#: Jobs that are looked at, newest first, and those nearest in size that are counted.
_LOOKED_AT, _COUNTED = 40, 9


class Span(NamedTuple):
    """From, most likely, to."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """What is expected, and how that is known."""

    seconds: Span | None
    #: Bytes of the results.
    bytes: Span | None
    #: `history` or `application`; empty when nothing is known.
    source: str
    #: How many jobs it was made from.
    jobs: int = 0
    #: Whether they were scaled by the size of the inputs.
    scaled: bool = False


@dataclass(frozen=True)
class Quota:
    """What somebody has, and may have; a limit of 0 is none."""

    jobs: int
    jobs_limit: int
    bytes: int
    bytes_limit: int

    @property
    def bytes_left(self) -> int:
        """Bytes that may come."""
        return max(0, self.bytes_limit - self.bytes)

    @property
    def jobs_left(self) -> int:
        """Jobs that may come."""
        return max(0, self.jobs_limit - self.jobs)


class _Past(NamedTuple):
    input_bytes: int
    seconds: float
    result_bytes: int


def estimate(made: Application, values: Mapping[str, Any] | None, input_bytes: int) -> Estimate:
    """What a request will take.

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
    past = _past(made)
    if takes_files and input_bytes:
        past = [each for each in past if each.input_bytes]
        past.sort(key=lambda each: _ratio(each.input_bytes, input_bytes))
    past = past[:_COUNTED]
    if past:
        factors = [
            input_bytes / each.input_bytes
            if takes_files and each.input_bytes and input_bytes
            else 1.0
            for each in past
        ]
        return Estimate(
            _span([each.seconds * by for each, by in zip(past, factors, strict=True)]),
            _span([each.result_bytes * by for each, by in zip(past, factors, strict=True)]),
            "history",
            len(past),
            takes_files and bool(input_bytes),
        )
    if made.cost is not None and values is not None and (input_bytes or not takes_files):
        seconds, size = made.cost(values, input_bytes)
        return Estimate(_about(seconds), _about(size), "application")
    return Estimate(None, None, "")


def quota(owner: User) -> Quota:
    """What somebody has, and may have."""
    return Quota(
        limits.active_jobs(owner),
        limits.job_limit(owner),
        limits.upload_bytes(owner) + limits.result_bytes(owner),
        limits.byte_limit(owner),
    )


def _past(made: Application) -> list[_Past]:
    """The newest jobs that did all their work themselves, whoever's: figures tell nothing more."""
    found = list(
        Job.objects.filter(
            application=made.name,
            application_version=made.version,
            phase=Phase.COMPLETED.value,
            steps_reused=0,
            attempt=1,
        )
        .exclude(started=None)
        .order_by("-created")
        .only("parameters", "started", "ended", "result_bytes")[:_LOOKED_AT]
    )
    sizes = _input_bytes(made, found)
    return [
        _Past(sizes[job.pk], (job.ended - job.started).total_seconds(), job.result_bytes)
        for job in found
        if job.ended is not None and job.started is not None
    ]


def _input_bytes(made: Application, jobs: Iterable[Job]) -> dict[Any, int]:
    """Bytes of the uploads and results that jobs took; two queries for all."""
    files = [field.name for field in made.fields if field.kind == "file"]
    taken = {job.pk: list(_references(job.parameters, files)) for job in jobs}
    everything = {text for texts in taken.values() for text in texts}
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
    # One of which a part is not known would be taken for a small one.
    return {
        key: sum(known[text] for text in texts) if all(text in known for text in texts) else 0
        for key, texts in taken.items()
    }


def _references(parameters: Mapping[str, Any], files: Iterable[str]) -> Iterable[str]:
    for name in files:
        value = parameters.get(name)
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
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
