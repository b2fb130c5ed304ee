"""`hven admin` on how people come in: links that set a password, invitations to register."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hven.cli.tables import print_json, print_table
from hven.errors import Fault, MissingError

if TYPE_CHECKING:
    from hven.cli.admin_jobs import Adder


def _add_login_link(commands: Adder) -> None:
    link = commands.command("login-link", "a link by which a user chooses a password", _login_link)
    link.add_argument("name", metavar="NAME")


def _add_invitation(commands: Adder) -> None:
    group = commands.group("invitation", "who may register where that takes an invitation")
    group.command("list", "all invitations", _list)
    add = group.command("add", "make one and show its link, once", _invite)
    add.add_argument("--email", default="", help="whose; else anybody's who has the link")
    add.add_argument("--days", type=float, default=14.0, help="for how long it is of use")
    remove = group.command("remove", "make an open one useless", _withdraw)
    remove.add_argument("id", metavar="ID", type=int)


COMMANDS = (_add_login_link, _add_invitation)


def _login_link(options: argparse.Namespace) -> int:
    from hven.jobs.models import User
    from hven.portal.accounts.links import login_link

    user = User.objects.filter(username=options.name, is_active=True).first()
    if user is None:
        told = f"must be that of a user who is let in, got '{options.name}'"
        raise MissingError([Fault("NAME", told)])
    link = login_link(user, _base())
    if options.json:
        print_json({"name": user.username, "link": link})
    else:
        print(link)
    return 0


def _list(options: argparse.Namespace) -> int:
    from hven.web.instants import instant
    from hven.web.models import Invitation

    found = Invitation.objects.select_related("used_by").order_by("pk")
    rows = [
        [one.pk, one.email or None, instant(one.expires), instant(one.used), one.used_by]
        for one in found
    ]
    if options.json:
        names = ("id", "email", "expires", "used", "used_by")
        texts = [[*row[:4], row[4] and str(row[4])] for row in rows]
        print_json([dict(zip(names, row, strict=True)) for row in texts])
        return 0
    print_table(("ID", "EMAIL", "EXPIRES", "USED", "BY"), rows, "no invitations")
    return 0


def _invite(options: argparse.Namespace) -> int:
    from hven.web import invitations

    made = invitations.make(options.email, days=options.days)
    link = invitations.link(made.secret, _base())
    if options.json:
        print_json({"id": made.invitation.pk, "link": link})
    else:
        print(link)
    return 0


def _withdraw(options: argparse.Namespace) -> int:
    from hven.web import invitations

    invitations.withdraw(options.id)
    if options.json:
        print_json({"id": options.id, "removed": True})
    else:
        print(f"invitation {options.id} is of no use any more")
    return 0


def _base() -> str:
    from hven.jobs.configuration import configuration

    settings = configuration()
    return settings.url or f"http://{settings.host}:{settings.port}"
