"""Runs the examples of a document as printed: blocks of `sh` and of `python`, in order.

Each kind keeps its variables from block to block, as a reader's shell and notebook do. Blocks of
other kinds are shown, not run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STATE = "variables.sh"
#: Reads programs, a line of JSON each, and says how each went.
_PYTHON = """
import io, json, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    sys.stdout = sys.stderr = told = io.StringIO()
    try:
        exec(compile(json.loads(line), "block", "exec"), names)
        went = True
    except BaseException:
        traceback.print_exc()
        went = False
    sys.__stdout__.write(json.dumps([went, told.getvalue()]) + chr(10))
    sys.__stdout__.flush()
"""


class Block(NamedTuple):
    """An example."""

    kind: str
    text: str
    line: int


def blocks(document: Path) -> list[Block]:
    """The examples of a document, in order."""
    text = document.read_text()
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start()) + 2)
        for found in _BLOCK.finditer(text)
    ]


class Reader:
    """Somebody who types the examples.

    Parameters
    ----------
    folder
        Where they are typed.
    variables
        What was set before, in the shell and in Python alike.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        lines = (f"export {name}={json.dumps(value)}\n" for name, value in variables.items())
        (folder / _STATE).write_text("".join(lines))
        clean = {name: text for name, text in os.environ.items() if not name.startswith("HVEN_")}
        tools = str(Path(sys.executable).parent)
        self._environment = clean | {"PATH": f"{tools}:{clean['PATH']}", "no_proxy": "127.0.0.1"}
        self._environment.pop("DJANGO_SETTINGS_MODULE", None)
        self._python = subprocess.Popen(
            [sys.executable, "-c", _PYTHON],
            cwd=folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.type(Block("python", f"globals().update({dict(variables)!r})", 0))

    def type(self, block: Block) -> str:
        """Run an example that has to go well; gives what it printed."""
        went, told = {"sh": self._type_shell, "python": self._type_python}[block.kind](block.text)
        assert went, f"line {block.line}:\n{block.text}\n{told}"
        return told

    def leave(self) -> None:
        """End what is still there."""
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        self._python.stdin.close()
        self._python.wait(30)
        self._python.stdout.close()

    def _type_shell(self, text: str) -> tuple[bool, str]:
        script = f"set -aeuo pipefail\n. ./{_STATE}\n{text}\nexport -p > {_STATE}\n"
        found = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return found.returncode == 0, found.stdout + found.stderr

    def _type_python(self, text: str) -> tuple[bool, str]:
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        self._python.stdin.write(json.dumps(text) + "\n")
        self._python.stdin.flush()
        went, told = json.loads(self._python.stdout.readline())
        return went, told
