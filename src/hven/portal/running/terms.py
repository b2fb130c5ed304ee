"""What can be asked of a job besides its parameters, as the form has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from hven.errors import Fault
from hven.jobs.access import is_administrator
from hven.jobs.clock import now
from hven.jobs.configuration import configuration
from hven.jobs.models import Job, Lane, User
from hven.portal.accounts import preferences
from hven.portal.running.filling import OWN

NAMES = ("label", "lane", "mail_on", "start", "not_before", "days", "minutes", "fresh")
#: How the job begins.
STARTS = {"now": _("At once"), "later": _("At a time"), "draft": _("When I say so")}
MAILS = {"": _("Never"), "end": _("At its end"), "failure": _("When it fails")}
_LANES = {lane.label: lane for lane in Lane}
_LANE_WORDS = {
    "interactive": _("Interactive"),
    "batch": _("Batch: after all interactive ones"),
    "real-time": _("Real-time: before all others"),
}
#: Names of faults further down, and where they are shown.
SHOWN_AT = {"destruction": "days", "execution_duration": "minutes", "mail_to": "mail_on"}
#: Longer ones are beyond what a date can be.
_MOST_DAYS, _MOST_MINUTES = 1e6, 3.5e7


@dataclass(frozen=True)
class Terms:
    """As typed, and as submissions take them."""

    texts: dict[str, str] = field(default_factory=dict)
    wishes: dict[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    #: When somebody always wants mail: it goes without saying.
    preferred_mail: str = ""

    @property
    def told(self) -> bool:
        """Whether any is another than by default, or is wrong."""
        usual = ("", "now", "interactive", self.preferred_mail)
        names = (name for name in NAMES if name != "label")
        return bool(self.faults) or any(self.texts.get(name, "") not in usual for name in names)


def read_terms(form: QueryDict) -> Terms:
    """The terms within a form."""
    texts = {name: str(form.get(OWN + name, "")).strip() for name in NAMES}
    faults: list[Fault] = []
    wishes: dict[str, Any] = {"label": texts["label"], "mail_on": texts["mail_on"]}
    wishes["lane"] = _lane(texts["lane"], faults)
    wishes["run"] = texts["start"] != "draft"
    if texts["start"] not in ("", *STARTS):
        faults.append(Fault("start", f"must be one of {', '.join(STARTS)}, got '{texts['start']}'"))
    if texts["start"] == "later":
        wishes["not_before"] = _moment(texts["not_before"], faults)
    days = _number("days", texts["days"], _MOST_DAYS, faults)
    if days is not None:
        wishes["destruction"] = now() + timedelta(days=days)
    minutes = _number("minutes", texts["minutes"], _MOST_MINUTES, faults)
    if minutes is not None:
        wishes["execution_duration"] = round(60 * minutes)
    wishes["fresh"] = bool(texts["fresh"])
    return Terms(texts, wishes, tuple(faults))


def usual_terms(user: User) -> Terms:
    """The terms with which somebody's form begins: mail as is preferred, where it can be sent."""
    wanted = preferences.of(user).mail_on if user.email else ""
    return Terms({"mail_on": wanted} if wanted else {}, preferred_mail=wanted)


def terms_of(job: Job) -> Terms:
    """The terms with which a job is done again."""
    lane = Lane(job.lane).label if job.lane in Lane.values else ""
    texts = {"label": job.label, "lane": lane, "mail_on": job.mail_on}
    if job.execution_duration and job.execution_duration != configuration().duration_limit:
        texts["minutes"] = f"{job.execution_duration / 60:g}"
    return Terms({name: text for name, text in texts.items() if text and text != "interactive"})


def lanes(user: User) -> dict[str, Any]:
    """The lanes that somebody may choose from."""
    names = ["interactive", "batch", *(["real-time"] if is_administrator(user) else [])]
    return {name: _LANE_WORDS[name] for name in names}


def _lane(text: str, faults: list[Fault]) -> int:
    if text and text not in _LANES:
        faults.append(Fault("lane", f"must be one of {', '.join(_LANES)}, got '{text}'"))
    return _LANES.get(text, Lane.INTERACTIVE)


def _moment(text: str, faults: list[Fault]) -> datetime | None:
    try:
        found = parse_datetime(text)
        if found is not None and timezone.is_naive(found):
            found = timezone.make_aware(found)
        if found is not None:
            found = found.astimezone(timezone.get_default_timezone())
    except (ValueError, OverflowError):
        found = None
    if found is None:
        faults.append(Fault("not_before", f"must be a date and a time, got '{text}'"))
    return found


def _number(name: str, text: str, most: float, faults: list[Fault]) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    # Also NaN is not within.
    if not 0 <= number <= most:
        faults.append(Fault(name, f"must be a number from 0 to {most:g}, got '{text[:40]}'"))
        return None
    return number
