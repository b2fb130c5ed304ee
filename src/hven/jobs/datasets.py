"""Collections of files that administrators offer as inputs."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from hven.errors import ForbiddenError, MissingError
from hven.jobs.access import offered
from hven.jobs.models import Dataset, User

#: Files that a wildcard may stand for.
MOST_FILES = 100_000


class DatasetFile(NamedTuple):
    """A file of a dataset."""

    #: Relative to the dataset's folder; what `dataset:NAME/FILE` has behind the stroke.
    name: str
    bytes: int
    modified: datetime


def may(user: User | None, dataset: Dataset) -> bool:
    """Whether `user` may take inputs from it."""
    return offered(user).filter(pk=dataset.pk).exists()


def dataset_for(user: User | None, name: str) -> Dataset:
    """The dataset of that name.

    Raises
    ------
    MissingError
        There is none.
    ForbiddenError
        It is not offered to `user`.
    """
    found = offered(user).filter(name=name).first()
    if found is None:
        if Dataset.objects.filter(name=name, enabled=True).exists():
            raise ForbiddenError(f"dataset: {name} is not offered to you")
        raise MissingError(f"dataset: there is none of the name '{name}'")
    return found


def files(dataset: Dataset, limit: int = MOST_FILES) -> list[DatasetFile]:
    """The files of a dataset, by name; hidden ones and links that lead out are left aside."""
    root = Path(dataset.folder).resolve()
    return [_described(root, name) for name in itertools.islice(_walk(root), limit)]


def matching(dataset: Dataset, pattern: str) -> list[str]:
    """The names of the files that a name with wildcards stands for, sorted.

    A plain name stands for itself, also that of a folder; an empty one for the whole folder.
    Nothing is found that lies outside.
    """
    root = Path(dataset.folder).resolve()
    if not pattern:
        return [""] if root.is_dir() else []
    parts = PurePosixPath(pattern).parts
    if ".." in parts or parts[0] == "/":
        return []
    if _inside(root, root / pattern):
        return [pattern]
    if not glob.has_magic(pattern):
        return []
    names = glob.iglob(pattern, root_dir=root, recursive=True)  # noqa: PTH207
    found = (name for name in names if (root / name).is_file() and _inside(root, root / name))
    return sorted(itertools.islice(found, MOST_FILES))


def path_of(dataset: Dataset, name: str) -> Path:
    """Where a file that `matching` gave lies, links followed."""
    return (Path(dataset.folder) / name).resolve()


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if not name.startswith(".") and path.is_file() and _inside(root, path):
                yield str(path.relative_to(root))


def _inside(root: Path, path: Path) -> bool:
    return path.exists() and path.resolve().is_relative_to(root)


def _described(root: Path, name: str) -> DatasetFile:
    found = (root / name).stat()
    return DatasetFile(name, found.st_size, datetime.fromtimestamp(int(found.st_mtime), UTC))
