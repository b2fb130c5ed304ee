"""Presets: forms that users keep, filled, under names of their own."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from hven.jobs.clock import now


class Preset(models.Model):
    """Parameters of an application that a user keeps; nobody else sees them."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="presets"
    )
    application = models.CharField(max_length=64)
    name = models.CharField(max_length=80)
    #: As typed, by name; they need not be right or complete.
    parameters = models.JSONField(default=dict)
    created = models.DateTimeField(default=now)

    class Meta:
        app_label = "portal"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "application", "name"], name="one_preset_a_name"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.application}"
