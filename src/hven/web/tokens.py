"""Tokens: made, shown once, found again by their digest."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from hven.errors import Fault, MissingError, ParameterError
from hven.jobs import terms
from hven.jobs.clock import now
from hven.jobs.models import User
from hven.web.models import ApiToken

#: Begins each token, so that one that was published by mistake is recognised.
PREFIX = "hven_"
_SHOWN = 12
_LONGEST_NAME = 100
#: How often the last use is written down.
_USE_PERIOD = timedelta(minutes=1)


class Made(NamedTuple):
    """A new token."""

    token: ApiToken
    #: The token itself; it is kept nowhere.
    secret: str


def make(owner: User, name: str, expires: datetime | None = None) -> Made:
    """A new token of a user.

    Raises
    ------
    ParameterError
        The name is empty or too long, or it would be of no use at once.
    """
    faults = []
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        told = f"must be one line of 1 to {_LONGEST_NAME} characters, got {len(name)}"
        faults.append(Fault("name", told))
    if expires is not None and terms.whole(expires) <= now():
        faults.append(Fault("expires", f"must be in the future, got {expires.isoformat()}"))
    if faults:
        raise ParameterError(faults)
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        owner=owner,
        name=name,
        digest=_digest(secret),
        start=secret[:_SHOWN],
        expires=expires and terms.whole(expires),
    )
    return Made(token, secret)


def owner_of(secret: str) -> User | None:
    """Whose token it is; None when it is nobody's, or not of use any more."""
    moment = now()
    token = (
        ApiToken.objects.select_related("owner")
        .filter(Q(expires=None) | Q(expires__gt=moment), digest=_digest(secret))
        .first()
    )
    if token is None or not token.owner.is_active:
        return None
    if token.last_used is None or token.last_used < moment - _USE_PERIOD:
        ApiToken.objects.filter(pk=token.pk).update(last_used=moment)
    owner: User = token.owner
    return owner


def revoke(owner: User, token: int) -> None:
    """Make a token of a user useless.

    Raises
    ------
    MissingError
        The user has no such token.
    """
    if not ApiToken.objects.filter(owner=owner, pk=token).delete()[0]:
        raise MissingError(f"token: you have none with the id {token}")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
