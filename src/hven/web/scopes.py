"""What a credential lets its bearer do: one list for all doors of the service."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from hven.errors import Fault, ForbiddenError, ParameterError


class Scope(StrEnum):
    """One thing that a token can be for. Passwords and sessions are for all of them."""

    READ = "read"
    SUBMIT = "submit"
    MANAGE = "manage"
    ACCOUNT = "account"
    ADMIN = "admin"


MEANING = {
    Scope.READ: "see jobs, events, results, uploads, datasets and usage",
    Scope.SUBMIT: "make and repeat jobs and schedules, send files",
    Scope.MANAGE: "run, stop, change and remove jobs, schedules and uploads",
    Scope.ACCOUNT: "see, make and revoke tokens, none of which can do more than this one",
    Scope.ADMIN: "be an administrator, where the owner is one",
}
#: What a new token is for unless its owner says something else.
USUAL = frozenset({Scope.READ, Scope.SUBMIT, Scope.MANAGE})
EVERY = frozenset(Scope)


class ScopeError(ForbiddenError):
    """The credential is not for that, though its owner may do it."""


def require(have: frozenset[Scope], needed: Iterable[Scope]) -> None:
    """Refuse what a credential is not for.

    Raises
    ------
    ScopeError
        With what it is for.
    """
    missing = sorted(set(needed) - have)
    if missing:
        told = " ".join(sorted(have)) or "nothing"
        raise ScopeError(f"scope: the token must be for {' '.join(missing)}, it is for {told}")


def read(words: Iterable[str]) -> frozenset[Scope]:
    """Scopes from their names.

    Raises
    ------
    ParameterError
        There is none, or one that there is not.
    """
    names = list(words)
    known = ", ".join(Scope)
    faults = [
        Fault("scopes", f"must be of {known}, got '{name[:40]}'")
        for name in names
        if name not in Scope.__members__.values()
    ]
    if not names:
        faults.append(Fault("scopes", f"must be at least one of {known}, got none"))
    if faults:
        raise ParameterError(faults)
    return frozenset(map(Scope, names))


def written(scopes: frozenset[Scope]) -> str:
    """Scopes as a column has them, in one order."""
    return " ".join(scope for scope in Scope if scope in scopes)
