"""Sending files: resumed where they broke off (tus 1.0), their digest compared, none sent twice."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hven.client.connection import Connection, Pauses, document
from hven.client.telling import Amount, Listener
from hven.errors import (
    CancelledError,
    ConflictError,
    Fault,
    ForbiddenError,
    InputError,
    MissingError,
    ServiceError,
    UnavailableError,
    UnreachableError,
)

if TYPE_CHECKING:
    import httpx

_TUS = {"Tus-Resumable": "1.0.0"}
_BLOCK = 2**20
#: Files that are sent at a time; one alone seldom fills a line with its digests and answers.
_AT_A_TIME = 4
#: An upload is taken for one that may be used only if it stays for so long.
_SAFE_TIME = timedelta(hours=1)
_TRIES = 3

Upload = Mapping[str, Any]


def send_all(
    connection: Connection, files: Sequence[Path], tell: Listener, name: str | None = None
) -> list[dict[str, Any]]:
    """The uploads of files, as the service describes them, in the order of the files.

    Parameters
    ----------
    connection
        The service.
    files
        Where they lie.
    tell
        Is told how many bytes have come.
    name
        What a single file is to be called; None is its own name.

    Raises
    ------
    InputError
        With each file that cannot be read.
    UnavailableError, UnreachableError
        The service did not take them for too long.
    """
    sizes = _sizes(files)
    known = connection.get("/uploads")["uploads"] if files else []
    words = f"Send {files[0].name if len(files) == 1 else f'{len(files)} files'} (MB)"
    amount = Amount(tell, "upload", words, sum(sizes.values()))
    stopped = threading.Event()

    def send(path: Path) -> dict[str, Any]:
        sending = _Sending(connection, path, name or path.name, sizes[path], amount, stopped)
        return sending.run(known)

    if len(files) < 2:
        return [send(path) for path in files]
    pool = ThreadPoolExecutor(min(_AT_A_TIME, len(files)), thread_name_prefix="upload")
    try:
        return list(pool.map(send, files))
    finally:
        stopped.set()
        pool.shutdown(wait=True, cancel_futures=True)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Sending:
    """One file on its way."""

    def __init__(
        self,
        connection: Connection,
        path: Path,
        name: str,
        size: int,
        amount: Amount,
        stopped: threading.Event,
    ) -> None:
        self._connection = connection
        self._path = path
        self._name = name
        self._size = size
        self._amount = amount
        self._stopped = stopped
        self._digest = ""
        self._hash, self._hashed = hashlib.sha256(), 0

    def run(self, known: Iterable[Upload]) -> dict[str, Any]:
        """Send it, unless the service has it; gives the upload."""
        there = self._complete_one(known)
        if there is not None:
            self._amount.begin(self._path, self._size)
            return dict(there)
        begun = self._begun_one(known)
        for _ in range(_TRIES):
            try:
                upload = self._go_on(begun) if begun is not None else self._begin()
            except (MissingError, ConflictError):
                # It is gone, or another process sends it at this moment.
                begun = None
                continue
            if upload["sha256"] == self._local_digest():
                return upload
            # What was begun earlier was another content of this name and size, or bytes fell over.
            with contextlib.suppress(ForbiddenError):  # A token may be for sending alone.
                self._connection.ask("DELETE", f"/uploads/{upload['id']}")
            begun = None
        told = f"must arrive as it was sent, {_TRIES} times it did not"
        raise ServiceError(f"{self._path}: {told}")

    def _complete_one(self, known: Iterable[Upload]) -> Upload | None:
        soon = datetime.now(UTC) + _SAFE_TIME
        for upload in known:
            same = upload["complete"] and upload["bytes"] == self._size
            stays = datetime.fromisoformat(upload["expires"]) > soon
            if same and stays and upload["name"] == self._name:
                self._digest = self._digest or digest_of(self._path)
                if upload["sha256"] == self._digest:
                    return upload
        return None

    def _begun_one(self, known: Iterable[Upload]) -> Upload | None:
        for upload in known:
            same = upload["bytes"] == self._size and upload["name"] == self._name
            if same and not upload["complete"] and upload["received"]:
                return upload
        return None

    def _begin(self) -> dict[str, Any]:
        said = {"filename": self._name, "sha256": self._digest}
        metadata = ",".join(
            f"{name} {base64.b64encode(text.encode()).decode()}"
            for name, text in said.items()
            if text
        )
        headers = {**_TUS, "Upload-Length": str(self._size), "Upload-Metadata": metadata}
        # One that is made twice because its answer was lost is empty, and goes by itself.
        made = document(self._connection.ask("POST", "/uploads", headers=headers, repeatable=True))
        return self._go_on(made)

    def _go_on(self, upload: Upload) -> dict[str, Any]:
        """Send what is missing; again and again, as long as something comes through."""
        path, offset = f"/uploads/{upload['id']}", int(upload["received"])
        pauses = Pauses(self._connection.patience)
        self._amount.begin(self._path, offset)
        while offset < self._size:
            try:
                offset = self._send_from(path, offset)
            except (UnreachableError, UnavailableError, ConflictError) as trouble:
                if isinstance(trouble, ConflictError) and not self._hashed:
                    raise  # Not an earlier request of ours that is still being ended.
                pauses.after(trouble)
                come = self._received(path)
                if come > offset:
                    pauses.reset()
                offset = come
        found: dict[str, Any] = self._connection.get(path)
        return found

    def _send_from(self, path: str, offset: int) -> int:
        headers = {
            **_TUS,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(self._size - offset),
        }
        content = self._content(offset)
        with self._connection.stream("PATCH", path, headers=headers, content=content) as answer:
            return _offset(answer)

    def _content(self, offset: int) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while self._hashed < offset:
                self._take(file.read(min(_BLOCK, offset - self._hashed)))
            file.seek(offset)
            left = self._size - offset
            while left:
                if self._stopped.is_set():
                    raise CancelledError("the upload was stopped")
                block = file.read(min(_BLOCK, left))
                if not block:
                    told = f"must not change while it is sent, it had {self._size} bytes"
                    raise InputError([Fault(str(self._path), told)])
                place = self._size - left
                # What is sent once more is in the digest already.
                self._take(block[self._hashed - place :] if self._hashed > place else block)
                left -= len(block)
                yield block
                self._amount.at(self._path, self._size - left)

    def _take(self, block: bytes) -> None:
        self._hash.update(block)
        self._hashed += len(block)

    def _received(self, path: str) -> int:
        return _offset(self._connection.ask("HEAD", path, headers=_TUS))

    def _local_digest(self) -> str:
        if self._digest:
            return self._digest
        return self._hash.hexdigest() if self._hashed == self._size else digest_of(self._path)


def _offset(answer: httpx.Response) -> int:
    text = answer.headers.get("Upload-Offset", "")
    if not text.isdecimal():
        raise ServiceError(f"Upload-Offset: must be a whole number, {answer.url} says '{text}'")
    return int(text)


def _sizes(files: Iterable[Path]) -> dict[Path, int]:
    sizes: dict[Path, int] = {}
    faults: list[Fault] = []
    for path in files:
        try:
            with path.open("rb"):
                sizes[path] = path.stat().st_size
        except OSError as error:
            told = f"must be a readable file, {error.strerror or error}"
            faults.append(Fault(str(path), told))
    if faults:
        raise InputError(faults)
    return sizes
