"""What the parts of the service know of each other."""

from __future__ import annotations

from django.db import models

from hven.jobs.clock import now


class Switch(models.Model):
    """Something that an administrator switched on for the whole service, such as `drain`."""

    name = models.CharField(max_length=80, primary_key=True)
    reason = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField(default=now)

    class Meta:
        app_label = "jobs"

    def __str__(self) -> str:
        return self.name


class Part(models.Model):
    """A running part of the service, such as a dispatcher."""

    #: Unique: kind, node and process.
    name = models.CharField(max_length=160, primary_key=True)
    kind = models.CharField(max_length=20)
    node = models.CharField(max_length=120)
    process = models.IntegerField()
    slots = models.IntegerField(default=0)
    started = models.DateTimeField(default=now)
    #: When it was last heard of.
    seen = models.DateTimeField(default=now)

    class Meta:
        app_label = "jobs"

    def __str__(self) -> str:
        return self.name
