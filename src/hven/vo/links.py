"""What belongs to a job, as links of DataLink: products, previews, log, provenance, inputs."""

from __future__ import annotations

from collections.abc import Iterator

from hven.declare.url import is_url
from hven.jobs.models import Job
from hven.vo.asking import Asked
from hven.vo.parameters import shown_parameters, upload_of
from hven.vo.results import MAIN, results_of
from hven.vo.votables import Link

#: Words of the vocabulary http://www.ivoa.net/rdf/datalink/core by the role of a result.
_SEMANTICS = {
    "main": "#this",
    "product": "#derivation",
    "preview": "#preview",
    "log": "#auxiliary",
    "provenance": "#auxiliary",
}


def links_of(asked: Asked, job: Job) -> Iterator[Link]:
    """Each result, the log of what happened, and each file that was sent for it."""
    found = results_of(job)
    for name, result in found.items():
        yield Link(
            str(job.pk),
            asked.address(job.pk, "results", name),
            description=result.help or name,
            semantics="#this" if name == MAIN else _SEMANTICS.get(result.role, "#derivation"),
            content_type=result.media_type,
            content_length=result.bytes,
        )
    if not any(result.role == "log" for result in found.values()):
        yield Link(
            str(job.pk),
            asked.address(job.pk, "log"),
            description="What happened to the job until now",
            semantics="#auxiliary",
            content_type="text/plain",
        )
    for value in shown_parameters(job):
        if is_url(value.text):
            yield Link(
                str(job.pk),
                value.text,
                description=f"{value.name}: where it was fetched from",
                semantics="#progenitor",
            )
        upload = upload_of(job, value)
        if upload is not None:
            yield Link(
                str(job.pk),
                asked.address(job.pk, "parameters", *value.place),
                description=f"{value.name}: {upload.name}",
                semantics="#progenitor",
                content_type="application/octet-stream",
                content_length=upload.size,
            )
