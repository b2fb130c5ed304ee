"""Files that come within a form, as from a browser without scripts: kept as uploads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.files.uploadedfile import UploadedFile

from hven.errors import Fault, QuotaError, ResourceError, UnavailableError, UserError
from hven.jobs import uploads
from hven.jobs.models import Upload, User


def receive(
    owner: User, name: str, files: Iterable[UploadedFile[Any]], faults: list[Fault]
) -> list[Upload]:
    """Keep files as uploads; what is wrong with one goes to `faults` under `name`."""
    kept: list[Upload] = []
    for file in files:
        if not file.name and not file.size:
            continue
        try:
            called = file.name or "file"
            kept.append(uploads.take_whole(owner, called, file.size, "", file.read))
        except (QuotaError, ResourceError, UnavailableError, UserError) as error:
            faults.append(Fault(name, f"'{file.name}' cannot be taken: {error}"))
    return kept
