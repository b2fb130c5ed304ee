"""Jobs, uploads, schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hven.errors import HvenError
from hven.jobs import administration, control, uploads
from hven.jobs.clock import now
from hven.jobs.models import Job, Schedule, Upload


class Looking(admin.ModelAdmin):  # type: ignore[type-arg]
    """A table that is looked at, and changed by actions only."""

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Nobody adds a row by hand."""
        del request
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Actions remove; a row that only vanished would leave its files."""
        del request, obj
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """All columns."""
        del request, obj
        return [field.name for field in self.model._meta.fields]


def each(request: HttpRequest, found: Any, done: str, work: Callable[[Any], object]) -> None:
    """Do something to each row, and tell what came of it."""
    count = 0
    for row in found:
        try:
            work(row)
            count += 1
        except HvenError as error:
            messages.error(request, f"{row.pk}: {error}")
    if count:
        messages.success(request, f"{count} {done}")


@admin.register(Job)
class JobAdmin(Looking):
    """Jobs of everybody."""

    list_display = ("short", "owner", "application", "label", "phase", "created", "done", "node")
    list_filter = ("phase", "application", "lane", "created")
    search_fields = ("id", "label", "owner__username", "error_message")
    list_select_related = ("owner",)
    show_full_result_count = False
    date_hierarchy = "created"
    ordering = ("-created", "-id")
    actions = ("cancel", "requeue", "expire")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Those that have not been removed."""
        return super().get_queryset(request).filter(deleted=None)

    @admin.display(description=gettext_lazy("job"))
    def short(self, job: Job) -> str:
        """The end of its id, which differs most."""
        return str(job.pk)[-12:]

    @admin.display(description=gettext_lazy("steps"))
    def done(self, job: Job) -> str:
        """How far it is."""
        return f"{job.steps_done}/{job.steps_total}" if job.steps_total else ""

    @admin.action(description=gettext_lazy("Cancel"), permissions=["change"])
    def cancel(self, request: HttpRequest, found: Any) -> None:
        """Stop them for good; the results they have are kept."""
        reason = f"cancelled by the administrator {request.user.get_username()}"
        each(request, found, _("jobs cancelled"), lambda job: control.abort(job, reason))

    @admin.action(description=gettext_lazy("Queue again"), permissions=["change"])
    def requeue(self, request: HttpRequest, found: Any) -> None:
        """Have them make room; finished steps are kept."""
        each(request, found, _("jobs queued again"), administration.requeue)

    @admin.action(
        description=gettext_lazy("Expire: remove their files now"), permissions=["change"]
    )
    def expire(self, request: HttpRequest, found: Any) -> None:
        """Have their time be over: the keeper removes their files."""
        each(request, found, _("jobs expired"), lambda job: control.renew(job, now()))


@admin.register(Upload)
class UploadAdmin(Looking):
    """Files that users have sent."""

    list_display = ("name", "owner", "size", "received", "created", "completed", "expires")
    list_filter = ("created", "completed")
    search_fields = ("id", "name", "owner__username", "sha256")
    list_select_related = ("owner",)
    ordering = ("-created",)
    actions = ("remove",)

    @admin.action(description=gettext_lazy("Remove"), permissions=["change"])
    def remove(self, request: HttpRequest, found: Any) -> None:
        """Remove those that no job needs."""
        each(request, found, _("uploads removed"), uploads.remove)


@admin.register(Schedule)
class ScheduleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Jobs that are submitted by themselves."""

    list_display = ("application", "owner", "label", "next_time", "every_seconds", "enabled")
    list_filter = ("enabled", "application")
    search_fields = ("id", "label", "owner__username")
    list_select_related = ("owner",)
    ordering = ("next_time",)
    fields = ("owner", "application", "parameters", "label", "next_time", "every_seconds", "until",
              "enabled", "fault", "last_job")  # fmt: skip
    readonly_fields = ("owner", "application", "parameters", "label", "fault", "last_job")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Its owner makes one."""
        del request
        return False
