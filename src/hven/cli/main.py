"""The entry of the `hven` command: which command is meant, and what the shell is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from hven.cli import faults, service_choice
from hven.errors import Fault, ParameterError

#: Commands about jobs of a service.
_OF_A_SERVICE = ("jobs", "job", "get", "cancel", "login", "logout")
_OF_THIS_MACHINE = ("store", "serve", "web", "dispatch", "admin", "rerun")
_OVERVIEWS = ("help", "version", "list", "schema")


def main(words: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    words
        The arguments after `hven`; None takes them from the shell.

    Returns
    -------
    int
        0, or 2 for wrong parameters, 3 for input files that cannot be used, 4 for too little
        memory or disk, 6 for passing trouble of the engine, 70 for a fault of Hven itself, 130
        when it was stopped.
    """
    words = list(sys.argv[1:] if words is None else words)
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, as in `hven list | head -1`, has what it wanted. Python would complain once
        # more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        sys.stderr.write("\nhven: stopped.\n")
        return 130
    except Exception as error:
        failure = faults.failure_of(error)
        sys.stderr.write("".join(f"hven: {line}\n" for line in failure.lines))
        return failure.code
    return code


def _run(words: list[str]) -> int:
    """Run the command; one before which a service is named has it behind itself instead."""
    words, service = service_choice.without_service(words)
    name = words[0] if words else "--help"
    if name in _OF_A_SERVICE:
        named = [] if service is None else [f"--service={service}"]
        return _command_of_a_service(name)([*words[1:], *named])
    if service is not None and name in _OF_THIS_MACHINE:
        told = f"must be left out: hven {name} is about this machine"
        raise ParameterError([Fault("--service", told)])
    service = service_choice.service_for_applications(service)
    if service is not None and _is_application(name):
        from hven.cli import remote

        return remote.run_remotely(service, name, words[1:])
    return _command(name, service)(words[1:])


def _is_application(name: str) -> bool:
    return not name.startswith("-") and name not in (*_OF_THIS_MACHINE, *_OVERVIEWS)


def _command_of_a_service(name: str) -> Callable[[list[str]], int]:
    if name in ("login", "logout"):
        from hven.cli import login

        return login.log_in if name == "login" else login.log_out
    from hven.cli import remote_jobs

    return {
        "jobs": remote_jobs.list_jobs,
        "job": remote_jobs.show_job,
        "get": remote_jobs.get_results,
        "cancel": remote_jobs.cancel_job,
    }[name]


def _command(name: str, service: str | None) -> Callable[[list[str]], int]:
    """What runs the command; its module is imported only now."""
    from hven.cli import overview

    if name in ("-h", "--help", "help"):
        return overview.show_help
    if name in ("-V", "--version", "version"):
        return overview.show_version
    if name == "list":
        return lambda rest: overview.show_list(rest, service)
    if name == "schema":
        return lambda rest: overview.show_schema(rest, service)
    if name == "store":
        from hven.cli import store

        return store.keep_house
    if name in ("serve", "web", "dispatch"):
        from hven.cli import serve

        return lambda rest: serve.serve(name, rest)
    if name == "admin":
        from hven.cli import admin

        return admin.administrate
    if name == "rerun":
        from hven.cli import rerun

        return rerun.rerun
    if name.startswith("-"):
        raise faults.unknown_option(name)
    from hven.cli import application

    return lambda rest: application.run_application(name, rest)
