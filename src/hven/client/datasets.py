"""Collections of files at a service."""

from __future__ import annotations

import fnmatch
import urllib.parse
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from hven.client import html
from hven.client.connection import Connection
from hven.errors import MissingError
from hven.progress.sizes import size_words


class DatasetFile(NamedTuple):
    """A file of a dataset; can be an input."""

    name: str
    #: What stands for it in parameters.
    reference: str
    bytes: int
    modified: datetime


class Dataset:
    """A collection of files from which inputs can be taken.

    Parameters
    ----------
    connection
        The service.
    found
        What the service says of it.
    """

    def __init__(self, connection: Connection, found: Mapping[str, Any]) -> None:
        self._connection = connection
        self.name = str(found["name"])
        self.title = str(found["title"])
        self.description = str(found["description"])

    def files(self, pattern: str = "") -> list[DatasetFile]:
        """Its files, or those whose name fits a pattern as `j/*.fits`."""
        path = f"/datasets/{urllib.parse.quote(self.name, safe='')}/files"
        found = self._connection.get(path)["files"]
        return [
            DatasetFile(
                each["name"],
                each["reference"],
                each["bytes"],
                datetime.fromisoformat(each["modified"]),
            )
            for each in found
            if not pattern or fnmatch.fnmatch(each["name"], pattern)
        ]

    def __repr__(self) -> str:
        return f"<dataset {self.name}: {self.title}>"

    def _repr_html_(self) -> str:
        rows = [(file.name, size_words(file.bytes)) for file in self.files()[:200]]
        return html.table((self.title or self.name, "size"), rows)


class Datasets(Mapping[str, Dataset]):
    """The datasets of a service, by name."""

    def __init__(self, connection: Connection) -> None:
        found = connection.get("/datasets")["datasets"]
        self._found = {each["name"]: Dataset(connection, each) for each in found}

    def __getitem__(self, name: str) -> Dataset:
        if name not in self._found:
            known = ", ".join(self._found) or "(there is none)"
            raise MissingError(f"dataset: must be one of {known}, got '{name}'")
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"<Datasets: {', '.join(self._found) or 'none'}>"

    def _repr_html_(self) -> str:
        rows = [(each.name, each.title, each.description) for each in self._found.values()]
        return html.table(("dataset", "title", "description"), rows)
