"""What a service needs before its parts can run: folders, tables, somebody who may use it."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.models import FloatField, Value
from django.db.models.expressions import ExpressionWrapper

from hven.errors import Fault, ParameterError
from hven.jobs.clock import lease_clock
from hven.jobs.configuration import Configuration
from hven.jobs.models import Switch, User
from hven.jobs.patience import patient

_log = logging.getLogger("hven.server.first_use")
#: Seconds for which a database may be away when the service is started: both may have been
#: started together.
_PATIENCE = 60.0
#: Meanwhile nobody looks after the parts of the service.
_GREETING_PATIENCE = 2.0
#: Names the lock on PostgreSQL: "hven" as a number.
_LOCK = 0x6876656E
TOKEN_FILE = "admin-token"
#: Has the link by which the first administrator chooses a password, until that is done.
LINK_FILE = "admin-login"


def prepare(found: Configuration, tell: Callable[[str], None]) -> None:
    """Make ready what is not; of several services that start at a time one does it.

    Parameters
    ----------
    found
        The settings.
    tell
        Given a sentence for people about each thing that was made.

    Raises
    ------
    ParameterError
        The data folder cannot be written.
    UnavailableError
        The database does not answer.
    """
    make_folders(found)
    patient(connection.ensure_connection, _PATIENCE)
    with _alone(found):
        _make_tables(tell)
        _check_clock()
        _make_administrator(found, tell)
    connection.close()


def make_folders(found: Configuration) -> None:
    """Make the data folder and those in it, for the service's eyes only.

    Raises
    ------
    ParameterError
        It cannot be made or written.
    """
    folders = [found.data, found.jobs_folder, found.uploads_folder, found.run_folder]
    try:
        for folder in [*folders, found.logs_folder]:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = found.data / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        text = f"must be a folder that can be written, got {found.data} ({error.strerror})"
        raise ParameterError([Fault("data", text)]) from error


@contextlib.contextmanager
def _alone(found: Configuration) -> Iterator[None]:
    """Keep others who start the service out meanwhile."""
    with (found.run_folder / "prepare.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if connection.vendor != "postgresql":
            yield
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _make_tables(tell: Callable[[str], None]) -> None:
    begin = time.monotonic()
    said = StringIO()
    call_command("migrate", interactive=False, verbosity=1, stdout=said, no_color=True)
    steps = [line for line in said.getvalue().splitlines() if line.strip().startswith("Applying")]
    if steps:
        _log.info("tables changed", extra={"steps": steps})
        tell(f"made the tables of the database in {time.monotonic() - begin:.1f} s")


def _check_clock() -> None:
    """See that the database compares times as is relied on: a lease of a second ago is over."""
    clock = lease_clock()
    past = ExpressionWrapper(clock.now - Value(1.0), output_field=FloatField())
    Switch.objects.filter(name="clock-check").delete()
    Switch.objects.create(name="clock-check")
    found = Switch.objects.annotate(past=past, moment=clock.now)
    over = found.filter(name="clock-check", past__lt=clock.now).exists()
    Switch.objects.filter(name="clock-check").delete()
    if not over:
        raise RuntimeError("the database's clock does not go on: leases would never be over")


def _make_administrator(found: Configuration, tell: Callable[[str], None]) -> None:
    from hven.web import tokens

    if User.objects.exists():
        return
    admin = User.objects.create_superuser("admin")
    path = found.data / TOKEN_FILE
    _write_secret(path, tokens.make(admin, "made on first use").secret)
    tell(f"made the user admin, whose token is in {path}")


def greet(found: Configuration, url: str, tell: Callable[[str], None]) -> None:
    """Say how the first administrator logs in, as long as no administrator has a password.

    Parameters
    ----------
    found
        The settings.
    url
        Where the service answers.
    tell
        Given a sentence for people.
    """
    from hven.portal.accounts.links import login_link

    path = found.data / LINK_FILE
    user = patient(_first_administrator, _GREETING_PATIENCE)
    connection.close()
    if user is None:
        path.unlink(missing_ok=True)
        return
    link = login_link(user, found.url or url)
    _write_secret(path, link)
    tell(f"is yours: open {link}\n     and choose the password of {user.username} (once)")


def _first_administrator() -> User | None:
    """Who may choose a password by a link: an administrator, while none can log in otherwise."""
    all_of_them = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    if any(user.has_usable_password() for user in all_of_them):
        return None
    return all_of_them.first()


def _write_secret(path: Path, secret: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
