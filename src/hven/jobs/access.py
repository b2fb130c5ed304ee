"""Who may see and change what.

A job belongs to its owner; administrators see all. A job without an owner was made without an
account: its identifier, which cannot be guessed, is the key to it, and nothing lists it.
"""

from __future__ import annotations

import uuid
from typing import Any, TypeVar

from django.db.models import Q, QuerySet

from hven.errors import ForbiddenError, MissingError
from hven.jobs.configuration import configuration
from hven.jobs.models import Dataset, Job, Upload, User

Owned = TypeVar("Owned", Job, Upload)


def is_administrator(user: User | None) -> bool:
    """Whether somebody may see and steer everything."""
    if user is None or not user.is_active or not user.as_administrator:
        return False
    return user.is_staff or user.is_superuser


def may_use(user: User | None, application: str) -> bool:
    """Whether somebody may have to do with jobs of an application: a token can be for some only."""
    only = None if user is None else user.only_applications
    return only is None or application in only


def readable(user: User | None, job: uuid.UUID | str) -> Job:
    """The job, if `user` may read it; whoever may read a job may also change it.

    Raises
    ------
    MissingError
        There is no such job, or it was deleted.
    ForbiddenError
        It belongs to somebody else.
    """
    found = Job.objects.select_related("owner").filter(pk=identifier(job), deleted=None).first()
    return permitted(user, found, f"job: there is none with the id {job}")


def permitted(user: User | None, found: Owned | None, absence: str) -> Owned:
    """What was found, if `user` may have it; see `readable`.

    Parameters
    ----------
    user
        Who asks; None is anonymous.
    found
        A job or an upload.
    absence
        What is told when there is none.
    """
    if found is None:
        raise MissingError(absence)
    if not may(user, found.owner_id):
        raise ForbiddenError(f"{absence.partition(':')[0]}: it belongs to somebody else")
    if isinstance(found, Job) and not may_use(user, found.application):
        raise ForbiddenError(f"job: it is of {found.application}, which this token is not for")
    return found


def may(user: User | None, owner: int | None) -> bool:
    """Whether `user` may have what belongs to the account `owner`."""
    if user is None:
        return owner is None and configuration().anonymous
    return owner is None or user.pk == owner or is_administrator(user)


def listed(user: User | None, *, everybody: bool = False) -> QuerySet[Job]:
    """The jobs that a list shows to `user`: the own ones, or all for an administrator.

    Raises
    ------
    ForbiddenError
        Who asks for everybody's jobs is no administrator.
    """
    if everybody and not is_administrator(user):
        raise ForbiddenError("everybody: must be asked for by an administrator")
    if user is None:
        return Job.objects.none()
    found = Job.objects.filter(deleted=None)
    if user.only_applications is not None:
        found = found.filter(application__in=user.only_applications)
    return found if everybody else found.filter(owner=user)


def offered(user: User | None) -> QuerySet[Dataset]:
    """The datasets that `user` may take inputs from."""
    found = Dataset.objects.filter(enabled=True)
    if user is None:
        return found.filter(public=True) if configuration().anonymous else found.none()
    if is_administrator(user):
        return found
    # A subquery rather than a join, which would give a dataset once for each group.
    mine = Dataset.groups.through.objects.filter(group__user=user)
    return found.filter(Q(public=True) | Q(pk__in=mine.values("dataset_id")))


def identifier(text: Any) -> uuid.UUID:
    """An identifier as clients give it; one that cannot be is that of nothing."""
    try:
        return text if isinstance(text, uuid.UUID) else uuid.UUID(str(text))
    except ValueError:
        return uuid.UUID(int=0)
