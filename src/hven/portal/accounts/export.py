"""All that the service keeps of somebody, as one archive."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO, Any

from django.core import serializers
from django.db.models import Model

from hven.jobs.models import Event, Job, Result, User
from hven.portal.models import Tag
from hven.web.addresses import absolute

#: Rows that are in memory at a time.
_ROWS = 500
#: What is secret, and of use to nobody who reads the archive.
_SECRET = ("digest", "password", "session_key", "token", "secret", "data")
_README = """What this service keeps of {name}.

account.json is the account, jobs.json its jobs, events.json what they told, results.json their
files with the addresses from which they can be fetched, tags.json the words you put on them,
presets.json the forms you kept. Each other file is a table of the service
with your rows. Secrets (passwords, tokens, keys) are left out; the service has only digests of
most of them.
"""


def archive(request: Any, user: User) -> IO[bytes]:
    """A zip, open for reading at its beginning."""
    made: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as whole:
        whole.writestr("README.txt", _README.format(name=user.get_username()))
        _write(whole, "account.json", _rows(User.objects.filter(pk=user.pk)))
        jobs = Job.objects.filter(owner=user, deleted=None)
        _write(whole, "jobs.json", _rows(jobs))
        _write(whole, "events.json", _events(jobs))
        _write(whole, "results.json", _results(request, jobs))
        _write(whole, "tags.json", _rows(Tag.objects.filter(job__in=jobs)))
        for model, name in own_tables():
            plural = f"{model._meta.model_name}".removesuffix("s") + "s"
            _write(whole, f"{plural}.json", _rows(_mine(model, name, user)))
    made.seek(0)
    return made


def own_tables() -> Iterator[tuple[type[Model], str]]:
    """The tables with rows of users, and the column that says whose; jobs are not among them."""
    for relation in User._meta.related_objects:
        if relation.related_model is not Job and relation.get_accessor_name() is not None:
            yield relation.related_model, relation.field.name


def _mine(model: type[Model], name: str, user: User) -> Any:
    return model._default_manager.filter(**{name: user})


def _rows(found: Any) -> Iterator[dict[str, Any]]:
    fields = [
        field.name
        for field in (*found.model._meta.fields, *found.model._meta.many_to_many)
        if not any(word in field.name for word in _SECRET)
    ]
    for row in found.order_by("pk").iterator(_ROWS):
        text = serializers.serialize("json", [row], fields=fields)
        entry = json.loads(text)[0]
        yield {"id": entry["pk"], **entry["fields"]}


def _events(jobs: Any) -> Iterator[dict[str, Any]]:
    return _rows(Event.objects.filter(job__in=jobs))


def _results(request: Any, jobs: Any) -> Iterator[dict[str, Any]]:
    for result in Result.objects.filter(job__in=jobs).order_by("pk").iterator(_ROWS):
        yield {
            "job": str(result.job_id),
            "name": result.name,
            "bytes": result.bytes,
            "sha256": result.sha256,
            "media_type": result.media_type,
            "url": absolute(request, "/api/v1/jobs", result.job_id, "results", result.name),
        }


def _write(whole: zipfile.ZipFile, name: str, rows: Iterator[dict[str, Any]]) -> None:
    """A list as JSON, row by row: it may be longer than memory."""
    with whole.open(name, "w") as file:
        first = True
        file.write(b"[")
        for row in rows:
            file.write(b"\n" if first else b",\n")
            file.write(json.dumps(row, ensure_ascii=False).encode())
            first = False
        file.write(b"\n]\n")
