"""How an attempt ends in the database: one transaction, which only the fence's holder makes."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q

from hven.jobs.clock import now
from hven.jobs.configuration import configuration, machine_memory
from hven.jobs.crash_points import crash_point
from hven.jobs.models import Attempt, Job, Outcome, Result, Stop
from hven.jobs.outcomes import Failed
from hven.jobs.phases import Move
from hven.jobs.retrying import Situation, decide
from hven.jobs.transitions import Fence, News, move
from hven.jobs.wakeup import nudge


class Account(NamedTuple):
    """What an attempt did and took."""

    steps_done: int = 0
    steps_reused: int = 0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    #: Columns of the job: how far it came.
    progress: Mapping[str, Any] = {}

    @property
    def made(self) -> int:
        """Steps that were really done."""
        return max(0, self.steps_done - self.steps_reused)


def complete(
    fence: Fence, files: Sequence[Mapping[str, Any]], account: Account, news: Sequence[News]
) -> bool:
    """Publish: the results, the end of the attempt and the phase appear together, or not at all.

    Parameters
    ----------
    fence
        The driver's.
    files
        The outputs with name, path in the attempt's folder, media type, role, bytes and digest.
    account
        What the attempt did.
    news
        Events that were not written yet.

    Returns
    -------
    bool
        False when the job is no longer this driver's.
    """
    size = sum(int(file["bytes"]) for file in files)
    with transaction.atomic():
        text = _reuse_words(account)
        # A wish to stop that came too late changes nothing: it is done.
        if not move(
            fence.job,
            Move.COMPLETE,
            text,
            where=fence.holds,
            more=news,
            data={"results": len(files), "bytes": size},
            lease_until=None,
            result_bytes=size,
            **account.progress,
        ):
            return False
        Result.objects.filter(job=fence.job).delete()
        Result.objects.bulk_create(results(fence, files, final=True))
        _end_attempt(fence, Outcome.COMPLETED, account)
        nudge()
        crash_point("publish.before_commit")
    crash_point("publish.after_commit")
    return True


def stop(
    fence: Fence,
    why: str,
    reason: str,
    account: Account,
    news: Sequence[News],
    *,
    where: Q | None = None,
) -> bool:
    """End an attempt that was asked to stop; where the job goes then depends on why."""
    made, changes = _after_stop(why, reason)
    with transaction.atomic():
        if not move(
            fence.job,
            made,
            reason or _STOP_WORDS[Stop(why)],
            where=fence.holds & where if where is not None else fence.holds,
            more=news,
            data={"stop": why},
            lease_until=None,
            stop="",
            stop_reason="",
            **account.progress,
            **changes,
        ):
            return False
        _end_attempt(fence, Outcome.STOPPED, account, message=reason)
        nudge()
    return True


def fail(
    fence: Fence,
    found: Failed,
    account: Account,
    news: Sequence[News] = (),
    *,
    outcome: Outcome = Outcome.FAILED,
    where: Q | None = None,
) -> bool:
    """End an attempt that gave no result: the job is tried again, or ends in ERROR."""
    holds = fence.holds & where if where is not None else fence.holds
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(holds).first()
        if job is None:
            return False
        decision = decide(_situation(job, found, account))
        event = News("attempt", found.message, {"cause": found.cause, "code": found.code})
        more = [*news, event]
        if decision.again:
            begin = now() + datetime.timedelta(seconds=decision.pause)
            words = f"tried again after {decision.pause:g} s: {found.message.splitlines()[0]}"
            moved = move(
                fence.job, Move.REQUEUE, words, where=holds, more=more, lease_until=None,
                not_before=begin, waits_for=words[:200], fruitless=decision.fruitless,
                memory_bytes=decision.memory_bytes or job.memory_bytes, **account.progress,
            )  # fmt: skip
        else:
            moved = move(
                fence.job, Move.FAIL, found.message.splitlines()[0], where=holds, more=more,
                lease_until=None, error_kind=found.kind, error_code=found.code,
                error_message=found.message, error_faults=found.faults, **account.progress,
            )  # fmt: skip
        if moved:
            _end_attempt(fence, outcome, account, found.message, found.cause)
            nudge()
    return moved


def results(fence: Fence, files: Iterable[Mapping[str, Any]], *, final: bool) -> list[Result]:
    """The rows of these files."""
    return [
        Result(
            job_id=fence.job,
            attempt=fence.attempt,
            name=file["name"],
            file=f"{fence.job}/attempt-{fence.attempt}/{file['path']}",
            help=file.get("help", ""),
            media_type=file.get("media_type") or "application/octet-stream",
            bytes=file["bytes"],
            sha256=file.get("sha256", ""),
            role=file.get("role", "product"),
            final=final,
            order=order,
        )
        for order, file in enumerate(files)
    ]


_STOP_WORDS = {
    Stop.ABORT: "Interrupted: cancelled; what was finished is kept",
    Stop.HOLD: "Interrupted: held; what was finished is kept",
    Stop.DURATION: "Interrupted: it ran as long as it may; what was finished is kept",
    Stop.DELETE: "Interrupted: deleted",
    Stop.DESTROY: "Interrupted: its destruction date has passed",
    Stop.REQUEUE: "Interrupted to make room; goes on where it was",
}


def _after_stop(why: str, reason: str) -> tuple[Move, dict[str, Any]]:
    if why == Stop.HOLD:
        return Move.SET_ASIDE, {"waits_for": reason or "held"}
    if why == Stop.REQUEUE:
        return Move.REQUEUE, {"waits_for": ""}
    changes: dict[str, Any] = {}
    if why == Stop.DURATION:
        changes = {
            "error_kind": "fatal",
            "error_code": "resource.duration",
            "error_message": reason or _STOP_WORDS[Stop.DURATION],
        }
    if why == Stop.DELETE:
        changes = {"deleted": now()}
    return Move.ABORT, changes


def _situation(job: Job, found: Failed, account: Account) -> Situation:
    settings, machine = configuration(), machine_memory()
    return Situation(
        found.cause,
        account.made,
        job.fruitless,
        job.memory_bytes or settings.first_memory,
        machine,
        settings.retries,
        settings.retry_seconds,
    )


def _end_attempt(
    fence: Fence, outcome: Outcome, account: Account, message: str = "", cause: str = ""
) -> None:
    Attempt.objects.filter(job=fence.job, number=fence.attempt).update(
        ended=now(),
        outcome=outcome,
        cause=cause,
        message=message,
        steps_done=account.steps_done,
        steps_reused=account.steps_reused,
        cpu_seconds=account.cpu_seconds,
        peak_bytes=account.peak_bytes,
    )


def _reuse_words(account: Account) -> str:
    if not account.steps_reused:
        return f"{account.steps_done} steps done"
    words = f"{account.steps_reused} of {account.steps_done} steps reused"
    sources = account.progress.get("reused_from") or {}
    others = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
    return f"{words}, from job {next(iter(sources))}{others}" if sources else words
