"""The entry of the `hven` command: which command is meant, and what the shell is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from hven.cli import faults


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
        code = _command(words)(words[1:])
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


def _command(words: list[str]) -> Callable[[list[str]], int]:
    """What runs the command; its module is imported only now."""
    from hven.cli import overview

    name = words[0] if words else "--help"
    if name in ("-h", "--help", "help"):
        return overview.show_help
    if name in ("-V", "--version", "version"):
        return overview.show_version
    if name == "list":
        return overview.show_list
    if name == "schema":
        return overview.show_schema
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
