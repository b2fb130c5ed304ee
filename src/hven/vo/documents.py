"""The documents of UWS 1.1: a job, lists of jobs, parameters, results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hven.jobs.models import Job
from hven.jobs.phases import TERMINAL, WAITING
from hven.jobs.queue import position
from hven.vo.asking import Asked
from hven.vo.parameters import Shown, shown_parameters
from hven.vo.phases import shown
from hven.vo.results import results_of
from hven.vo.writing import Markup, document, element, filled, nillable
from hven.web.instants import instant

_NAMESPACES = {
    "xmlns_uws": "http://www.ivoa.net/xml/UWS/v1.0",
    "xmlns_xlink": "http://www.w3.org/1999/xlink",
    "xmlns_xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
_VERSION = "1.1"
#: Characters of an error that stand in the document; the whole is found apart.
_LONGEST_MESSAGE = 2000


def job_document(asked: Asked, job: Job) -> bytes:
    """All of a job."""
    content = [
        filled("uws:jobId", job.pk),
        *([filled("uws:runId", job.label)] if job.label else []),
        _owner(job),
        filled("uws:phase", shown(job.phase, asked.wants_held)),
        nillable("uws:quote", None),
        nillable("uws:creationTime", instant(job.created)),
        nillable("uws:startTime", instant(job.started)),
        nillable("uws:endTime", instant(job.ended)),
        filled("uws:executionDuration", job.execution_duration),
        nillable("uws:destruction", instant(job.destruction)),
        element("uws:parameters", _parameters(asked, job)),
        element("uws:results", _results(asked, job)),
        *_error(job),
        element("uws:jobInfo", _facts(asked, job)),
    ]
    return document(element("uws:job", content, **_NAMESPACES, version=_VERSION))


def list_document(asked: Asked, jobs: Iterable[Job]) -> bytes:
    """A list of jobs; their owners are to be at hand."""
    references = (_reference(asked, job) for job in jobs)
    return document(element("uws:jobs", references, **_NAMESPACES, version=_VERSION))


def parameters_document(asked: Asked, job: Job) -> bytes:
    """A job's parameters alone."""
    return document(element("uws:parameters", _parameters(asked, job), **_NAMESPACES))


def results_document(asked: Asked, job: Job) -> bytes:
    """A job's results alone."""
    return document(element("uws:results", _results(asked, job), **_NAMESPACES))


def _reference(asked: Asked, job: Job) -> Markup:
    return element(
        "uws:jobref",
        filled("uws:phase", shown(job.phase, asked.wants_held)),
        filled("uws:runId", job.label) if job.label else "",
        _owner(job),
        filled("uws:creationTime", instant(job.created)),
        id=str(job.pk),
        xlink_href=asked.address(job.pk),
        xlink_type="simple",
    )


def _owner(job: Job) -> Markup:
    return nillable("uws:ownerId", job.owner.get_username() if job.owner is not None else None)


def _parameters(asked: Asked, job: Job) -> Iterator[Markup]:
    for value in shown_parameters(job):
        yield _parameter(asked, job, value)


def _parameter(asked: Asked, job: Job, value: Shown) -> Markup:
    if value.by_reference:
        place = asked.address(job.pk, "parameters", *value.place)
        return filled("uws:parameter", place, id=value.name, byReference="true")
    return filled("uws:parameter", value.text, id=value.name)


def _results(asked: Asked, job: Job) -> Iterator[Markup]:
    for name, result in results_of(job).items():
        yield element(
            "uws:result",
            id=name,
            xlink_href=asked.address(job.pk, "results", name),
            xlink_type="simple",
            size=result.bytes,
            mime__type=result.media_type,
        )


def _error(job: Job) -> Iterator[Markup]:
    if job.error_kind:
        message = filled("uws:message", job.error_message[:_LONGEST_MESSAGE])
        yield element("uws:errorSummary", message, type=job.error_kind, hasDetail="true")


def _facts(asked: Asked, job: Job) -> Iterator[Markup]:
    """What may interest besides: how far it is, what it waits for, where more is to be found.

    In no namespace: validators warn of one that they do not know.
    """
    progress = {"total": job.steps_total, "done": job.steps_done, "reused": job.steps_reused}
    yield filled("application", job.application, version=job.application_version)
    yield element("progress", **progress)
    yield filled("attempt", job.attempt)
    if job.phase in WAITING:
        place = position(job)
        yield filled("queue", place.reason, position=place.number or None)
    if job.stop and job.phase not in TERMINAL:
        yield filled("stop", job.stop_reason or "asked to stop", wish=job.stop)
    yield filled("links", asked.address(job.pk, "links"))
    yield filled("log", asked.address(job.pk, "log"))
