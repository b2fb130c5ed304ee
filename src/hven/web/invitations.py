"""Invitations to register: made, shown once as a link, of use once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet

from hven.errors import Fault, MissingError, ParameterError
from hven.jobs.clock import now
from hven.jobs.configuration import configuration
from hven.jobs.models import User
from hven.web.models import Invitation

#: For how long one is of use unless something else is said.
USUAL = timedelta(days=14)
_LONGEST_DAYS = 365


class Invited(NamedTuple):
    """A new invitation."""

    invitation: Invitation
    #: What the link has; it is kept nowhere.
    secret: str


def make(email: str = "", by: User | None = None, days: float = USUAL.days) -> Invited:
    """A new invitation.

    Parameters
    ----------
    email
        Whose; who registers with this address need not prove it once more. Empty is anybody's.
    by
        Who invites.
    days
        For how long it is of use.

    Raises
    ------
    ParameterError
        That is no address, or no time.
    """
    faults = []
    try:
        if email:
            validate_email(email)
    except ValidationError:
        faults.append(Fault("email", f"must be a mail address, got '{email[:80]}'"))
    if not 0 < days <= _LONGEST_DAYS:
        faults.append(Fault("days", f"must be above 0 and at most {_LONGEST_DAYS}, got {days:g}"))
    if faults:
        raise ParameterError(faults)
    secret = secrets.token_urlsafe(24)
    invitation = Invitation.objects.create(
        email=email, digest=_digest(secret), made_by=by, expires=now() + timedelta(days=days)
    )
    return Invited(invitation, secret)


def link(secret: str, base: str | None = None) -> str:
    """The address that who is invited opens.

    Parameters
    ----------
    secret
        Of the invitation.
    base
        How the service is reached; else as the settings say.
    """
    settings = configuration()
    root = base or settings.url or f"http://{settings.host}:{settings.port}"
    return f"{root.rstrip('/')}/account/invitations/{secret}/"


def find(secret: str) -> Invitation | None:
    """The invitation, while it is of use."""
    return _open().filter(digest=_digest(secret)).first()


def use(secret: str, user: User) -> bool:
    """Use an invitation up; of several that try at once one succeeds."""
    return bool(_open().filter(digest=_digest(secret)).update(used=now(), used_by=user))


def withdraw(invitation: int) -> None:
    """Make an invitation useless.

    Raises
    ------
    MissingError
        There is none, or it was used.
    """
    if not Invitation.objects.filter(pk=invitation, used=None).delete()[0]:
        raise MissingError(f"invitation: there is none with the id {invitation} that is open")


def _open() -> QuerySet[Invitation]:
    return Invitation.objects.filter(used=None, expires__gt=now())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
