"""How the results of a job can be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from hven.jobs.models import Job, Result
from hven.portal.catalogues import is_table

_PICTURES = ("image/png", "image/jpeg")
#: Bytes of a text that a page shows.
MOST_TEXT = 200_000


class Shown(NamedTuple):
    """A result, and how a page shows it."""

    result: Result
    #: `image` (FITS, in the viewer), `picture`, `table`, `text`, or empty: only to download.
    way: str

    @property
    def name(self) -> str:
        """The result's name."""
        return str(self.result.name)


def shown(result: Result) -> Shown:
    """How a result is shown."""
    return Shown(result, _way(result))


def results_of(job: Job) -> list[Shown]:
    """The results of a job, in order; log and provenance have links of their own."""
    found = job.results.order_by("order", "pk")
    return [shown(each) for each in found if each.role not in ("log", "provenance")]


def _way(result: Result) -> str:
    kind = result.media_type.partition(";")[0].strip().lower()
    if kind in _PICTURES:
        return "picture"
    if kind == "image/fits":
        return "image"
    if is_table(result):
        return "table"
    suffix = Path(result.file).suffix.lower()
    if kind.startswith("text/") or kind == "application/json" or suffix in (".txt", ".log"):
        return "text"
    return ""
