"""Working on a service's data from the command line, beside the running service."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from hven.cli.parser import Parser as Parser
from hven.cli.serve import require_server
from hven.errors import Fault, MissingError, ParameterError

if TYPE_CHECKING:
    from hven.jobs.models import Job


def add_service_options(parser: argparse.ArgumentParser) -> None:
    """Options that say which service is meant."""
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the service's data folder")
    parser.add_argument("--config", type=Path, metavar="FILE", help="its settings as a TOML file")
    parser.add_argument("--json", action="store_true", help="for programs")


def open_service(options: argparse.Namespace) -> None:
    """Read the settings as the service does, and load its models.

    Raises
    ------
    ParameterError
        A setting is wrong, there is no service's data, or a package is not installed.
    """
    for name in ("data", "config"):
        given = getattr(options, name)
        if given is not None:
            os.environ[f"HVEN_{name.upper()}"] = str(given)
    require_server()
    import django
    from django.apps import apps

    if apps.ready:
        return
    from hven.server import settings_source
    from hven.server.databases import database

    # Nothing is made in a folder that was named by mistake.
    entry = database(settings_source.read())
    if entry["ENGINE"].endswith("sqlite3") and not Path(entry["NAME"]).is_file():
        text = f"must be that of a service that was started once; there is no {entry['NAME']}"
        raise ParameterError([Fault("data", text)])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hven.server.settings")
    django.setup()


def find_job(text: str) -> Job:
    """The job of that identifier, deleted ones too.

    Raises
    ------
    MissingError
        There is none.
    """
    from hven.jobs.access import identifier
    from hven.jobs.models import Job

    found = Job.objects.select_related("owner").filter(pk=identifier(text)).first()
    if found is None:
        raise MissingError([Fault("JOB", f"must be the id of a job, got '{text}'")])
    return found
