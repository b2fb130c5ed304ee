"""Words by which an owner groups jobs."""

from __future__ import annotations

from django.db import models

from hven.jobs.models import Job


class Tag(models.Model):
    """A word that the owner of a job put on it."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=40)

    class Meta:
        app_label = "portal"
        constraints = [models.UniqueConstraint(fields=["name", "job"], name="one_tag_a_job")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
