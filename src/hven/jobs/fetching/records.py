"""What was fetched before: whole files that may be used again, and ones that were begun."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import QuerySet

from hven.errors import ConflictError, MissingError
from hven.jobs import upload_files, uploads
from hven.jobs.access import identifier
from hven.jobs.contents import upload_path
from hven.jobs.models import Event, Fetch, Job, Upload, User


class Fetched(NamedTuple):
    """An input that was fetched: what the job's messages and its provenance record say of it."""

    #: As the user gave it.
    url: str
    #: Where redirects led.
    found_at: str
    #: The id of the upload that it has become.
    upload: str
    name: str
    bytes: int
    sha256: str
    etag: str
    last_modified: str
    #: When it was fetched, ISO 8601.
    fetched: str
    #: Whether it was fetched for an earlier job, or attempt, and is the same still.
    reused: bool


def fetched(url: str, row: Fetch, *, reused: bool) -> Fetched:
    """What is told of a row whose upload is complete."""
    upload = row.upload
    assert upload.completed is not None
    return Fetched(
        url,
        row.found_at,
        str(upload.pk),
        upload.name,
        upload.received,
        upload.sha256,
        row.etag,
        row.last_modified,
        upload.completed.isoformat(timespec="seconds"),
        reused,
    )


def whole(owner: User | None, url: str) -> Fetch | None:
    """The newest complete file of a user from there, if the server can say whether it changed."""
    rows = _of(owner, url).exclude(upload__completed=None).order_by("-upload__completed")[:1]
    return next((row for row in rows if _is_there(row) and (row.etag or row.last_modified)), None)


def begun(owner: User | None, url: str) -> Fetch | None:
    """The newest file of a user from there that broke off and can be gone on with."""
    rows = _of(owner, url).filter(upload__completed=None).order_by("-begun")
    return next((row for row in rows if _is_there(row) and validator(row)), None)


def validator(row: Fetch) -> str:
    """What tells this version of a file from any other, byte by byte; empty where nothing does."""
    return row.last_modified if not row.etag else "" if row.etag.startswith("W/") else row.etag


def is_busy(upload: Upload) -> bool:
    """Whether somebody writes it now."""
    try:
        with upload_files.locked(upload.pk):
            return False
    except ConflictError:
        return True
    except MissingError:
        return False


def discard(row: Fetch) -> None:
    """Remove what was begun and is of no use."""
    uploads.discard(row.upload)


def of_earlier_attempts(job: Job) -> dict[str, Fetched]:
    """What earlier attempts of a job have fetched, by address, as far as it is there still."""
    told = Event.objects.filter(job=job, kind="say", data__has_key="found_at")
    found = {
        each["url"]: Fetched(**{**each, "reused": True})
        for each in told.order_by("sequence").values_list("data", flat=True)
        if set(each) == set(Fetched._fields)
    }
    complete = Upload.objects.filter(owner=job.owner_id).exclude(completed=None)
    kept = complete.in_bulk([identifier(each.upload) for each in found.values()])
    there = {key for key in kept if upload_path(key).is_file()}
    return {url: each for url, each in found.items() if identifier(each.upload) in there}


def _of(owner: User | None, url: str) -> QuerySet[Fetch]:
    return Fetch.objects.select_related("upload").filter(url=url, upload__owner=owner)


def _is_there(row: Fetch) -> bool:
    return upload_path(row.upload_id).is_file()
