"""Results of a job of any UWS service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hven.client.download import Fetching, file_name
from hven.client.opening import opened
from hven.client.scratch import scratch_folder
from hven.client.telling import Amount, nobody
from hven.client.uws_documents import UwsResult
from hven.client.uws_requests import Requests
from hven.errors import MissingError


class UwsFile:
    """A result; it stays at the service until it is read, opened or saved.

    Parameters
    ----------
    requests
        The service.
    found
        What the service says of it.
    """

    def __init__(self, requests: Requests, found: UwsResult) -> None:
        self._requests = requests
        self.id, self.url, self.size, self.media_type = found

    def read(self) -> bytes:
        """Its content."""
        return self._requests.get(self.url).content

    def save(self, where: str | Path = ".") -> Path:
        """Fetch it into a folder that is there, or under the name given; gives its path."""
        place = Path(where).expanduser()
        with self._requests.connection.stream("GET", self.url) as answer:
            named = unquote(urlsplit(str(answer.url)).path).rstrip("/").rpartition("/")[2]
            name = file_name(answer.headers, named or self.id)
            self.media_type = self.media_type or answer.headers.get("Content-Type")
        target = place / name if place.is_dir() else place
        # Without a digest: few services have one, and who has none cannot be gone on with.
        found = {"name": self.id, "bytes": self.size or 0, "sha256": None}
        amount = Amount(nobody, self.id, self.id, self.size or 0)
        Fetching(self._requests.connection, self.url, target, found, amount).run()
        return target

    def open(self, **options: Any) -> Any:
        """Its content as an object: HDUList, Table, WCS, picture, JSON or text."""
        folder = scratch_folder() / "uws" / str(abs(hash(self.url)))
        folder.mkdir(parents=True, exist_ok=True)
        path = self.save(folder)
        return opened(path, self.media_type or "", **options)

    def __repr__(self) -> str:
        return f"<{self.id}: {self.media_type or 'unknown type'} at {self.url}>"


class UwsResults(Mapping[str, UwsFile]):
    """The results of a job, by id.

    Parameters
    ----------
    requests
        The service.
    found
        What the service says of them.
    job
        The job's id.
    """

    def __init__(self, requests: Requests, found: Mapping[str, UwsResult], job: str) -> None:
        self._files = {name: UwsFile(requests, each) for name, each in found.items()}
        self._job = job

    def __getitem__(self, name: str) -> UwsFile:
        if name not in self._files:
            known = ", ".join(self._files) or "none"
            raise MissingError(f"result: must be one of job {self._job} ({known}), got '{name}'")
        return self._files[name]

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        return f"<Results of {self._job}: {', '.join(self._files) or 'none'}>"
