"""What the administration has beside tables: usage at a glance, applications on and off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Avg, Count, F, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from hven.jobs import administration, applications, limits
from hven.jobs.clock import now
from hven.jobs.models import Job, Upload, User
from hven.jobs.phases import ACTIVE, Phase
from hven.portal.views import status

_ACTIVE = [phase.value for phase in ACTIVE]
_MOST_USERS = 20


@require_safe
def usage(request: HttpRequest) -> HttpResponse:
    """How much the service is used, by whom and for what."""
    moment = now()
    content = {
        **admin.site.each_context(request),
        "title": _("Usage"),
        "periods": [_period(moment, days) for days in (1, 7, 30)],
        "phases": Job.objects.filter(deleted=None).order_by("phase").values_list("phase")
        .annotate(count=Count("pk")),
        "users": _users(),
        "applications": _applications(moment - timedelta(days=30)),
        "accounts": User.objects.filter(is_active=True).count(),
        "result_bytes": _sum(Job.objects.filter(archived=None, deleted=None), "result_bytes"),
        "upload_bytes": _sum(Upload.objects.all(), "received"),
        "free_bytes": limits.free_bytes(),
    }  # fmt: skip
    return render(request, "admin/usage.html", content)


@require_http_methods(["GET", "HEAD", "POST"])
def switches(request: HttpRequest) -> HttpResponse:
    """Switch applications on and off, and the whole service."""
    if not request.user.is_superuser:
        raise PermissionDenied
    if request.method == "POST":
        _switch(request)
        return redirect("admin:switches")
    content = {
        **admin.site.each_context(request),
        "title": _("Applications"),
        "rows": status.applications_with_state(),
        "drained": limits.drained(),
    }
    return render(request, "admin/switches.html", content)


def _switch(request: HttpRequest) -> None:
    wanted, reason = request.POST.get("switch", ""), request.POST.get("reason", "").strip()
    name = request.POST.get("application", "")
    known = {made.name for made in applications.installed()}
    if wanted == "drain":
        administration.drain(reason)
        messages.success(request, _("The service takes no jobs now."))
    elif wanted == "resume":
        administration.resume()
        messages.success(request, _("The service takes jobs again."))
    elif name in known and wanted == "off":
        applications.switch_off(name, reason)
        messages.success(request, _("%(name)s is switched off.") % {"name": name})
    elif name in known and wanted == "on":
        applications.switch_on(name)
        messages.success(request, _("%(name)s is switched on.") % {"name": name})


def _period(moment: Any, days: int) -> dict[str, Any]:
    jobs = Job.objects.filter(created__gte=moment - timedelta(days=days))
    counted = jobs.aggregate(
        all=Count("pk"),
        completed=Count("pk", filter=Q(phase=Phase.COMPLETED.value)),
        failed=Count("pk", filter=Q(phase=Phase.ERROR.value)),
        users=Count("owner", distinct=True),
    )
    return {"days": days, **counted}


def _users() -> Any:
    kept = Q(jobs__deleted=None, jobs__archived=None)
    return (
        User.objects.annotate(
            all_jobs=Count("jobs"),
            active_jobs=Count("jobs", filter=Q(jobs__phase__in=_ACTIVE, jobs__deleted=None)),
            kept_bytes=Sum("jobs__result_bytes", filter=kept, default=0),
        )
        .filter(all_jobs__gt=0)
        .order_by("-kept_bytes", "-all_jobs")[:_MOST_USERS]
    )


def _applications(since: Any) -> Any:
    return (
        Job.objects.filter(created__gte=since)
        .values("application")
        .annotate(
            count=Count("pk"),
            failed=Count("pk", filter=Q(phase=Phase.ERROR.value)),
            time=Avg(F("ended") - F("started"), filter=Q(phase=Phase.COMPLETED.value)),
        )
        .order_by("-count", "application")
    )


def _sum(found: Any, column: str) -> int:
    return int(found.aggregate(sum=Sum(column))["sum"] or 0)
