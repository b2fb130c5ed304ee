"""Files that tests of jobs take as inputs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from hven.jobs import uploads
from hven.jobs.models import Dataset, Upload, User
from parts import APPLICATIONS

#: Packages whose applications take files, and all kinds of values.
PACKAGES = (APPLICATIONS, Path(__file__).parent / "cli" / "toy_package")


def make_upload(
    owner: User | None, name: str = "m31.fits", content: bytes = b"stars", promised: str = ""
) -> Upload:
    """A complete upload."""
    read = io.BytesIO(content).read
    return uploads.take_whole(owner, name, len(content), promised, read)


def make_dataset(folder: Path, name: str = "m17", **columns: Any) -> Dataset:
    """A dataset with two images in a band, one in another, and a list."""
    for file in ("j/one.fits", "j/two.fits", "k/one.fits", "list.txt"):
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)
    return Dataset.objects.create(
        name=name, **{"title": "Omega nebula", "folder": str(folder), **columns}
    )
