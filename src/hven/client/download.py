"""Fetching files: taken up where they broke off, their digest compared, whole or not there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from email.message import Message
from pathlib import Path
from typing import Any, BinaryIO

from hven.client.connection import Connection, Pauses
from hven.client.telling import Amount
from hven.client.upload import digest_of
from hven.errors import ServiceError, UnavailableError, UnreachableError

_BLOCK = 2**18
_TRIES = 3


class Fetching:
    """One file on its way.

    Parameters
    ----------
    connection
        The service.
    path
        The file's path in the API.
    target
        Where it is to lie.
    result
        Its `name`, `bytes` and `sha256`; without a digest it may still grow.
    amount
        Is told how much has come.
    """

    def __init__(
        self,
        connection: Connection,
        path: str,
        target: Path,
        result: Mapping[str, Any],
        amount: Amount,
    ) -> None:
        self._connection = connection
        self._path = path
        self._target = target
        self._name, self._bytes = result["name"], result["bytes"]
        self._digest: str = result["sha256"] or ""
        self._amount = amount
        self._hash = hashlib.sha256()
        # The digest in its name: what an earlier version of the file left is not gone on with.
        part = f".{target.name}.{self._digest[:12] or 'unfinished'}.part"
        self._part = target.with_name(part)

    def run(self) -> None:
        """Fetch it; it appears in its place when it is whole and right.

        Raises
        ------
        ServiceError
            It came with another digest than the service says, again and again.
        UnreachableError, UnavailableError
            The service did not give it for too long.
        """
        if self._is_there():
            self._amount.begin(self._target, self._bytes)
            return
        self._target.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_TRIES):
            if self._fetch() == self._digest or not self._digest:
                self._part.replace(self._target)
                return
            self._part.unlink()
        told = f"must have the SHA-256 {self._digest}, {_TRIES} times another came"
        raise ServiceError(f"{self._name}: {told}")

    def _is_there(self) -> bool:
        """Whether an earlier run has fetched it."""
        if not self._digest or not self._target.is_file():
            return False
        same_size = self._target.stat().st_size == self._bytes
        return same_size and digest_of(self._target) == self._digest

    def _fetch(self) -> str:
        """Fetch until nothing is missing, and give the digest of what is there."""
        pauses = Pauses(self._connection.patience)
        with self._part.open("ab+" if self._digest else "wb+") as file:
            file.seek(0)
            self._hash = hashlib.sha256()
            while block := file.read(_BLOCK):  # What an earlier run has fetched.
                self._hash.update(block)
            while True:  # Again and again, as long as something comes.
                begin = file.tell()
                try:
                    self._append(file, begin)
                except (UnreachableError, UnavailableError) as trouble:
                    if file.tell() > begin:
                        pauses.reset()
                    pauses.after(trouble)
                else:
                    return self._hash.hexdigest()

    def _append(self, file: BinaryIO, begin: int) -> None:
        """Fetch what is missing behind what is there, once."""
        headers = {"Accept-Encoding": "identity"}
        if begin and self._digest:
            headers |= {"Range": f"bytes={begin}-", "If-Range": f'"{self._digest}"'}
        with self._connection.stream("GET", self._path, headers=headers) as answer:
            if answer.status_code == 416:  # Nothing is missing; its digest tells whether it is so.
                return
            if answer.status_code != 206 and begin:
                file.seek(0)
                file.truncate()
                begin, self._hash = 0, hashlib.sha256()
            self._amount.begin(self._target, begin)
            for block in answer.iter_bytes(_BLOCK):
                file.write(block)
                self._hash.update(block)
                begin += len(block)
                self._amount.at(self._target, begin)


def file_name(headers: Mapping[str, str], otherwise: str) -> str:
    """The name under which an answer is to be saved, without a folder and harmless."""
    message = Message()
    message["Content-Disposition"] = headers.get("Content-Disposition", "")
    named = message.get_filename() or ""
    name = re.sub(r"[\x00-\x1f/\\]", "_", re.split(r"[/\\]", named)[-1]).lstrip(".")
    return name or otherwise
