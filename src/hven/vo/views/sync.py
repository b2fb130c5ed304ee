"""Jobs that are waited for: made, then sent on to the main result.

A request that makes one is sent on to the address of the wait, where it is kept without a thread
until the job has ended (see `hven.server.waiting`), and from there on to the result.
"""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpResponse

from hven.jobs.clock import now
from hven.jobs.configuration import configuration
from hven.jobs.models import Job
from hven.jobs.phases import TERMINAL, Phase
from hven.vo.asking import Asked, door, plain, see_other
from hven.vo.creating import create
from hven.vo.results import MAIN, results_of
from hven.web.scopes import Scope

#: Seconds after which it is worth asking again for a job that takes longer.
_RETRY_AFTER = 60


@door("GET", "POST", by_get=True, needs=Scope.SUBMIT)
def sync(asked: Asked) -> HttpResponse:
    """Make a job, run it, and send the client to where it waits for the end."""
    return see_other(asked.address(create(asked, run=True).pk))


@door("GET")
def outcome(asked: Asked) -> HttpResponse:
    """What came of the job: its main result, what went wrong, or another turn of waiting."""
    job = asked.found()
    jobs = replace(asked, root=asked.root.removesuffix("/sync") + "/async")
    if job.phase == Phase.COMPLETED:
        has_main = MAIN in results_of(job)
        return see_other(jobs.address(job.pk, "results", MAIN)) if has_main else _nothing()
    if job.phase in TERMINAL:
        return plain(f"{job.error_message or f'the job is {job.phase}'}\n", _status(job))
    if (now() - job.created).total_seconds() < configuration().sync_seconds:
        # Another address each time, or clients would take it for a circle.
        turn = asked.query.get("turn", "")
        number = int(turn) + 1 if turn.isdecimal() and len(turn) < 6 else 1
        return see_other(f"{asked.address(job.pk)}?turn={number}")
    response = plain(
        f"the job takes longer than is waited for, {configuration().sync_seconds:g} s; "
        f"it goes on, see {jobs.address(job.pk)}\n",
        503,
    )
    response["Retry-After"] = str(_RETRY_AFTER)
    return response


def _status(job: Job) -> int:
    """The status that says what went wrong, and whose fault it is."""
    if job.phase == Phase.ABORTED:
        return 409
    if job.error_kind == "transient":
        return 503
    return 400 if job.error_code.startswith("input") else 500


def _nothing() -> HttpResponse:
    return HttpResponse(status=204)
