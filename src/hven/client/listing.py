"""Lists of jobs, asked for page by page."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, overload

from hven.client import html
from hven.client.job import Job

if TYPE_CHECKING:
    from hven.client.service import Service

_FIRST_PAGE, _PAGE = 25, 200
#: Jobs that are shown where a list is displayed.
_SHOWN = 20


class JobList:
    """Jobs, newest first; `list[:10]`, or iterate.

    Parameters
    ----------
    service
        Where they are.
    filters
        The query of the list.
    """

    def __init__(self, service: Service, filters: Mapping[str, Any]) -> None:
        self._service = service
        self._filters = dict(filters)
        self._known: list[dict[str, Any]] = []
        self._cursor: str | None = ""

    def __iter__(self) -> Iterator[Job]:
        place = 0
        while self._reach(place + 1):
            yield Job(self._service, self._known[place])
            place += 1

    @overload
    def __getitem__(self, place: int) -> Job: ...

    @overload
    def __getitem__(self, place: slice) -> list[Job]: ...

    def __getitem__(self, place: int | slice) -> Job | list[Job]:
        if isinstance(place, slice):
            least = min(place.start or 0, 0 if place.stop is None else place.stop)
            self._reach(None if place.stop is None or least < 0 else place.stop)
            return [Job(self._service, found) for found in self._known[place]]
        self._reach(place + 1 if place >= 0 else None)
        return Job(self._service, self._known[place])

    def __len__(self) -> int:
        self._reach(None)
        return len(self._known)

    def __bool__(self) -> bool:
        return self._reach(1)

    def __repr__(self) -> str:
        more = self._reach(_SHOWN + 1)
        lines = [f"  {Job(self._service, found)!r}" for found in self._known[:_SHOWN]]
        return "\n".join(["<Jobs:", *lines, *(["  and more"] if more else [])]) + ">"

    def _repr_html_(self) -> str:
        more = self._reach(_SHOWN + 1)
        return html.jobs_table(self._known[:_SHOWN], more)

    def _reach(self, count: int | None) -> bool:
        """Ask for pages until there are so many, or all; False when there are fewer."""
        while self._cursor is not None and (count is None or len(self._known) < count):
            limit = _PAGE if self._known else _FIRST_PAGE
            query = self._filters | {"limit": limit}
            if self._cursor:
                query["cursor"] = self._cursor
            page = self._service.connection.get("/jobs", **query)
            self._known += page["jobs"]
            self._cursor = _cursor_of(page["next"])
        return count is None or len(self._known) >= count


def _cursor_of(address: str | None) -> str | None:
    """Where the next page begins; the address itself may be one that only others can reach."""
    if address is None:
        return None
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(address).query)
    return query["cursor"][0]
