"""Taking jobs in: a request is found right and kept, or refused with all its faults."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest

from hven.errors import (
    ConflictError,
    DeclarationError,
    Fault,
    ForbiddenError,
    MissingError,
    ParameterError,
    UserError,
)
from hven.jobs import limits, references, terms
from hven.jobs.access import may_use, readable
from hven.jobs.applications import application
from hven.jobs.clock import now
from hven.jobs.configuration import configuration
from hven.jobs.crash_points import crash_point
from hven.jobs.identifiers import new_id
from hven.jobs.models import Job, Lane, Upload, User
from hven.jobs.phases import Move, Phase
from hven.jobs.transitions import News, write
from hven.jobs.wakeup import nudge

#: Bytes of all parameters as JSON.
MOST_PARAMETER_BYTES = 8 * 2**20
#: An upload that was used is kept at least so long from then on.
_UPLOAD_GRACE = timedelta(days=1)


@dataclass(frozen=True)
class Submission:
    """What a client asks for.

    Parameters
    ----------
    application
        Which one.
    parameters
        Its parameters by name, as texts, values or as JSON has them; files by reference.
    run
        Whether it is queued at once; else it is PENDING and can still be changed.
    label
        The client's own words for it.
    lane
        Which queue it waits in.
    destruction
        When its files are removed; None is the service's setting.
    execution_duration
        Seconds it may run; 0 is the longest possible; None is the service's setting.
    not_before
        Not to be begun earlier.
    mail_to, mail_on
        Who gets mail, separated by commas; at its `end`, or on `failure` alone.
    idempotency_key
        A request that is sent again with the same key makes no second job.
    rerun_of
        The job that it repeats.
    fresh
        Whether kept products are left aside.
    memory_bytes
        What all its processes may take at first; None is the service's setting.
    """

    application: str
    parameters: Mapping[str, Any]
    run: bool = True
    label: str = ""
    lane: int = Lane.INTERACTIVE
    destruction: datetime | None = None
    execution_duration: int | None = None
    not_before: datetime | None = None
    mail_to: str = ""
    mail_on: str = ""
    idempotency_key: str | None = None
    rerun_of: uuid.UUID | None = None
    fresh: bool = False
    memory_bytes: int | None = None


def submit(owner: User | None, wish: Submission, faults: Iterable[Fault] = ()) -> Job:
    """Take a job in; nothing is left behind when it is refused.

    Parameters
    ----------
    owner
        Whose job it is to be; None is anonymous.
    wish
        What is asked for.
    faults
        What the caller has found wrong already, to be told with all the rest.

    Returns
    -------
    Job
        The new one, or the one that the same request with the same key has made before.

    Raises
    ------
    ParameterError
        With all faults.
    ConflictError
        Another request was made with the same key.
    UnavailableError
        The service takes no jobs now.
    QuotaError
        The owner has as much as one may have.
    ForbiddenError
        Jobs cannot be run here without an account.
    """
    if owner is None and not configuration().anonymous:
        raise ForbiddenError("account: must be given, jobs cannot be run here without one")
    wrong = list(faults)
    key = terms.key(wish.idempotency_key, wrong)
    if key is not None and not wrong:
        known = _earlier(owner, wish)
        if known is not None:
            return known
    limits.require_open()
    limits.require_byte_quota(owner)
    draft, uploads = _draft(owner, wish, wrong)
    if wrong:
        raise ParameterError(wrong)
    try:
        _insert(owner, draft, uploads)
    except IntegrityError:
        # Another request with the same key came first by a moment.
        known = _earlier(owner, wish)
        if known is None:
            raise
        return known
    crash_point("submit.after_commit")
    return draft


def checked_parameters(
    owner: User | None, name: str, given: Mapping[str, Any], faults: list[Fault]
) -> tuple[int, dict[str, Any], set[uuid.UUID]]:
    """An application's version, its parameters as JSON, and the uploads among them.

    Parameters
    ----------
    owner
        Who must be allowed to have the files.
    name
        The application.
    given
        Parameters as texts, values, or JSON.
    faults
        Gets all that is wrong.
    """
    if any(fault.name == "application" for fault in faults):
        return 0, {}, set()
    try:
        made = application(name)
    except ParameterError as error:
        faults.extend(error.faults)
        return 0, {}, set()
    except DeclarationError as error:
        faults.append(Fault("application", f"must be one that works, {error}"))
        return 0, {}, set()
    if not may_use(owner, name):
        faults.append(Fault("application", f"must be one that the token is for, got '{name}'"))
        return made.version, {}, set()
    checked = references.check(owner, made, given)
    faults.extend(checked.faults)
    try:
        parameters = made.to_json(made.parse(checked.parameters))
    except ParameterError as error:
        faults.extend(error.faults)
        return made.version, {}, checked.uploads
    faults.extend(_unstorable(parameters))
    return made.version, parameters, checked.uploads


def keep_uploads(uploads: set[uuid.UUID]) -> None:
    """See that uploads are there, and stay for a while; within the transaction that uses them.

    Whoever removes what has expired does so by a conditional statement as well: either the upload
    is removed first, and this refuses, or it does not expire any more.

    Raises
    ------
    ParameterError
        One was removed in this moment.
    """
    if not uploads:
        return
    kept = Upload.objects.filter(pk__in=uploads).exclude(completed=None)
    if kept.update(expires=Greatest(F("expires"), Value(now() + _UPLOAD_GRACE))) < len(uploads):
        raise ParameterError([Fault("upload", "must be there still, one was removed just now")])


def _draft(owner: User | None, wish: Submission, faults: list[Fault]) -> tuple[Job, set[uuid.UUID]]:
    """The job as it is to be kept, and what it uses; all that is wrong goes to `faults`."""
    given = wish.parameters if isinstance(wish.parameters, Mapping) else {}
    version, parameters, uploads = checked_parameters(owner, wish.application, given, faults)
    destruction = terms.destruction(wish.destruction, faults)
    mail_to, mail_on = terms.mail(owner, wish.mail_to, wish.mail_on, faults)
    moment = now()
    job = Job(
        id=new_id() if wish.idempotency_key is None else _identifier(owner, wish.idempotency_key),
        owner=owner,
        application=wish.application,
        application_version=version,
        label=terms.label(wish.label, faults),
        lane=terms.lane(owner, wish.lane, faults),
        parameters=parameters,
        phase=(Phase.QUEUED if wish.run else Phase.PENDING).value,
        created=moment,
        queued=moment if wish.run else None,
        destruction=destruction,
        execution_duration=terms.duration(wish.execution_duration, faults),
        not_before=terms.not_before(wish.not_before, destruction, faults),
        memory_bytes=terms.memory(wish.memory_bytes, faults),
        idempotency_key=wish.idempotency_key,
        request_digest="" if wish.idempotency_key is None else _digest(wish),
        rerun_of_id=_repeated(owner, wish.rerun_of, faults),
        fresh=wish.fresh,
        mail_to=mail_to,
        mail_on=mail_on,
    )
    return job, uploads


def _insert(owner: User | None, job: Job, uploads: set[uuid.UUID]) -> None:
    news = [News("phase", "created", {"phase": Phase.PENDING.value, "move": "create"})]
    if job.phase == Phase.QUEUED:
        news.append(News("phase", "", {"phase": Phase.QUEUED.value, "move": Move.RUN.value}))
    job.events = len(news)
    with transaction.atomic():
        limits.require_job_quota(owner)
        keep_uploads(uploads)
        job.save(force_insert=True)
        write(job.pk, 0, 0, news)
        crash_point("submit.before_commit")
        nudge()


def _earlier(owner: User | None, wish: Submission) -> Job | None:
    """The job that was made with the same key before."""
    key = wish.idempotency_key
    if key is None:
        return None
    same = {"pk": _identifier(None, key)} if owner is None else {"idempotency_key": key}
    found = Job.objects.filter(owner=owner, **same).first()
    if found is not None and found.request_digest != _digest(wish):
        raise ConflictError(
            "idempotency_key: must be another one, this one was used with another request"
        )
    return found


def _identifier(owner: User | None, key: str) -> uuid.UUID:
    """The identifier of a job with a key.

    Without an account a key is unique by the job's identifier, which follows from it and cannot be
    guessed without the service's secret.
    """
    if owner is not None:
        return new_id()
    text = key.encode(errors="surrogatepass")
    digest = hmac.new(settings.SECRET_KEY.encode(), b"anonymous job " + text, hashlib.sha256)
    # Version 8 (RFC 9562) is for identifiers of one's own making.
    bits = int.from_bytes(digest.digest()[:16])
    return uuid.UUID(int=bits & ~(0xF << 76 | 0b11 << 62) | 0x8 << 76 | 0b10 << 62)


def _digest(wish: Submission) -> str:
    """What tells a request from another: everything that was asked."""
    asked = replace(wish, idempotency_key=None, parameters=dict(wish.parameters))
    text = json.dumps(vars(asked), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _repeated(owner: User | None, job: uuid.UUID | None, faults: list[Fault]) -> uuid.UUID | None:
    if job is None:
        return None
    try:
        return readable(owner, job).pk
    except (MissingError, ForbiddenError) as error:
        faults.append(Fault("rerun_of", _sentence(error)))
        return None


def _sentence(error: UserError) -> str:
    return f"must be a job of yours; {str(error).partition(': ')[2]}"


def _unstorable(parameters: Mapping[str, Any]) -> list[Fault]:
    """What a database cannot keep: halves of characters, zero bytes, too much of it."""
    faults = []
    for name, value in parameters.items():
        text = json.dumps(value, ensure_ascii=False)
        try:
            text.encode()
        except UnicodeEncodeError:
            faults.append(Fault(name, "must be text in Unicode, got half a character"))
    size = len(json.dumps(parameters))
    if size > MOST_PARAMETER_BYTES:
        told = f"must be at most {MOST_PARAMETER_BYTES} bytes as JSON, got {size}"
        faults.append(Fault("parameters", told))
    return faults
