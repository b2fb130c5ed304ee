"""What keeps a service from taking more than it can hold: drained, disk, quotas."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Sum
from django.db.models.functions import Coalesce

from hven.errors import Fault, QuotaError, UnavailableError
from hven.jobs.configuration import configuration
from hven.jobs.models import Job, Switch, Upload, User
from hven.jobs.phases import ACTIVE
from hven.jobs.queue import DRAIN

_ACTIVE = [phase.value for phase in ACTIVE]
#: Seconds after which it is worth asking again.
_DRAINED_RETRY, _FULL_RETRY = 300, 60


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


def require_open() -> None:
    """Refuse while the service takes no jobs.

    Raises
    ------
    UnavailableError
        An administrator has drained it, or there is too little space.
    """
    reason = drained()
    if reason is not None:
        text = f"the service takes no jobs now: {reason}" if reason else "it takes no jobs now"
        raise UnavailableError(text, _DRAINED_RETRY)
    require_space()


def drained() -> str | None:
    """Why an administrator has drained the service; None when nobody has."""
    return Switch.objects.filter(name=DRAIN).values_list("reason", flat=True).first()


def require_space(more: int = 0) -> None:
    """Refuse what would leave less free space than the reserve.

    Parameters
    ----------
    more
        Bytes that are to be written.

    Raises
    ------
    UnavailableError
        With the figures.
    """
    free, reserve = free_bytes(), configuration().disk_reserve
    if free - more < reserve:
        wanted = f"{in_words(more)} and " if more else ""
        raise UnavailableError(
            f"there is too little space: {in_words(free)} are free, {wanted}{in_words(reserve)} "
            "must stay free",
            _FULL_RETRY,
        )


def has_space() -> bool:
    """Whether there is as much free space as must stay free."""
    return free_bytes() >= configuration().disk_reserve


def free_bytes() -> int:
    """Free space where the service keeps its files."""
    folder: Path = configuration().data
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def require_job_quota(owner: User | None) -> None:
    """Refuse a job of who has as many as one may have; within the transaction that adds it.

    Raises
    ------
    QuotaError
        With the figures.
    """
    most = job_limit(owner)
    if not most or owner is None:
        return
    # Held until the transaction ends: two requests at once cannot both find room for one more.
    User.objects.select_for_update().get(pk=owner.pk)
    have = active_jobs(owner)
    if have >= most:
        raise QuotaError(
            [Fault("jobs", f"must be at most {most} that have not ended, you have {have}")]
        )


def require_byte_quota(owner: User | None, more: int = 0) -> None:
    """Refuse what would make a user's files larger than they may be.

    Raises
    ------
    QuotaError
        With the figures.
    """
    most = byte_limit(owner)
    if not most or owner is None:
        return
    have = upload_bytes(owner) + result_bytes(owner)
    if have + more > most or (not more and have >= most):
        told = f" and {in_words(more)} more were to come" if more else ""
        raise QuotaError(
            [Fault("bytes", f"must be at most {in_words(most)}, you have {in_words(have)}{told}")]
        )


def quota(owner: User) -> Quota:
    """What somebody has, and may have."""
    taken = upload_bytes(owner) + result_bytes(owner)
    return Quota(active_jobs(owner), job_limit(owner), taken, byte_limit(owner))


def job_limit(owner: User | None) -> int:
    """How many jobs that have not ended somebody may have; 0 is without limit."""
    own = None if owner is None else owner.job_limit
    return configuration().user_jobs if own is None else own


def byte_limit(owner: User | None) -> int:
    """How many bytes of results and uploads somebody may have; 0 is without limit."""
    own = None if owner is None else owner.byte_limit
    return configuration().user_bytes if own is None else own


def active_jobs(owner: User) -> int:
    """How many jobs of a user have not ended."""
    return Job.objects.filter(owner=owner, deleted=None, phase__in=_ACTIVE).count()


def upload_bytes(owner: User) -> int:
    """Bytes of a user's uploads; one that is under way counts as large as it is to become."""
    each = Coalesce("size", "received")
    return int(Upload.objects.filter(owner=owner).aggregate(sum=Sum(each))["sum"] or 0)


def result_bytes(owner: User) -> int:
    """Bytes of the results of a user's jobs that are kept."""
    kept = Job.objects.filter(owner=owner, archived=None, deleted=None)
    return int(kept.aggregate(sum=Sum("result_bytes"))["sum"] or 0)


def in_words(count: int) -> str:
    """A number of bytes in words."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"
