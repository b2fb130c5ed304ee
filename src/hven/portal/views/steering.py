"""What an owner does with a job on its page: run, stop, keep, name, share, remove."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from hven.errors import ConflictError, Fault, ParameterError, UserError
from hven.jobs import access, control, terms
from hven.jobs.clock import now
from hven.jobs.models import Job
from hven.portal import sharing, tags
from hven.portal.asking import asker, own

#: Days for which a link is valid unless said otherwise.
_DAYS = 14


@own
@require_POST
def steer(request: HttpRequest, job: uuid.UUID, action: str) -> HttpResponse:
    """Do one thing with a job, and go back to its page; say why where it cannot be done."""
    found = access.readable(asker(request), job)
    if action not in _ACTIONS:
        raise Http404(f"action: must be one of {', '.join(_ACTIONS)}, got '{action}'")
    try:
        answer = _ACTIONS[action](request, found)
    except (UserError, ConflictError) as error:
        messages.error(request, str(error))
        answer = None
    return answer or redirect("portal:job", found.pk)


def _run(request: HttpRequest, job: Job) -> None:
    control.run(job)
    messages.success(request, _("The job is queued."))


def _cancel(request: HttpRequest, job: Job) -> None:
    control.abort(job)
    messages.success(request, _("The job is being cancelled; what it has given so far is kept."))


def _hold(request: HttpRequest, job: Job) -> None:
    control.hold(job)
    messages.success(request, _("The job is held; it keeps its finished steps."))


def _release(request: HttpRequest, job: Job) -> None:
    control.release(job)
    messages.success(request, _("The job goes on."))


def _remove(request: HttpRequest, job: Job) -> HttpResponse:
    control.delete(job)
    messages.success(request, _("The job is removed."))
    return redirect("portal:jobs")


def _again(request: HttpRequest, job: Job) -> HttpResponse:
    made = control.rerun(asker(request), job)
    messages.success(request, _("The same request runs again."))
    return redirect("portal:job", made.pk)


def _renew(request: HttpRequest, job: Job) -> None:
    control.renew(job, _day(request, "until"))
    messages.success(request, _("The results are kept until the new date."))


def _mail(request: HttpRequest, job: Job) -> None:
    user = asker(request)
    wanted = request.POST.get("mail") == "on" and user is not None
    control.want_mail(job, user.email if wanted and user else "", "end" if wanted else "")
    told = _("You get mail at its end.") if wanted else _("You get no mail at its end.")
    messages.success(request, told)


def _name(request: HttpRequest, job: Job) -> None:
    faults: list[Fault] = []
    label = terms.label(request.POST.get("label", ""), faults)
    if faults:
        raise ParameterError(faults)
    tags.set_tags(job, request.POST.get("tags", ""))
    Job.objects.filter(pk=job.pk).update(label=label)
    messages.success(request, _("The name and the tags are kept."))


def _share(request: HttpRequest, job: Job) -> None:
    user = asker(request)
    assert user is not None  # `own` sees to it.
    until = _day(request, "until") if request.POST.get("until") else now() + timedelta(days=_DAYS)
    sharing.share(user, job, until, request.POST.get("note", "").strip())
    messages.success(request, _("The link is made; whoever has it can see the job."))


def _unshare(request: HttpRequest, job: Job) -> None:
    sharing.end(job, access.identifier(request.POST.get("link", "")))
    messages.success(request, _("The link leads nowhere any more."))


def _day(request: HttpRequest, name: str) -> datetime:
    """The end of the day that a form gives.

    Raises
    ------
    ParameterError
        It is no day.
    """
    text = request.POST.get(name, "")
    try:
        day = datetime.strptime(text, "%Y-%m-%d")
    except ValueError as error:
        told = f"must be a day as 2027-01-31, got '{text[:40]}'"
        raise ParameterError([Fault(name, told)]) from error
    return day.replace(hour=23, minute=59, second=59, tzinfo=UTC)


_ACTIONS: dict[str, Callable[[HttpRequest, Job], HttpResponse | None]] = {
    "run": _run,
    "cancel": _cancel,
    "hold": _hold,
    "release": _release,
    "remove": _remove,
    "again": _again,
    "renew": _renew,
    "mail": _mail,
    "name": _name,
    "share": _share,
    "unshare": _unshare,
}
