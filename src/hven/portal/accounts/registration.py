"""Who may register: anybody, some mail domains, who was invited, nobody."""

from __future__ import annotations

from django.http import HttpRequest

from hven.jobs.configuration import configuration
from hven.jobs.models import User
from hven.web import invitations
from hven.web.models import Invitation

#: Where the session of who follows an invitation's link has its secret.
SESSION_KEY = "hven_invitation"


def is_open(request: HttpRequest) -> bool:
    """Whether who asks may register now."""
    if invitation_of(request) is not None:
        return True
    return configuration().registration in ("open", "domain")


def invitation_of(request: HttpRequest) -> Invitation | None:
    """The invitation whose link was followed, while it is of use."""
    secret = request.session.get(SESSION_KEY, "")
    return invitations.find(secret) if secret else None


def is_of_domain(address: str) -> bool:
    """Whether the setting admits a mail address."""
    domain = address.rpartition("@")[2].casefold()
    ends = [end.lstrip("@.").casefold() for end in configuration().registration_domains]
    return any(domain == end or domain.endswith(f".{end}") for end in ends)


def needs_domain(request: HttpRequest) -> bool:
    """Whether the mail address of who registers must be of the domains."""
    return configuration().registration == "domain" and invitation_of(request) is None


def use_up(request: HttpRequest, user: User) -> bool:
    """Note that somebody registered by an invitation, where one is needed; False is too late."""
    secret = request.session.pop(SESSION_KEY, "")
    if secret and invitations.use(secret, user):
        return True
    return configuration().registration in ("open", "domain")
