"""Files within forms: on the disk of the service while a request is read, nowhere after it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from hven.errors import Fault, ResourceError
from hven.jobs import limits
from hven.jobs.configuration import configuration


class Incoming(FileUploadHandler):
    """Takes files into a place of the data folder that has no name: whatever dies, none is left."""

    _file: IO[bytes]

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: Mapping[str, str],  # noqa: N803 - as Django calls it
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Refuse what is too large before any of it is read."""
        del input_data, META, boundary, encoding
        most = configuration().upload_bytes
        if content_length > most:
            told = f"must be at most {most} bytes, got {content_length}"
            raise ResourceError([Fault("body", told)])
        limits.require_space(content_length)

    def new_file(self, *args: Any, **named: Any) -> None:
        """Begin a file."""
        super().new_file(*args, **named)
        folder = configuration().uploads_folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by Django

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Take a piece of it."""
        del start
        self._file.write(raw_data)
        return None

    def file_complete(self, file_size: int) -> UploadedFile[Any]:
        """The file, from its beginning."""
        self._file.seek(0)
        return UploadedFile(
            file=self._file, name=self.file_name, content_type=self.content_type, size=file_size
        )
