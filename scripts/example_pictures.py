"""Makes the pictures that show what the applications' examples give, beside their declarations.

python scripts/example_pictures.py
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

from PIL import Image

import hven
from hven.declare.registry import applications

#: Pixels of the longer side, at most.
SIDE = 800


def main() -> int:
    """Make those of all applications whose examples have one; gives the exit code."""
    for name, application in applications().items():
        example = application.example
        if example is None or example.picture is None:
            continue
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            example.make(Path(folder))
            result = getattr(hven, name)(**application.parse(example.values), output="made")
            with Image.open(result.preview) as picture:
                picture.thumbnail((SIDE, SIDE))
                picture.convert("RGB").save(example.picture, quality=82)
        print(f"{name}: {example.picture.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
