"""Schedules: jobs that are submitted by themselves."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from hven.jobs.clock import now
from hven.jobs.identifiers import new_id
from hven.jobs.models.job import Job, Lane


class Schedule(models.Model):
    """A request that is submitted at a time, or again and again."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="schedules"
    )
    application = models.CharField(max_length=64)
    parameters = models.JSONField(default=dict)
    label = models.CharField(max_length=64, blank=True)
    lane = models.SmallIntegerField(choices=Lane.choices, default=Lane.BATCH)
    #: When the next job is submitted. Times that passed while nothing ran are made up for once.
    next_time = models.DateTimeField()
    #: Seconds from one to the next; 0 is once only.
    every_seconds = models.IntegerField(default=0)
    until = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    #: Why the last submission was refused; empty when it was not.
    fault = models.TextField(blank=True)
    last_job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True)
    created = models.DateTimeField(default=now)

    class Meta:
        app_label = "jobs"
        indexes = [models.Index(fields=["next_time"], name="next_schedule")]

    def __str__(self) -> str:
        return f"{self.application} at {self.next_time}"
