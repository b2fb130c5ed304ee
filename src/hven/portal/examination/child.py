"""The process that looks into files: `python -m hven.portal.examination.child MEMORY SECONDS`.

Reads JSON from standard input, the paths and names of files, and writes a line of JSON a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

#: Files of which each gets a picture; it takes some tenths of a second.
_MOST_PICTURES = 16


def main() -> None:
    """Set limits, then look at one file after the other."""
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(limit, (value, value))
    os.nice(5)
    files = json.load(sys.stdin)["files"]
    # A picture a file, where there are few; many are told apart by their places on the sky.
    pictures = len(files) <= _MOST_PICTURES
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What libraries print is no answer.
    for path, name in files:
        answers.write(json.dumps(look(Path(path), str(name), picture=pictures)) + "\n")
        answers.flush()


def look(path: Path, name: str, *, picture: bool) -> dict[str, Any]:
    """What is in a file, as JSON has it."""
    from hven.errors import UserError
    from hven.portal.examination.kinds import looked_into

    try:
        return looked_into(path, name, picture=picture)
    except UserError as error:
        texts = [fault.text for fault in error.faults] or [str(error)]
        return {"fault": "; ".join(texts)}
    except MemoryError:
        return {"fault": "takes too much memory to look into"}
    # Whatever a broken file makes its reader stumble over.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return {"fault": f"cannot be read: {reason[:300]}"}


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
