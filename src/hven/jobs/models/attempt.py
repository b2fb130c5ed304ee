"""Attempts: each time a job was run."""

from __future__ import annotations

from django.db import models

from hven.jobs.clock import now
from hven.jobs.models.job import Job


class Cause(models.TextChoices):
    """Why an attempt gave no result. The first four are tried again."""

    #: A process or a machine died, or the database or the disk was away for too long.
    INFRASTRUCTURE = "infrastructure"
    #: It took more memory than it may; the next attempt may take twice as much.
    MEMORY = "memory"
    #: A step took longer than its limit, or the batch system ended it.
    WALL_TIME = "wall_time"
    #: The server of an input does not answer, or fails.
    SOURCE = "source"
    #: The request or its files are wrong.
    INPUT = "input"
    #: The application is at fault.
    CODE = "code"
    #: There is no space left.
    DISK = "disk"


class Outcome(models.TextChoices):
    """How an attempt ended."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    #: It was asked to stop: cancelled, held, made room.
    STOPPED = "stopped"
    #: Its driver was not heard of any more.
    LOST = "lost"


class Attempt(models.Model):
    """One time a job was run, by one driver."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts")
    number = models.IntegerField()
    worker = models.CharField(max_length=120)
    node = models.CharField(max_length=120)
    #: The driver's process: number, and start in clock ticks since boot, which tells it from a
    #: later process of the same number; meaningful on the boot of that id.
    process = models.IntegerField(default=0)
    process_start = models.BigIntegerField(default=0)
    boot = models.CharField(max_length=40, blank=True)
    started = models.DateTimeField(default=now)
    ended = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=9, choices=Outcome.choices, default=Outcome.RUNNING)
    cause = models.CharField(max_length=14, choices=Cause.choices, blank=True)
    message = models.TextField(blank=True)
    steps_done = models.IntegerField(default=0)
    steps_reused = models.IntegerField(default=0)
    #: Of all its processes: processor time, and most memory at one moment.
    cpu_seconds = models.FloatField(default=0.0)
    peak_bytes = models.BigIntegerField(default=0)

    class Meta:
        app_label = "jobs"
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="one_attempt_a_number"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} attempt {self.number} {self.outcome}"
