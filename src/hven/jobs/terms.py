"""What can be asked of a job besides its parameters: label, dates, limits, mail; checked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from hven.errors import Fault
from hven.jobs.access import is_administrator
from hven.jobs.clock import now
from hven.jobs.configuration import configuration, machine_memory
from hven.jobs.models import Lane, User

LONGEST_LABEL = 64
_LONGEST_KEY = 255
_LONGEST_ADDRESSES = 500
_LEAST_MEMORY = 2**26
#: What a database column of whole numbers holds.
_LONGEST_SECONDS = 2**31 - 1
_MAIL_ON = ("end", "failure")
#: Characters that neither XML 1.0 nor a header can carry, and halves of characters.
_ODD = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def label(text: str, faults: list[Fault]) -> str:
    """A label, at most as long as the standard lets it be."""
    if len(text) > LONGEST_LABEL:
        faults.append(
            Fault("label", f"must have at most {LONGEST_LABEL} characters, got {len(text)}")
        )
    if _ODD.search(text):
        faults.append(Fault("label", "must be one line of plain text, got control characters"))
    return text


def key(text: str | None, faults: list[Fault]) -> str | None:
    """An idempotency key."""
    if text is None:
        return None
    if not 0 < len(text) <= _LONGEST_KEY or _ODD.search(text):
        told = f"must be a text of 1 to {_LONGEST_KEY} characters, got {len(text)}"
        faults.append(Fault("idempotency_key", told))
    return text


def lane(user: User | None, wanted: int, faults: list[Fault]) -> Lane:
    """A lane; only administrators send jobs ahead of everybody else's."""
    try:
        found = Lane(wanted)
    except ValueError:
        names = ", ".join(Lane.labels)
        faults.append(Fault("lane", f"must be one of {names}, got {wanted}"))
        return Lane.BATCH
    if found == Lane.REAL_TIME and not is_administrator(user):
        faults.append(
            Fault("lane", "must be interactive or batch; real-time is for administrators")
        )
    return found


def destruction(wanted: datetime | None, faults: list[Fault]) -> datetime:
    """When a new job is removed; no later than an administrator lets it be."""
    moment = now()
    if wanted is None:
        return moment + timedelta(days=configuration().retention_days)
    wanted = whole(wanted)
    if wanted <= moment:
        faults.append(Fault("destruction", f"must be in the future, got {_shown(wanted)}"))
    return min(wanted, latest_destruction())


def latest_destruction() -> datetime:
    """The latest time to which results can be kept, from now."""
    return now() + timedelta(days=configuration().longest_retention_days)


def duration(wanted: int | None, faults: list[Fault]) -> int:
    """Seconds that a job may run, no longer than an administrator lets it; 0 is without limit."""
    most = configuration().duration_limit
    if wanted is None:
        return most
    if not 0 <= wanted <= _LONGEST_SECONDS:
        told = f"must be whole seconds, 0 to {_LONGEST_SECONDS} (0 is the longest), got {wanted}"
        faults.append(Fault("execution_duration", told))
        return most
    return min(wanted or most, most) if most else wanted


def not_before(
    wanted: datetime | None, destroyed: datetime, faults: list[Fault]
) -> datetime | None:
    """The time before which a job is not begun."""
    if wanted is None:
        return None
    wanted = whole(wanted)
    if wanted >= destroyed:
        told = f"must be before the destruction at {_shown(destroyed)}, got {_shown(wanted)}"
        faults.append(Fault("not_before", told))
    return wanted


def mail(user: User | None, addresses: str, wanted: str, faults: list[Fault]) -> tuple[str, str]:
    """Who gets mail and when; the user's own address where only the occasion is given."""
    if wanted not in ("", *_MAIL_ON):
        faults.append(Fault("mail_on", f"must be one of {', '.join(_MAIL_ON)}, got '{wanted}'"))
    to = [address.strip() for address in addresses.split(",") if address.strip()]
    if not to and wanted:
        to = [user.email] if user is not None and user.email else []
        if not to:
            faults.append(Fault("mail_to", "must be an address, your account has none"))
    for address in to:
        try:
            validate_email(address)
        except ValidationError:
            faults.append(Fault("mail_to", f"must be an address such as a@b.org, got '{address}'"))
    text = ",".join(dict.fromkeys(to))
    if len(text) > _LONGEST_ADDRESSES:
        told = f"must have at most {_LONGEST_ADDRESSES} characters, got {len(text)}"
        faults.append(Fault("mail_to", told))
    return text, (wanted or "end") if to else ""


def memory(wanted: int | None, faults: list[Fault]) -> int | None:
    """Bytes that a job may take at first."""
    most = machine_memory()
    if wanted is not None and not _LEAST_MEMORY <= wanted <= most:
        told = f"must be {_LEAST_MEMORY} to {most} bytes, got {wanted}"
        faults.append(Fault("memory_bytes", told))
    return wanted


def whole(moment: datetime) -> datetime:
    """A time as jobs record it: UTC, whole milliseconds; without a zone it is UTC already."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
