"""Links by which a job can be seen without being its owner, made and found again.

The end of a link is the identifier of its row and a signature of it by the service's secret: a
copy of the database does not open jobs, and whoever changes the secret ends all links.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from hven.errors import Fault, MissingError, ParameterError
from hven.jobs.clock import now
from hven.jobs.models import Job, User
from hven.portal.models import Share

#: The longest time for which a link can be made.
LONGEST = timedelta(days=365)
_LONGEST_NOTE = 100
_SIGNATURE = 32


def share(owner: User, job: Job, expires: datetime, note: str = "") -> Share:
    """Make a link to a job.

    Raises
    ------
    ParameterError
        The end is not in the future, or too far; the note is too long.
    """
    faults = []
    moment = now()
    if not moment < expires <= moment + LONGEST:
        told = (
            f"must be in the future, at most {LONGEST.days} days from now, got {expires:%Y-%m-%d}"
        )
        faults.append(Fault("expires", told))
    if len(note) > _LONGEST_NOTE or not (note.isprintable()):
        told = f"must be one line of at most {_LONGEST_NOTE} characters, got {len(note)}"
        faults.append(Fault("note", told))
    if faults:
        raise ParameterError(faults)
    return Share.objects.create(owner=owner, job=job, expires=expires, note=note)


def token_of(link: Share) -> str:
    """The end of a link's address."""
    return f"{link.pk.hex}{_signature(link.pk)}"


def shared_job(token: str) -> Job:
    """The job that a link is for.

    Raises
    ------
    MissingError
        There is no such link, its time is over, or the job is gone.
    """
    try:
        key = uuid.UUID(token[:32])
    except ValueError:
        key = uuid.UUID(int=0)
    found = None
    if hmac.compare_digest(token[32:].encode(), _signature(key).encode()):
        valid = Share.objects.filter(pk=key, expires__gt=now(), job__deleted=None)
        found = valid.select_related("job", "job__owner").first()
    if found is None:
        raise MissingError("link: there is no such one, or its time is over")
    job: Job = found.job
    return job


def links_of(job: Job) -> QuerySet[Share]:
    """The links to a job that are of use, the newest first."""
    return Share.objects.filter(job=job, expires__gt=now()).order_by("-created")


def end(job: Job, link: uuid.UUID) -> None:
    """Make a link to a job useless.

    Raises
    ------
    MissingError
        The job has no such link.
    """
    if not Share.objects.filter(pk=link, job=job).delete()[0]:
        raise MissingError("link: the job has no such one")


def _signature(key: uuid.UUID) -> str:
    text = b"share of a job " + key.bytes
    found = hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()
    return found[:_SIGNATURE]
