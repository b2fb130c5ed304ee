"""Tokens: made, shown once, found again by their digest."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from hven.errors import Fault, MissingError, ParameterError
from hven.jobs import applications, terms
from hven.jobs.clock import now
from hven.jobs.models import User
from hven.web.models import ApiToken
from hven.web.scopes import EVERY, Scope, written

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


def make(
    owner: User,
    name: str,
    expires: datetime | None = None,
    *,
    scopes: frozenset[Scope] = EVERY,
    only: Sequence[str] = (),
    within: ApiToken | None = None,
) -> Made:
    """A new token of a user.

    Parameters
    ----------
    owner
        Whose it is.
    name
        What its owner calls it.
    expires
        When it stops being of use; None is never.
    scopes
        What it is for.
    only
        The applications whose jobs it is for; none named is all of them.
    within
        The token by which it is made: it can do no more, and no longer, than that one.

    Raises
    ------
    ParameterError
        The name is empty or too long, it would be of no use at once, an application is not
        offered, or it would do more than the token by which it is made.
    """
    faults = list(_faults(name, expires, only))
    if within is not None:
        faults += _excess(within, scopes, only, expires)
    if faults:
        raise ParameterError(faults)
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        owner=owner,
        name=name,
        digest=_digest(secret),
        start=secret[:_SHOWN],
        scopes=written(scopes),
        applications=sorted(set(only)),
        expires=expires and terms.whole(expires),
    )
    return Made(token, secret)


def find(secret: str) -> ApiToken | None:
    """The token, with its owner; None when it is none, or not of use any more."""
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
    return token


def scopes_of(token: ApiToken) -> frozenset[Scope]:
    """What a token is for; a scope that this version does not know is none."""
    return frozenset(scope for scope in Scope if scope in token.scopes.split())


def revoke(owner: User, token: int) -> None:
    """Make a token of a user useless.

    Raises
    ------
    MissingError
        The user has no such token.
    """
    if not ApiToken.objects.filter(owner=owner, pk=token).delete()[0]:
        raise MissingError(f"token: you have none with the id {token}")


def _faults(name: str, expires: datetime | None, only: Sequence[str]) -> Iterator[Fault]:
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        told = f"must be one line of 1 to {_LONGEST_NAME} characters, got {len(name)}"
        yield Fault("name", told)
    if expires is not None and terms.whole(expires) <= now():
        yield Fault("expires", f"must be in the future, got {expires.isoformat()}")
    offered = [made.name for made in applications.offered()] if only else []
    for wanted in only:
        if wanted not in offered:
            told = f"must be of {', '.join(offered)}, got '{wanted[:64]}'"
            yield Fault("applications", told)


def _excess(
    within: ApiToken, wanted: frozenset[Scope], only: Sequence[str], expires: datetime | None
) -> Iterator[Fault]:
    """What a new token would do more than the one by which it is made."""
    more = wanted - scopes_of(within)
    if more:
        yield Fault("scopes", f"must be of {within.scopes}, as this token's, got {written(more)}")
    if within.applications and (not only or set(only) - set(within.applications)):
        told = f"must be of {', '.join(within.applications)}, as this token's"
        yield Fault("applications", f"{told}, got {', '.join(only) or 'all'}")
    if within.expires and (expires is None or terms.whole(expires) > within.expires):
        told = f"must be at most {within.expires.isoformat()}, when this token expires"
        yield Fault("expires", f"{told}, got {expires.isoformat() if expires else 'never'}")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
