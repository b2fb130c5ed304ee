"""`hven serve`, `hven web`, `hven dispatch`: the service, whole or in parts."""

from __future__ import annotations

import argparse
import importlib.util
import os
from pathlib import Path
from typing import NoReturn

from hven.errors import Fault, ParameterError

_TEXTS = {
    "serve": "The whole service: web servers, dispatcher, housekeeping. Ends with Ctrl-C.",
    "web": "Only web servers, for a machine beside that of the dispatcher.",
    "dispatch": "Only a dispatcher and housekeeping, for a machine that runs jobs.",
}
_END = """\
An option stands for a setting; all settings come from the environment (HVEN_PORT=8080) or one
TOML file. docs/service.md explains each.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ParameterError([Fault(self.prog, message)])


def serve(command: str, words: list[str]) -> int:
    """Run the service, or the parts that the command names, until it is stopped."""
    try:
        options = _parser(command).parse_args(words)
    except SystemExit as end:  # argparse, after it has printed the help
        return int(end.code or 0)
    for name in ("data", "config", "host", "port"):
        given = getattr(options, name, None)
        if given is not None:
            os.environ[f"HVEN_{name.upper()}"] = str(given)
    require_server()
    from hven.server import serving

    return serving.serve(serving.PARTS[command])


def require_server() -> None:
    """See that what the service stands on is installed.

    Raises
    ------
    ParameterError
        It is not.
    """
    for name in ("django", "ninja", "uvicorn", "a2wsgi"):
        if importlib.util.find_spec(name) is None:
            text = f"wants the package {name}: pip install 'hven[server]'"
            raise ParameterError([Fault("the service", text)])


def _parser(command: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"hven {command}",
        description=_TEXTS[command],
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where it keeps everything")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings as a TOML file")
    if command != "dispatch":
        parser.add_argument("--host", help="address on which it listens; default 127.0.0.1")
        parser.add_argument("--port", help="port on which it listens; default 8642, 0 for any")
    return parser
