"""Which fetched files are inputs of which jobs: those name them by their addresses."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection

from django.db.models import Q

from hven.jobs.models import Fetch

#: Addresses within parameters as JSON; none has a quotation mark or a backslash.
_URL = re.compile(r'"(https?://[^"#\\]+)', re.IGNORECASE)
#: Conditions that are sent to the database at a time.
_CHUNK = 500


def naming(upload: uuid.UUID) -> Q | None:
    """What holds of the parameters, as `text`, of its owner's jobs that take a fetched file."""
    row = Fetch.objects.select_related("upload").filter(upload=upload).first()
    if row is None:
        return None
    named = Q(text__contains=f'"{row.url}"') | Q(text__contains=f'"{row.url}#')
    return named & Q(owner=row.upload.owner_id)


def urls_in(parameters: str) -> list[str]:
    """The addresses within parameters as JSON, without their digests."""
    return _URL.findall(parameters)


def fetched_from(urls: Collection[str]) -> set[uuid.UUID]:
    """The uploads that were fetched from these addresses."""
    found: set[uuid.UUID] = set()
    listed = list(urls)
    for start in range(0, len(listed), _CHUNK):
        rows = Fetch.objects.filter(url__in=listed[start : start + _CHUNK])
        found.update(rows.values_list("upload_id", flat=True))
    return found
