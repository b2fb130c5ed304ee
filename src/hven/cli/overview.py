"""The commands that only tell something: help, list, schema, version."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from hven.declare import registry, schema
from hven.errors import Fault, ParameterError

_USAGE = """\
usage: hven APPLICATION INPUTS... -o FOLDER [options]
       hven COMMAND [options]
"""

_COMMANDS = """\
Commands:
  list                what the installed applications are
  schema APPLICATION  the parameters of an application as JSON Schema
  serve               the service: jobs of many users, by a web API
  web, dispatch       parts of the service, on machines of their own
  admin               looking after a service: jobs, users, datasets, drain, doctor
  rerun JOB           doing a job of the service again, and comparing the results
  jobs, job ID        your jobs at a service; job ID --follow shows how one gets on
  get ID, cancel ID   fetching the files of such a job; stopping it
  login URL, logout   keeping a token of a service, and forgetting it
  store               how much finished steps take up, and removing old ones
  version             versions of Hven and of what it stands on

hven --service URL before an application has a service run it; so does $HVEN_SERVICE.
hven APPLICATION --help shows all parameters of an application, with units and defaults.
An interrupted run goes on where it stopped when the same command is given again.
"""


def show_help(words: list[str]) -> int:
    """What can be done: the applications and the commands."""
    if words and words[0] not in ("-h", "--help"):
        from hven.cli.main import main

        return main([words[0], "--help"])
    print(_USAGE)
    print("Applications:")
    _print_applications("  ")
    print()
    print(_COMMANDS, end="")
    return 0


def show_list(words: list[str], service: str | None) -> int:
    """The applications of a service; or those installed here, and those that cannot be used."""
    _no_more("list", words)
    if service is not None:
        from hven.cli import remote

        return remote.show_list(service)
    _print_applications("")
    return 0


def show_schema(words: list[str], service: str | None) -> int:
    """The JSON Schema of one application."""
    if not words or words[0] in ("-h", "--help"):
        print("usage: hven schema APPLICATION\n\nThe parameters as JSON Schema 2020-12.")
        if words:
            return 0
        raise ParameterError([Fault("APPLICATION", "must be given, got nothing")])
    _no_more("schema", words[1:])
    if service is not None:
        from hven.cli import remote

        found: Mapping[str, Any] = remote.remote_schema(service, words[0])
    else:
        found = schema(registry.find(words[0]))
    print(json.dumps(found, indent=2, ensure_ascii=False))
    return 0


def show_version(words: list[str]) -> int:
    """Versions that a report of a fault should name."""
    _no_more("version", words)
    print(f"hven {metadata.version('hven')}")
    print(f"python {sys.version.split()[0]}")
    for package in ("numpy", "scipy", "numba", "astropy", "dask"):
        try:
            print(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            print(f"{package} (not installed)")
    return 0


def _print_applications(margin: str) -> None:
    found = registry.applications()
    width = max(map(len, found), default=0)
    for name, application in found.items():
        print(f"{margin}{name:<{width}}  {application.title}: {_lowered(application.summary)}")
    if not found:
        print(f"{margin}(none is installed)")
    for entry in registry.broken():
        sys.stderr.write(
            f"hven: {entry.name} cannot be used, {entry.package} is broken: {entry.reason}\n"
        )


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _no_more(command: str, words: list[str]) -> None:
    if words in (["-h"], ["--help"]):
        return
    if words:
        raise ParameterError([Fault(words[0], f"is too much for hven {command}, which takes none")])
