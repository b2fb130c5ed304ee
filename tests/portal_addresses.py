"""Every address of the pages, found in the URL conf, and who may have what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.test import Client
from django.urls import URLResolver, get_resolver, reverse

#: Who asks, in this order: nobody, a stranger, who is shared with, the owner, an administrator.
ROLES = ("nobody", "charlie", "bob", "alice", "ada")


class Row(NamedTuple):
    """What GET answers to each of ROLES."""

    answers: tuple[int, int, int, int, int]
    #: What the address is of: names of the fixture `things`.
    arguments: tuple[str, ...] = ()


OPEN = Row((200, 200, 200, 200, 200))
OWN = Row((302, 200, 200, 200, 200))
#: For who has not logged in.
ENTRANCE = Row((200, 302, 302, 302, 302))
POST_ONLY = Row((405, 405, 405, 405, 405))
OWN_POST_ONLY = Row((302, 405, 405, 405, 405))
#: Asks for the password once more, or leads elsewhere.
LEADS_ON = Row((302, 302, 302, 302, 302))
ABSENT = Row((302, 404, 404, 404, 404))


def of(row: Row, *arguments: str) -> Row:
    """The same, of something."""
    return row._replace(arguments=arguments)


#: Of a job and what it has: the owner's and the administrators'.
OWNERS = Row((302, 404, 404, 200, 200))

ADDRESSES: dict[str, Row] = {
    "portal:home": OPEN,
    "portal:about": OPEN,
    "portal:help": OPEN,
    "portal:status": OPEN,
    "portal:contact": OPEN,
    "portal:applications": OPEN,
    "portal:application": of(OPEN, "application"),
    "portal:example": of(OWN_POST_ONLY, "application"),
    "portal:run": of(OWN, "application"),
    "portal:run-check": of(OWN_POST_ONLY, "application"),
    "portal:inputs": of(ABSENT, "application"),
    "portal:preset-remove": of(OWN_POST_ONLY, "application", "token"),
    "portal:again": Row((302, 404, 404, 302, 302), ("job",)),
    "portal:jobs": OWN,
    "portal:job": of(OWNERS, "job"),
    "portal:result": of(OWNERS, "job", "result"),
    "portal:shared": Row((404, 404, 404, 404, 404), ("nothing",)),
    "portal:data": OWN,
    "portal:look": OWN,
    "portal:upload": OWN_POST_ONLY,
    "portal:upload-remove": of(OWN_POST_ONLY, "job"),
    "portal:dataset": of(ABSENT, "nothing"),
    "portal:language": POST_ONLY,
    "portal:account": OWN,
    "portal:preferences": OWN,
    "portal:invitation": of(LEADS_ON, "nothing"),
    "portal:tokens": OWN,
    "portal:token-revoke": of(OWN_POST_ONLY, "token"),
    "portal:own-data": OWN,
    "portal:export": OWN_POST_ONLY,
    "portal:delete-account": OWN_POST_ONLY,
    "account_login": ENTRANCE,
    "account_logout": OWN,
    "account_inactive": OPEN,
    "account_signup": ENTRANCE,
    "account_reauthenticate": OWN,
    "account_email": OWN,
    "account_email_verification_sent": OPEN,
    "account_confirm_email": of(OPEN, "nothing"),
    "account_change_password": OWN,
    "account_set_password": LEADS_ON,
    "account_reset_password": OPEN,
    "account_reset_password_done": OPEN,
    "account_reset_password_from_key": Row((200, 200, 200, 200, 200), ("nothing", "nothing")),
    "account_reset_password_from_key_done": OPEN,
    "account_confirm_login_code": LEADS_ON,
    "mfa_index": OWN,
    "mfa_authenticate": LEADS_ON,
    "mfa_reauthenticate": LEADS_ON,
    "mfa_activate_totp": LEADS_ON,
    "mfa_deactivate_totp": ABSENT,
    "mfa_view_recovery_codes": ABSENT,
    "mfa_generate_recovery_codes": LEADS_ON,
    "mfa_download_recovery_codes": ABSENT,
    "usersessions_list": OWN,
}


def names() -> list[str]:
    """All names of addresses of pages, those of the administration aside."""
    found = {name for name in _names() if not name.startswith("admin:")}
    return sorted(found)


def administration() -> list[tuple[str, list[str]]]:
    """The addresses of the administration but those of groups of tables, and what each wants."""
    found = {}
    for resolver in _resolvers(get_resolver()):
        if resolver.namespace == "admin":
            for name, entries in resolver.reverse_dict.lists():
                if isinstance(name, str) and name != "app_list":
                    found[f"admin:{name}"] = list(entries[0][0][0][1])
    return sorted(found.items())


def address(name: str, things: dict[str, Any]) -> str:
    """The address of a row."""
    row = ADDRESSES[name]
    return reverse(name, args=[things[word] for word in row.arguments])


def each_answer(
    things: dict[str, Any], clients: dict[str, Client], ask: Callable[[Client, str], Any]
) -> Iterator[tuple[str, str, Any]]:
    """What every address answers to everybody."""
    for name in names():
        for role in ROLES:
            yield name, role, ask(clients[role], address(name, things))


def _resolvers(resolver: Any) -> Iterator[Any]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield entry
            yield from _resolvers(entry)


def _names(resolver: Any = None, space: str = "", prefix: str = "") -> Iterator[str]:
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if path.startswith(("api/", "vo/")):
            continue
        if isinstance(entry, URLResolver):
            inside = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _names(entry, inside, path)
        elif entry.name:
            yield space + entry.name
        else:
            yield f"{space}{path}"
