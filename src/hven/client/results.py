"""The files of a job: listed, fetched, opened."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from hven.client import html
from hven.client.connection import Connection
from hven.client.download import Fetching, file_name
from hven.client.opening import opened
from hven.client.scratch import scratch_folder
from hven.client.telling import Amount
from hven.errors import MissingError
from hven.progress.display import display
from hven.progress.sizes import size_words

#: Bytes of a preview that a notebook shows.
_LARGEST_PREVIEW = 4_000_000


class RemoteFile:
    """A file that a job gives; it stays at the service until it is read, opened or saved.

    Parameters
    ----------
    connection
        The service.
    job
        The job's id.
    found
        What the service says of it.
    """

    def __init__(self, connection: Connection, job: str, found: Mapping[str, Any]) -> None:
        self._connection = connection
        self._job = job
        self._found = found
        self._path = f"/jobs/{job}/results/{urllib.parse.quote(found['name'], safe='')}"

    @property
    def name(self) -> str:
        """Its name among the results."""
        return str(self._found["name"])

    @property
    def help(self) -> str:
        """What it is, one phrase."""
        return str(self._found["help"])

    @property
    def media_type(self) -> str:
        """Its media type."""
        return str(self._found["media_type"])

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return int(self._found["bytes"])

    @property
    def sha256(self) -> str | None:
        """Its digest; None while it may still change."""
        return self._found["sha256"] or None

    @property
    def role(self) -> str:
        """`main`, `product`, `preview`, `log` or `provenance`."""
        return str(self._found["role"])

    @property
    def final(self) -> bool:
        """Whether it is a result of a job that succeeded."""
        return bool(self._found["final"])

    @property
    def created(self) -> datetime:
        """When it was published."""
        return datetime.fromisoformat(self._found["created"])

    @property
    def url(self) -> str:
        """Where it lies; who asks has to say who it is."""
        return self._connection.address(self._path)

    @property
    def reference(self) -> str:
        """What stands for it among the inputs of another job."""
        return f"job:{self._job}/{self.name}"

    def save(self, where: str | Path = ".", *, progress: bool = False) -> Path:
        """Fetch it into a folder that is there, or under the name given; gives its path.

        An earlier fetch that broke off is gone on with; a file that is there and has the same
        digest is not fetched again.

        Raises
        ------
        ServiceError
            It came with another digest than the service says, again and again.
        """
        with display(shown=progress) as listener:
            amount = Amount(listener, "fetch", f"Fetch {self.name} (MB)", self.size)
            return self.save_counted(Path(where).expanduser(), amount)

    def save_counted(self, where: Path, amount: Amount) -> Path:
        """See `save`; what comes is counted."""
        target = where / self.file_name() if where.is_dir() else where
        Fetching(self._connection, self._path, target, self._found, amount).run()
        return target

    def file_name(self) -> str:
        """The name under which the service would have it saved."""
        answer = self._connection.ask("HEAD", self._path)
        return file_name(answer.headers, self.name)

    def read(self) -> bytes:
        """Its content."""
        return self._fetched().read_bytes()

    def open(self, **options: Any) -> Any:
        """Its content as an object: HDUList, Table, WCS, picture, JSON or text.

        Parameters
        ----------
        **options
            Passed on to what reads it, as `memmap` to astropy.io.fits.open.
        """
        return opened(self._fetched(), self.media_type, **options)

    def _fetched(self) -> Path:
        """A copy of it, which goes when Python does; it is fetched once."""
        folder = scratch_folder() / self._job / (self.sha256 or "unfinished") / self.name
        folder.mkdir(parents=True, exist_ok=True)
        there = list(folder.glob("[!.]*")) if self.sha256 else []
        return there[0] if there else self.save(folder)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.help or self.media_type}, {size_words(self.size)}>"

    def _repr_html_(self) -> str:
        return html.file_card(self, self.preview())

    def preview(self) -> bytes | None:
        """Its content, where it is a picture that is small enough to be shown."""
        shown = self.media_type in ("image/png", "image/jpeg") and self.size <= _LARGEST_PREVIEW
        return self.read() if shown else None


class Results(Mapping[str, RemoteFile]):
    """The files of a job, by name.

    Parameters
    ----------
    files
        Each of them.
    words
        What the job is like, for who asks for a file that there is not.
    """

    def __init__(self, files: list[RemoteFile], words: str) -> None:
        self._files = {file.name: file for file in files}
        self._words = words

    def __getitem__(self, name: str) -> RemoteFile:
        if name not in self._files:
            known = ", ".join(self._files) or "none"
            told = f"result: must be one of the job ({known}; it is {self._words}), got '{name}'"
            raise MissingError(told)
        return self._files[name]

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def get(self, name: str, default: Any = None) -> Any:
        """The file of that name, or the default."""
        return self._files.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    @property
    def main(self) -> RemoteFile:
        """The result that the application is asked for in the first place."""
        for file in self._files.values():
            if file.role == "main":
                return file
        raise MissingError(f"result: the job has no main result, it is {self._words}")

    @property
    def preview(self) -> RemoteFile | None:
        """The picture that shows what came out; None when there is none."""
        files = sorted(self._files.values(), key=lambda file: file.role != "preview")
        return next((file for file in files if file.media_type.startswith("image/")
                     and "fits" not in file.media_type), None)  # fmt: skip

    def __repr__(self) -> str:
        lines = [f"  {file!r}" for file in self._files.values()]
        return "\n".join([f"<Results: {len(self)} files", *lines]) + ">"

    def _repr_html_(self) -> str:
        return html.results_table(self)
