"""Jobs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from hven.jobs.clock import now
from hven.jobs.identifiers import new_id
from hven.jobs.phases import Phase


class Lane(models.IntegerChoices):
    """Which jobs go first: all of a lower number before any of a higher one."""

    REAL_TIME = 0, "real-time"
    INTERACTIVE = 1, "interactive"
    BATCH = 2, "batch"


class Stop(models.TextChoices):
    """Why a running job is asked to stop, which decides where it goes then."""

    #: By its owner or an administrator: ABORTED.
    ABORT = "abort"
    #: Set aside by its owner: HELD.
    HOLD = "hold"
    #: It ran longer than it may: ABORTED.
    DURATION = "duration"
    #: Deleted by its owner: ABORTED, then gone.
    DELETE = "delete"
    #: Its destruction date has passed: ABORTED, then archived.
    DESTROY = "destroy"
    #: It has to make room, by an administrator or because the service ends: QUEUED again.
    REQUEUE = "requeue"


class Job(models.Model):
    """One request to run an application, and what became of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    #: None: anonymous; who knows the id may read it. The indexes below begin with it: one of it
    #: alone would only mislead PostgreSQL as long as it knows nothing of the table.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="jobs",
        db_index=False,
    )
    application = models.CharField(max_length=64)
    application_version = models.IntegerField()
    #: The owner's own words for it, returned untouched; RUNID of UWS.
    label = models.CharField(max_length=64, blank=True)
    lane = models.SmallIntegerField(choices=Lane.choices, default=Lane.INTERACTIVE)
    #: As JSON, files by reference: `upload:ID`, `dataset:NAME/FILE`, `job:ID/RESULT`.
    parameters = models.JSONField(default=dict)
    phase = models.CharField(max_length=9, default=Phase.PENDING)

    created = models.DateTimeField(default=now)
    queued = models.DateTimeField(null=True)
    #: The beginning of the first attempt.
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    #: When its files are removed; it is archived then.
    destruction = models.DateTimeField()
    archived = models.DateTimeField(null=True)
    #: Removed by its owner: nobody sees it any more.
    deleted = models.DateTimeField(null=True)
    #: Seconds it may run, all attempts together; 0 is without limit.
    execution_duration = models.IntegerField(default=0)
    #: Not to be claimed earlier: a time that was asked for, or the pause before another attempt.
    not_before = models.DateTimeField(null=True)
    #: What it waits for, for people; empty when only for its turn.
    waits_for = models.CharField(max_length=200, blank=True)

    #: How many attempts have begun. Claims, heartbeats and publications carry it, and `worker`.
    attempt = models.IntegerField(default=0)
    #: Attempts in a row that were lost to the machine and finished no step.
    fruitless = models.IntegerField(default=0)
    #: Who has the lease: the driver.
    worker = models.CharField(max_length=120, blank=True)
    #: Where: the name of the node, whose slots it takes.
    node = models.CharField(max_length=120, blank=True)
    #: Until when, in seconds on the clock of that name; see `clock`.
    lease_until = models.FloatField(null=True)
    lease_clock = models.CharField(max_length=60, blank=True)
    #: A driver that sees this stops, and settles the job accordingly.
    stop = models.CharField(max_length=8, choices=Stop.choices, blank=True)
    stop_reason = models.CharField(max_length=200, blank=True)
    #: What all processes of an attempt may take together; None is the setting.
    memory_bytes = models.BigIntegerField(null=True)

    #: How far it is: one record a step, as the engine's `stage` events have it.
    stages = models.JSONField(default=list)
    steps_total = models.IntegerField(default=0)
    steps_done = models.IntegerField(default=0)
    steps_reused = models.IntegerField(default=0)
    #: How many reused steps came from which other job, by id.
    reused_from = models.JSONField(default=dict)

    #: The number of its newest event.
    events = models.IntegerField(default=0)
    #: `transient`: trying again may help. `fatal`: something has to be changed. Else empty.
    error_kind = models.CharField(max_length=9, blank=True)
    #: What kind of error, for programs: `input`, `resource.disk_full`, `app.code`.
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    #: The user's faults: a list of [name, text].
    error_faults = models.JSONField(default=list)

    #: Given by a client, so that a request that is sent twice makes one job.
    idempotency_key = models.CharField(max_length=255, null=True)
    #: What was asked with that key: the same key with another request is refused.
    request_digest = models.CharField(max_length=64, blank=True)
    rerun_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True)
    #: Whether kept products are left aside, so that everything is really done again.
    fresh = models.BooleanField(default=False)
    #: Who gets mail, separated by commas, and when: `end`, `failure` or empty for never.
    mail_to = models.CharField(max_length=500, blank=True)
    mail_on = models.CharField(max_length=7, blank=True)
    result_bytes = models.BigIntegerField(default=0)

    class Meta:
        app_label = "jobs"
        constraints = [
            models.UniqueConstraint(fields=["owner", "idempotency_key"], name="one_job_a_key"),
        ]
        indexes = [
            # Lists are in the order of these indexes to the last column, so that none is sorted.
            models.Index(
                fields=["owner", "-created", "-id"],
                name="newest_of_owner",
                condition=Q(deleted=None),
            ),
            models.Index(
                fields=["owner", "phase", "-created", "-id"],
                name="newest_in_phase",
                condition=Q(deleted=None),
            ),
            # Also which applications there are is read from it, without the table.
            models.Index(
                fields=["owner", "application", "-created", "-id"],
                name="newest_of_application",
                condition=Q(deleted=None),
            ),
            models.Index(fields=["-created", "-id"], name="newest", condition=Q(deleted=None)),
            # The order of claims, and all that places in the queue are counted from.
            models.Index(
                fields=["lane", "owner", "queued", "id", "not_before", "deleted", "phase"],
                name="queue",
                condition=Q(phase=Phase.QUEUED),
            ),
            models.Index(
                fields=["node", "lease_until"], name="running", condition=Q(phase=Phase.EXECUTING)
            ),
            models.Index(
                fields=["lane", "owner"],
                name="running_of_owner",
                condition=Q(phase=Phase.EXECUTING),
            ),
            models.Index(
                fields=["destruction"], name="to_destroy", condition=~Q(phase=Phase.ARCHIVED)
            ),
            models.Index(
                fields=["deleted"],
                name="to_free",
                condition=Q(deleted__isnull=False) & ~Q(phase=Phase.ARCHIVED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application} {self.id} {self.phase}"

    @property
    def error(self) -> dict[str, Any] | None:
        """The error as one record; None when there is none."""
        if not self.error_kind:
            return None
        return {
            "type": self.error_kind,
            "code": self.error_code,
            "message": self.error_message,
            "faults": self.error_faults,
        }
