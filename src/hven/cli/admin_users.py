"""`hven admin` on users and datasets."""

from __future__ import annotations

import argparse
import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from hven.cli.tables import print_json, print_table
from hven.errors import ConflictError, Fault, MissingError, ParameterError

if TYPE_CHECKING:
    from hven.cli.admin_jobs import Adder
    from hven.jobs.models import Dataset, User


def _add_user(commands: Adder) -> None:
    users = commands.group("user", "who may use the service")
    users.command("list", "everybody with an account", _list_users)
    add = users.command("add", "make an account", _add_account)
    add.add_argument("name", metavar="NAME")
    add.add_argument("--email", default="", help="where mails about jobs go")
    add.add_argument("--admin", action="store_true", help="may see and steer everything")
    add.add_argument("--password", action="store_true", help="ask for a password")
    token = users.command("token", "make a token and show it, once", _make_token)
    token.add_argument("name", metavar="NAME")
    token.add_argument("--label", default="made by hven admin", help="what it is for")
    disable = users.command("disable", "keep an account out; its jobs stay", _disable)
    disable.add_argument("name", metavar="NAME")
    enable = users.command("enable", "let a disabled account in again", _enable)
    enable.add_argument("name", metavar="NAME")


def _add_dataset(commands: Adder) -> None:
    datasets = commands.group("dataset", "files on the server that users may take as inputs")
    datasets.command("list", "all datasets", _list_datasets)
    add = datasets.command("add", "offer a folder under a name, or change what is", _offer)
    add.add_argument("name", metavar="NAME")
    add.add_argument("folder", metavar="FOLDER", type=Path)
    add.add_argument("--title", default="")
    add.add_argument("--description", default="")
    add.add_argument("--group", action="append", help="only for this group of users; repeatable")
    remove = datasets.command("remove", "offer it no more; its files stay", _withdraw)
    remove.add_argument("name", metavar="NAME")


COMMANDS = (_add_user, _add_dataset)


def _list_users(options: argparse.Namespace) -> int:
    from django.db.models import Count, Q

    from hven.jobs.models import User
    from hven.jobs.phases import ACTIVE

    active = Q(jobs__phase__in=[phase.value for phase in ACTIVE])
    users = User.objects.annotate(
        all_jobs=Count("jobs"), active_jobs=Count("jobs", filter=active)
    ).order_by("username")
    if options.json:
        print_json(
            [
                {**_user(user), "jobs": user.all_jobs, "active_jobs": user.active_jobs}
                for user in users
            ]
        )
        return 0
    rows = [
        [user.username, user.email or None, user.is_staff, user.is_active, user.active_jobs,
         user.all_jobs]
        for user in users
    ]  # fmt: skip
    columns = ("NAME", "EMAIL", "ADMIN", "ENABLED", "ACTIVE JOBS", "JOBS")
    print_table(columns, rows, "no users")
    return 0


def _add_account(options: argparse.Namespace) -> int:
    from django.core.exceptions import ValidationError

    from hven.jobs.models import User

    if User.objects.filter(username=options.name).exists():
        raise ConflictError([Fault("NAME", f"must be a new one, there is '{options.name}'")])
    user = User(username=options.name, email=options.email)
    user.is_staff = user.is_superuser = options.admin
    user.set_unusable_password()
    try:
        user.full_clean()
    except ValidationError as error:
        raise ParameterError(
            [Fault(name, " ".join(texts)) for name, texts in error.message_dict.items()]
        ) from error
    if options.password:
        user.set_password(_asked_password())
    user.save()
    if options.json:
        print_json(_user(user))
    else:
        print(f"made {_title(user)}; hven admin user token {user.username} gives it a token")
    return 0


def _asked_password() -> str:
    first = getpass.getpass("Password: ")
    if not first or first != getpass.getpass("Again: "):
        raise ParameterError([Fault("password", "must be the same twice, and not empty")])
    return first


def _make_token(options: argparse.Namespace) -> int:
    from hven.web import tokens

    made = tokens.make(_found(options.name), options.label)
    if options.json:
        print_json({"token": made.secret, "name": made.token.name})
    else:
        print(made.secret)
    return 0


def _disable(options: argparse.Namespace) -> int:
    return _set_active(options, False)


def _enable(options: argparse.Namespace) -> int:
    return _set_active(options, True)


def _set_active(options: argparse.Namespace, active: bool) -> int:
    user = _found(options.name)
    user.is_active = active
    user.save(update_fields=["is_active"])
    if options.json:
        print_json(_user(user))
    else:
        print(f"{user.username} is {'enabled' if user.is_active else 'disabled'}")
    return 0


def _found(name: str) -> User:
    from hven.jobs.models import User

    found = User.objects.filter(username=name).first()
    if found is None:
        raise MissingError([Fault("NAME", f"must be that of a user, got '{name}'")])
    return found


def _user(user: User) -> dict[str, object]:
    return {
        "name": user.username,
        "email": user.email,
        "admin": user.is_staff,
        "enabled": user.is_active,
    }


def _title(user: User) -> str:
    return f"the {'administrator' if user.is_staff else 'user'} {user.username}"


def _list_datasets(options: argparse.Namespace) -> int:
    from hven.jobs.models import Dataset

    datasets = Dataset.objects.prefetch_related("groups").order_by("name")
    if options.json:
        print_json([_dataset(dataset) for dataset in datasets])
        return 0
    rows = [
        [dataset.name, dataset.enabled, _audience(dataset), dataset.folder, dataset.title]
        for dataset in datasets
    ]
    print_table(("NAME", "OFFERED", "TO", "FOLDER", "TITLE"), rows, "no datasets")
    return 0


def _offer(options: argparse.Namespace) -> int:
    from django.contrib.auth.models import Group
    from django.core.exceptions import ValidationError
    from django.db import transaction

    from hven.jobs.models import Dataset

    folder = options.folder.expanduser().absolute()
    if not folder.is_dir():
        raise ParameterError([Fault("FOLDER", f"must be a folder on the server, got {folder}")])
    groups = list(Group.objects.filter(name__in=options.group or ()))
    unknown = set(options.group or ()) - {group.name for group in groups}
    dataset = Dataset.objects.filter(name=options.name).first() or Dataset(name=options.name)
    dataset.folder, dataset.enabled = str(folder), True
    dataset.title = options.title or dataset.title or options.name
    dataset.description = options.description or dataset.description
    dataset.public = not options.group
    try:
        dataset.full_clean()
    except ValidationError as error:
        raise ParameterError(
            [Fault(name, " ".join(texts)) for name, texts in error.message_dict.items()]
        ) from error
    with transaction.atomic():
        # A group that is not there yet is made: who is in it is said elsewhere.
        groups += [Group.objects.create(name=name) for name in sorted(unknown)]
        dataset.save()
        dataset.groups.set(groups)
    if options.json:
        print_json(_dataset(dataset))
    else:
        print(f"offered to {_audience(dataset)} as dataset:{dataset.name}/FILE")
    return 0


def _withdraw(options: argparse.Namespace) -> int:
    from hven.jobs.models import Dataset

    if not Dataset.objects.filter(name=options.name).update(enabled=False):
        raise MissingError([Fault("NAME", f"must be that of a dataset, got '{options.name}'")])
    if options.json:
        print_json({"name": options.name, "enabled": False})
    else:
        print(f"{options.name} is not offered any more")
    return 0


def _dataset(dataset: Dataset) -> dict[str, object]:
    return {
        "name": dataset.name,
        "title": dataset.title,
        "description": dataset.description,
        "folder": dataset.folder,
        "enabled": dataset.enabled,
        "groups": None if dataset.public else [group.name for group in dataset.groups.all()],
    }


def _audience(dataset: Dataset) -> str:
    if dataset.public:
        return "everybody"
    return ", ".join(group.name for group in dataset.groups.all()) or "nobody"
