"""Which jobs the table shows, and in which order: what the query of its address says."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from hven.jobs.models import Job
from hven.jobs.phases import Phase

#: States as people think of them: a name, words, phases.
STATES = (
    ("active", _("Waiting or running"), (Phase.QUEUED, Phase.EXECUTING, Phase.HELD)),
    ("draft", _("Drafts"), (Phase.PENDING,)),
    ("completed", _("Completed"), (Phase.COMPLETED,)),
    ("failed", _("Failed"), (Phase.ERROR,)),
    ("cancelled", _("Cancelled"), (Phase.ABORTED,)),
    ("archived", _("Archived"), (Phase.ARCHIVED,)),
)
#: Each ends with the key, so that no two pages share a job.
_ORDERS: Mapping[str, tuple[str, ...]] = {
    "created": ("created", "pk"),
    "state": ("phase", "created", "pk"),
    "application": ("application", "created", "pk"),
    "label": ("label", "created", "pk"),
    "ended": ("ended", "created", "pk"),
}


class Choice(NamedTuple):
    """What is asked for; words that mean nothing are left aside."""

    state: str = ""
    application: str = ""
    tag: str = ""
    search: str = ""
    since: str = ""
    until: str = ""
    order: str = "-created"

    @property
    def is_narrow(self) -> bool:
        """Whether some jobs are left out."""
        return self._replace(order="") != Choice(order="")


def choice_of(query: QueryDict) -> Choice:
    """The choice that an address makes."""
    given = {name: query.get(name, "").replace("\0", "")[:200] for name in Choice._fields}
    if given["order"].removeprefix("-") not in _ORDERS:
        given["order"] = Choice().order
    return Choice(**given)


def choose(found: QuerySet[Job], choice: Choice) -> QuerySet[Job]:
    """The jobs of a choice, in its order."""
    return found.filter(*_conditions(choice)).order_by(*_order(choice.order))


def _conditions(choice: Choice) -> list[Q]:
    conditions: list[Q] = []
    for name, _words, phases in STATES:
        if name == choice.state:
            conditions.append(Q(phase__in=[phase.value for phase in phases]))
    if choice.application:
        conditions.append(Q(application=choice.application))
    if choice.tag:
        conditions.append(Q(tags__name=choice.tag))
    if choice.search.strip():
        conditions.append(_search(choice.search.strip()))
    begin, end = _day(choice.since), _day(choice.until)
    if begin:
        conditions.append(Q(created__gte=begin))
    if end:
        conditions.append(Q(created__lt=end + timedelta(days=1)))
    return conditions


def _search(text: str) -> Q:
    found = Q(label__icontains=text) | Q(application__icontains=text)
    try:
        return found | Q(pk=uuid.UUID(text))
    except ValueError:
        return found


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def _order(text: str) -> list[OrderBy]:
    falling = text.startswith("-")
    return [_by(key, falling=falling) for key in _ORDERS[text.removeprefix("-")]]


def _by(key: str, *, falling: bool) -> OrderBy:
    # Asked for where nothing can be absent, it would keep PostgreSQL from using an index.
    last = True if key == "ended" else None
    return F(key).desc(nulls_last=last) if falling else F(key).asc(nulls_last=last)
