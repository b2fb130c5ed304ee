"""What a job's end means for its owner: whose fault, and what to do next."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hven.jobs.models import Job

Words = str | Promise


class Advice(NamedTuple):
    """What a page says beside an error."""

    #: Whose fault it is.
    fault: Words
    #: What helps.
    advice: Words
    #: What is offered: `change` the request, or `again` as it is.
    offer: str


_BY_CODE: tuple[tuple[str, Advice], ...] = (
    (
        "resource.disk_full",
        Advice(
            _("The service had no space left. Your request is not at fault."),
            _("Run it again when there is space; finished steps are kept."),
            "again",
        ),
    ),
    (
        "resource.memory",
        Advice(
            _("The job took more memory than this machine has."),
            _("Ask for less at a time: a smaller region, coarser pixels, a lower memory setting."),
            "change",
        ),
    ),
    (
        "resource.duration",
        Advice(
            _("The job ran longer than it may."),
            _("Allow it more time; finished steps are kept and not done again."),
            "change",
        ),
    ),
    (
        "resource",
        Advice(
            _("The request needs more than there is."),
            _("Ask for less, as the message says, and run it again."),
            "change",
        ),
    ),
    (
        "input.fetch",
        Advice(
            _("An input cannot be fetched from the address that was given; the message says why."),
            _("Correct the address, or send the file itself."),
            "change",
        ),
    ),
    (
        "source",
        Advice(
            _("The server of an input did not give it, also when it was asked again."),
            _("Run it again when that server is well, or send the file itself."),
            "again",
        ),
    ),
    (
        "input",
        Advice(
            _("Something in the request or its files is wrong; the message names it."),
            _("Change it and run the job again; what is right stays filled in."),
            "change",
        ),
    ),
    (
        "app",
        Advice(
            _("The application failed. This is not a fault of your input."),
            _("Tell the administrators, with the job's address; they find the details in its log."),
            "again",
        ),
    ),
)
_PASSING = Advice(
    _("The service had trouble, and trying again by itself did not help. You did nothing wrong."),
    _("Run it again; finished steps are kept and not done again."),
    "again",
)


def advice_for(job: Job) -> Advice | None:
    """What to say beside a job's error; None where it has none."""
    if not job.error_kind:
        return None
    found = (advice for code, advice in _BY_CODE if job.error_code.startswith(code))
    return next(found, _PASSING)
