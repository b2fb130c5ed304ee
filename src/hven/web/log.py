"""A job's log as text, made from its events: it is there in every phase, as long as the job."""

from __future__ import annotations

import json
from collections.abc import Iterator

from hven.jobs.models import Event, Job
from hven.web.instants import instant

#: Events that are read at a time.
_CHUNK = 1000


def log_lines(job: Job) -> Iterator[str]:
    """What the job is, then a line an event: time, kind, text, facts; its error at the end."""
    yield f"# job {job.pk} {job.application} {job.application_version}\n"
    if job.label:
        yield f"# label {job.label}\n"
    for name, value in job.parameters.items():
        yield f"# {name} = {json.dumps(value, ensure_ascii=False)}\n"
    after = 0
    while True:
        events = list(job.event_rows.filter(sequence__gt=after).order_by("sequence")[:_CHUNK])
        for event in events:
            yield _line(event)
        if len(events) < _CHUNK:
            break
        after = events[-1].sequence
    if job.error_kind:
        yield f"# error {job.error_kind} {job.error_code}\n"
        for line in job.error_message.splitlines():
            yield f"# {line}\n"


def _line(event: Event) -> str:
    facts = [
        f"{name}={json.dumps(value, ensure_ascii=False, default=str)}"
        for name, value in event.data.items()
    ]
    text = " | ".join(event.text.splitlines())
    words = [instant(event.time), f"{event.kind:<8}", text, *facts]
    return " ".join(word for word in words if word) + "\n"
