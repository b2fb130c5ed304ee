"""Jobs and what belongs to them, as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from hven.api.asking import address
from hven.jobs.access import identifier
from hven.jobs.models import Attempt, Event, Job, Lane, Result
from hven.jobs.phases import WAITING
from hven.jobs.queue import position
from hven.web.instants import instant

#: Columns that no list shows; the parameters of a job may name thousands of files.
NOT_LISTED = ("parameters", "stages", "error_faults", "request_digest")


def job_summary(request: HttpRequest, job: Job) -> dict[str, Any]:
    """A job as a list shows it; its owner is to be at hand."""
    return {
        "id": str(job.pk),
        "url": address(request, "jobs", job.pk),
        "application": job.application,
        "label": job.label,
        "phase": job.phase,
        "stop": job.stop,
        "lane": Lane(job.lane).label,
        "owner": job.owner.get_username() if job.owner is not None else None,
        "created": instant(job.created),
        "queued": instant(job.queued),
        "started": instant(job.started),
        "ended": instant(job.ended),
        "destruction": instant(job.destruction),
        "not_before": instant(job.not_before),
        "execution_duration": job.execution_duration,
        "attempt": job.attempt,
        "progress": {
            "total": job.steps_total,
            "done": job.steps_done,
            "reused": job.steps_reused,
            "words": progress_words(job),
        },
        "error": _error(job, {}),
        "result_bytes": job.result_bytes,
        "events": job.events,
        "rerun_of": job.rerun_of_id and str(job.rerun_of_id),
    }


def new_job_document(request: HttpRequest, job: Job) -> dict[str, Any]:
    """A job as it was made a moment ago, without a look at the database.

    Where it is in the queue is left to those who ask: finding it takes longer than taking it in.
    """
    found = job_summary(request, job) | _particulars(request, job)
    found["progress"] |= {"stages": job.stages, "reused_from": {}}
    return found | {
        "queue": None,
        "attempts": [],
        "results": [],
    }


def job_document(request: HttpRequest, job: Job) -> dict[str, Any]:
    """All that is to be known of a job."""
    found = job_summary(request, job) | _particulars(request, job)
    sources = visible_sources(job)
    found["progress"] |= {
        "stages": job.stages,
        "reused_from": sources,
        "words": progress_words(job, sources),
    }
    waiting = position(job) if job.phase in WAITING else None
    return found | {
        "error": _error(job, {"faults": job.error_faults}),
        "queue": waiting and {"position": waiting.number, "reason": waiting.reason},
        "attempts": [attempt_document(each) for each in job.attempts.order_by("number")],
        "results": result_documents(request, job),
    }


def _particulars(request: HttpRequest, job: Job) -> dict[str, Any]:
    """What a list does not show, as far as it stands in the job itself."""
    return {
        "application_version": job.application_version,
        "parameters": job.parameters,
        "archived": instant(job.archived),
        "fresh": job.fresh,
        "mail_to": job.mail_to,
        "mail_on": job.mail_on,
        "links": {
            name: address(request, "jobs", job.pk, name)
            for name in ("events", "stream", "results", "log")
        },
    }


def progress_words(job: Job, sources: Mapping[str, int] | None = None) -> str:
    """How far a job is, for people: `350 of 400 steps, 312 of them reused, from job ID`."""
    if not job.steps_total:
        return ""
    text = f"{job.steps_done} of {job.steps_total} steps"
    if not job.steps_reused:
        return text
    names = [f"job {name}" for name in sources or {} if name != "others"]
    names += ["jobs of others"] if sources and "others" in sources else []
    return f"{text}, {job.steps_reused} of them reused{', from ' if names else ''}{_listed(names)}"


def visible_sources(job: Job) -> dict[str, int]:
    """How many reused steps came from which job; those of others are counted together.

    The id of a job that was made without an account is the key to it, and nobody is told whom
    somebody else's belongs to.
    """
    if not job.reused_from:
        return {}
    named = Job.objects.filter(pk__in=map(identifier, job.reused_from), deleted=None)
    mine = named.filter(owner=job.owner_id) if job.owner_id is not None else named.none()
    own = {str(found) for found in mine.values_list("pk", flat=True)}
    shown = {name: count for name, count in job.reused_from.items() if name in own}
    others = sum(job.reused_from.values()) - sum(shown.values())
    return shown | ({"others": others} if others else {})


def attempt_document(attempt: Attempt) -> dict[str, Any]:
    """One time a job was run."""
    return {
        "number": attempt.number,
        "node": attempt.node,
        "started": instant(attempt.started),
        "ended": instant(attempt.ended),
        "outcome": attempt.outcome,
        "cause": attempt.cause,
        "message": attempt.message,
        "steps_done": attempt.steps_done,
        "steps_reused": attempt.steps_reused,
        "cpu_seconds": attempt.cpu_seconds,
        "peak_bytes": attempt.peak_bytes,
    }


def result_documents(request: HttpRequest, job: Job) -> list[dict[str, Any]]:
    """The files of a job, also while it runs."""
    found = Result.objects.filter(job=job).order_by("order", "pk")
    return [_result(request, result) for result in found]


def event_document(event: Event) -> dict[str, Any]:
    """One thing that happened to a job; its number is the id of the event stream."""
    return {
        "number": event.sequence,
        "attempt": event.attempt,
        "time": instant(event.time),
        "kind": event.kind,
        "text": event.text,
        "data": event.data,
    }


def live_document(event: Event) -> dict[str, Any]:
    """An event among those of all of one's jobs; its id is where such a stream goes on from."""
    return {
        "id": event.pk,
        "job": str(event.job_id),
        "application": event.job.application,
        "label": event.job.label,
        **event_document(event),
    }


def _result(request: HttpRequest, result: Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "url": address(request, "jobs", result.job_id, "results", result.name),
        "help": result.help,
        "media_type": result.media_type,
        "bytes": result.bytes,
        "sha256": result.sha256 or None,
        "role": result.role,
        "final": result.final,
        "created": instant(result.created),
    }


def _error(job: Job, more: Mapping[str, Any]) -> dict[str, Any] | None:
    if not job.error_kind:
        return None
    faults = [{"name": name, "text": text} for name, text in more.get("faults", ())]
    return {
        "type": job.error_kind,
        "code": job.error_code,
        "message": job.error_message,
        "faults": faults,
    }


def _listed(names: list[str], most: int = 3) -> str:
    """Names in words, at most a few of them."""
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
