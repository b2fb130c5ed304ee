"""`hven admin`: what an administrator does on the machine of the service."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from hven.cli import admin_access, admin_jobs, admin_users
from hven.cli.service_data import Parser, add_service_options, open_service
from hven.errors import HvenError

_END = """\
It works on the data of the service, whether that runs or not, and takes the settings from where
the service does: the environment (HVEN_DATA=...) or one TOML file.
"""


def administrate(words: list[str]) -> int:
    """Run one of the administrator's commands."""
    try:
        options = _parser().parse_args(words)
    except SystemExit as end:  # argparse, after it has printed the help
        return int(end.code or 0)
    open_service(options)
    return with_database(lambda: int(options.run(options)))


def with_database(work: Callable[[], int]) -> int:
    """Do it; a database that cannot be reached is told as such.

    Raises
    ------
    UnavailableError
        The database does not answer.
    """
    from hven.jobs.patience import unavailable

    try:
        return work()
    except HvenError:
        raise
    except Exception as error:
        passing = unavailable(error)
        if passing is None:
            raise
        raise passing from error


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="hven admin",
        description="Look after a service.",
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (*admin_jobs.COMMANDS, *admin_users.COMMANDS, *admin_access.COMMANDS):
        add(_Adder(commands, "hven admin"))
    return parser


class _Adder:
    """Adds commands, and commands of commands, with the options that all have."""

    def __init__(self, commands: Any, prog: str) -> None:
        self._commands = commands
        self._prog = prog

    def command(
        self, name: str, text: str, run: Callable[[argparse.Namespace], int]
    ) -> argparse.ArgumentParser:
        """A command; `run` is given its options and gives the exit code."""
        parser: argparse.ArgumentParser = self._commands.add_parser(
            name, help=text, description=f"{text[:1].upper()}{text[1:]}.", allow_abbrev=False
        )
        add_service_options(parser)
        parser.set_defaults(run=run)
        return parser

    def group(self, name: str, text: str) -> _Adder:
        """A command that has commands of its own."""
        parser = self._commands.add_parser(name, help=text, allow_abbrev=False)
        commands = parser.add_subparsers(metavar="COMMAND", required=True)
        return _Adder(commands, f"{self._prog} {name}")
