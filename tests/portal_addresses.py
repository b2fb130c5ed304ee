"""Every address of the pages, found in the URL conf, and who may have what is there."""

from __future__ import annotations

import collections
import re
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
    query: str = ""


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

#: Pages of a job, and what of it each is about.
_OF_A_JOB: dict[str, tuple[str, ...]] = {
    "job": (),
    "live": (),
    "log": (),
    "archive": (),
    "result": ("table",),
    "file": ("table",),
    "picture": ("picture",),
    "table": ("table",),
    "image": ("image",),
    "spot": ("image",),
    "tile": ("image", "number", "number", "number"),
    "sources": ("image", "table"),
}


def _of_a_job(row: Row, key: str, page: str) -> Row:
    query = "?x=4&y=4" if page == "spot" else ""
    return Row(row.answers, (key, *_OF_A_JOB[page]), query)


ADDRESSES: dict[str, Row] = {
    "portal:home": OPEN,
    "portal:about": OPEN,
    "portal:help": OPEN,
    "portal:status": OPEN,
    "portal:contact": OPEN,
    "portal:applications": OPEN,
    "portal:application": of(OPEN, "application"),
    "portal:example": of(OWN_POST_ONLY, "application"),
    "portal:example-picture": of(OPEN, "illustrated"),
    "portal:run": of(OWN, "application"),
    "portal:run-check": of(OWN_POST_ONLY, "application"),
    "portal:again": Row((302, 404, 404, 302, 302), ("job",)),
    "portal:jobs": OWN,
    "portal:inputs": of(OWN, "reader")._replace(query="?field=files"),
    "portal:preset-remove": of(OWN_POST_ONLY, "application", "preset"),
    "portal:rows": OWN,
    "portal:steer": of(OWN_POST_ONLY, "job", "action"),
    "portal:samp": of(OWN_POST_ONLY, "job", "table"),
    **{f"portal:{page}": _of_a_job(OWNERS, "job", page) for page in _OF_A_JOB},
    # A link is the key: whoever has it sees what the owner sees.
    **{f"portal:shared-{page}": _of_a_job(OPEN, "link", page) for page in _OF_A_JOB},
    "portal:look": of(OWN),
    "portal:upload": of(OWN_POST_ONLY),
    "portal:upload-remove": of(OWN_POST_ONLY, "upload"),
    "portal:dataset": of(OWN, "dataset"),
    "portal:data": OWN,
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


#: What changes something of the owner's: the address, what else than usual it is of, and the form.
#: JOB and SHARE stand for the keys of the job and of its link.
CHANGES: tuple[tuple[str, dict[str, str], dict[str, str]], ...] = (
    *(
        ("portal:steer", {"action": action}, form)
        for action, form in (
            ("run", {}),
            ("cancel", {}),
            ("hold", {}),
            ("again", {}),
            ("remove", {}),
            ("renew", {"until": "2999-01-01"}),
            ("mail", {"mail": "on"}),
            ("name", {"label": "another", "tags": "one, two"}),
            ("share", {"until": "2999-01-01"}),
            ("unshare", {"link": "SHARE"}),
        )
    ),
    *(
        ("portal:jobs", {}, {"do": action, "job": "JOB", "tag": "theirs"})
        for action in ("cancel", "hold", "remove", "tag")
    ),
    ("portal:samp", {}, {}),
    ("portal:preset-remove", {}, {}),
    ("portal:upload-remove", {}, {}),
    ("portal:token-revoke", {}, {}),
    ("portal:run", {"application": "echo"}, {"words": "of another", "job.rerun_of": "JOB"}),
    ("portal:run", {"application": "echo"}, {"job.do": "preset", "job.preset_name": "mine"}),
    ("portal:preferences", {}, {"time_zone": "UTC", "page_size": "10"}),
)


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
    return reverse(name, args=[things[word] for word in row.arguments]) + row.query


def each_answer(
    things: dict[str, Any], clients: dict[str, Client], ask: Callable[[Client, str], Any]
) -> Iterator[tuple[str, str, Any]]:
    """What every address answers to everybody."""
    for name in names():
        for role in ROLES:
            answer = ask(clients[role], address(name, things))
            yield name, role, answer
            if answer.streaming:  # Else its file would stay open.
                collections.deque(answer.streaming_content, 0)


def _resolvers(resolver: Any) -> Iterator[Any]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield entry
            yield from _resolvers(entry)


def _names(resolver: Any = None, space: str = "", prefix: str = "") -> Iterator[str]:
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if re.match(r"\^?(\(\?P<\w+>)?(api|vo)\b", path):  # For programs.
            continue
        if isinstance(entry, URLResolver):
            inside = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _names(entry, inside, path)
        elif entry.name:
            yield space + entry.name
        else:
            yield f"{space}{path}"
