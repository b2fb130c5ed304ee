"""Names of files with wildcards."""

from __future__ import annotations

import glob
from pathlib import Path


def matches(path: Path) -> list[Path]:
    """The files that a name with wildcards stands for, sorted; a plain name stands for itself."""
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    # Path.glob takes no absolute pattern.
    return [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
