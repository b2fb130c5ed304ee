"""Mails about jobs."""

from __future__ import annotations

from django.db import models

from hven.jobs.clock import now
from hven.jobs.models.job import Job


class Notification(models.Model):
    """A mail about one event to one address."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="notifications")
    event = models.IntegerField()
    address = models.CharField(max_length=254)
    #: `waiting`, `sending`, `sent` or `failed`. One that is `sending` is never sent again: whether
    #: it went out is not known, and nobody gets the same mail twice.
    state = models.CharField(max_length=8, default="waiting")
    tries = models.IntegerField(default=0)
    not_before = models.DateTimeField(default=now)
    error = models.TextField(blank=True)

    class Meta:
        app_label = "jobs"
        constraints = [
            models.UniqueConstraint(fields=["job", "event", "address"], name="one_mail_an_event"),
        ]
        indexes = [models.Index(fields=["state", "not_before"], name="mails_to_send")]

    def __str__(self) -> str:
        return f"{self.job_id} {self.event} to {self.address}"
