"""What an owner can do with a job: run, hold, stop, change, delete, repeat.

Each is one conditional statement; nobody reads a phase and then acts on it. What a running job is
asked goes to its column `stop`, which its driver looks at with each heartbeat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from django.db import transaction
from django.db.models import Q

from hven.errors import ConflictError, Fault, MissingError, ParameterError
from hven.jobs import terms
from hven.jobs.clock import now
from hven.jobs.models import Job, Stop, User
from hven.jobs.phases import ACTIVE, TERMINAL, Move, Phase
from hven.jobs.submission import Submission, checked_parameters, keep_uploads, submit
from hven.jobs.transitions import News, change, move
from hven.jobs.wakeup import nudge

_THERE = Q(deleted=None)
_EXECUTING = Q(phase=Phase.EXECUTING.value)
_ACTIVE = Q(phase__in=[phase.value for phase in ACTIVE])
#: How often a job may change its phase between two statements before somebody is told so.
_TRIES = 10


def run(job: Job) -> None:
    """Queue a job that is PENDING or HELD; of several that ask at once one succeeds.

    Raises
    ------
    ConflictError
        It is in another phase.
    """
    _settle(
        job,
        "be run",
        lambda: move(job.pk, Move.RUN, where=_THERE),
        lambda: move(job.pk, Move.RELEASE, where=_THERE),
    )


def release(job: Job) -> None:
    """Queue a job that is HELD.

    Raises
    ------
    ConflictError
        It is in another phase.
    """
    _settle(job, "be released", lambda: move(job.pk, Move.RELEASE, where=_THERE))


def hold(job: Job) -> None:
    """Set a job aside until it is released; one that runs keeps its finished steps.

    Raises
    ------
    ConflictError
        It has ended, or is being stopped for good.
    """
    _settle(
        job,
        "be held",
        lambda: move(job.pk, Move.HOLD, where=_THERE),
        lambda: _ask(job, Stop.HOLD, "", over=("", Stop.REQUEUE)),
        lambda: _is(job, Q(phase=Phase.HELD.value) | (_EXECUTING & Q(stop=Stop.HOLD))),
    )


def abort(job: Job, reason: str = "") -> None:
    """Stop a job for good, whatever it does; the results it has are kept.

    Raises
    ------
    ConflictError
        It has ended by itself.
    """
    _settle(
        job,
        "be aborted",
        lambda: move(job.pk, Move.ABORT, reason, where=_THERE & ~_EXECUTING),
        lambda: _ask(job, Stop.ABORT, reason, over=("", Stop.HOLD, Stop.REQUEUE)),
        lambda: _is(job, Q(phase=Phase.ABORTED.value) | (_EXECUTING & ~Q(stop=""))),
    )


def delete(job: Job) -> None:
    """Remove a job: nobody finds it any more, and its files are freed soon.

    Raises
    ------
    MissingError
        It is gone already.
    """
    gone: dict[str, Any] = {"deleted": now(), "mail_on": ""}
    ended = Q(phase__in=[phase.value for phase in (*TERMINAL, Phase.ARCHIVED)])
    _settle(
        job,
        "be deleted",
        lambda: move(job.pk, Move.ABORT, "deleted", where=_THERE & ~_EXECUTING, **gone),
        lambda: _ask(job, Stop.DELETE, "", over=None, **gone),
        lambda: change(_THERE & ended, job.pk, [News("request", "deleted")], **gone),
    )


def renew(job: Job, destruction: datetime) -> None:
    """Set when a job's files are removed, earlier or later, up to the service's longest time.

    A time that has passed means now.

    Raises
    ------
    ConflictError
        They have been removed.
    """
    wanted = terms.whole(destruction)
    moment = min(max(wanted, now()), terms.latest_destruction())
    news = News("request", "destruction", {"destruction": moment.isoformat()})
    there = _THERE & ~Q(phase=Phase.ARCHIVED.value)
    _settle(job, "be kept", lambda: change(there, job.pk, [news], destruction=moment))


def set_duration(job: Job, seconds: int) -> None:
    """Set how long a job may run; 0 is the longest that the service allows.

    Raises
    ------
    ParameterError
        That is no time.
    ConflictError
        It has ended.
    """
    faults: list[Fault] = []
    seconds = terms.duration(seconds, faults)
    _refuse(faults)
    news = News("request", "execution_duration", {"execution_duration": seconds})
    _settle(
        job,
        "be given another duration",
        lambda: change(_THERE & _ACTIVE, job.pk, [news], execution_duration=seconds),
    )


def set_label(job: Job, text: str) -> None:
    """Set the owner's own words for a job that is PENDING.

    Raises
    ------
    ParameterError
        They are too long, or no plain text.
    ConflictError
        It is in another phase.
    """
    faults: list[Fault] = []
    text = terms.label(text, faults)
    _refuse(faults)
    pending = _THERE & Q(phase=Phase.PENDING.value)
    news = News("request", "label", {"label": text})
    _settle(job, "be given another label", lambda: change(pending, job.pk, [news], label=text))


def set_parameters(job: Job, changed: Mapping[str, Any]) -> None:
    """Change parameters of a job that is PENDING; those that are not named stay.

    Raises
    ------
    ParameterError
        With all faults; nothing is changed then.
    ConflictError
        It is in another phase.
    """
    pending = _THERE & Q(phase=Phase.PENDING.value)
    faults: list[Fault] = []
    with transaction.atomic():
        # Held until the end, so that of two changes at once neither undoes the other.
        locked = Job.objects.select_for_update().filter(pending, pk=job.pk).first()
        if locked is None:
            _conflict(job, "be given other parameters")
        owner = None if job.owner_id is None else job.owner
        given = {**locked.parameters, **changed}
        version, parameters, uploads = checked_parameters(owner, job.application, given, faults)
        _refuse(faults)
        keep_uploads(uploads)
        news = News("request", "parameters", {"changed": sorted(changed)})
        change(pending, job.pk, [news], parameters=parameters, application_version=version)


def want_mail(job: Job, to: str, on: str = "end") -> None:
    """Set who gets mail about a job's end, also while it runs; nobody where both are empty.

    Raises
    ------
    ParameterError
        That is no address, or no occasion.
    ConflictError
        It has ended.
    """
    faults: list[Fault] = []
    owner = None if job.owner_id is None else job.owner
    mail_to, mail_on = terms.mail(owner, to, on, faults)
    _refuse(faults)
    news = News("request", "mail", {"mail_on": mail_on})
    _settle(
        job,
        "be given addresses",
        lambda: change(_THERE & _ACTIVE, job.pk, [news], mail_to=mail_to, mail_on=mail_on),
    )


def rerun(
    user: User | None,
    job: Job,
    changed: Mapping[str, Any] | None = None,
    *,
    fresh: bool = False,
    run: bool = True,
    idempotency_key: str | None = None,
) -> Job:
    """A new job of `user` with a job's parameters, some of them changed.

    Raises
    ------
    ParameterError
        With all faults, as `submit`.
    """
    wish = Submission(
        application=job.application,
        parameters={**job.parameters, **(changed or {})},
        run=run,
        label=job.label,
        lane=job.lane,
        execution_duration=job.execution_duration,
        memory_bytes=job.memory_bytes,
        rerun_of=job.pk,
        fresh=fresh,
        idempotency_key=idempotency_key,
    )
    return submit(user, wish)


def _ask(
    job: Job, stop: Stop, reason: str, *, over: tuple[str, ...] | None, **changes: Any
) -> bool:
    """Ask the driver to stop; a graver wish takes the place of a lighter one."""
    where = _THERE & _EXECUTING & (Q() if over is None else Q(stop__in=over))
    news = News("request", reason or f"asked to stop: {stop.label.lower()}", {"stop": stop.value})
    return change(where, job.pk, [news], stop=stop.value, stop_reason=reason[:200], **changes)


def _settle(job: Job, wish: str, *tries: Callable[[], bool]) -> None:
    """Do the first of `tries` that can be done.

    The job may move on between two of them, as from EXECUTING to QUEUED, so that none of them
    finds it: they are tried again as long as it does.
    """
    seen = None
    for _ in range(_TRIES):
        with transaction.atomic():
            if any(attempt() for attempt in tries):
                nudge()
                return
        now_in = Job.objects.filter(_THERE, pk=job.pk).values_list("phase", "events").first()
        if now_in is None or now_in == seen:
            break
        seen = now_in
    _conflict(job, wish)


def _is(job: Job, where: Q) -> bool:
    return Job.objects.filter(where & _THERE, pk=job.pk).exists()


def _conflict(job: Job, wish: str) -> NoReturn:
    found = Job.objects.filter(_THERE, pk=job.pk).values_list("phase", "stop").first()
    if found is None:
        raise MissingError(f"job: there is none with the id {job.pk}")
    phase, stop = found
    told = f", and asked to stop ({stop})" if stop else ""
    raise ConflictError(f"phase: must be one in which a job can {wish}, is {phase}{told}")


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise ParameterError(faults)
