"""Links by which an owner lets others see a job."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from hven.jobs.clock import now
from hven.jobs.models import Job


class Share(models.Model):
    """Who has the link may see the job and its results, and change nothing, until it ends."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="shares")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shares"
    )
    #: For whom, in the owner's words.
    note = models.CharField(max_length=100, blank=True)
    created = models.DateTimeField(default=now)
    expires = models.DateTimeField()

    class Meta:
        app_label = "portal"
        indexes = [models.Index(fields=["job", "expires"], name="shares_of_job")]

    def __str__(self) -> str:
        return f"{self.job_id} until {self.expires}"
