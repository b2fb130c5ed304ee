"""Events: everything that happened to a job, in order."""

from __future__ import annotations

from django.db import models

from hven.jobs.clock import now
from hven.jobs.models.job import Job


class Event(models.Model):
    """One thing that happened. Rows are only ever added.

    The message log, the stream that clients follow, the audit trail and the outbox of mails are all
    read from here.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="event_rows")
    #: Counts up from 1 without a gap within the job; given out under the lock of the job's row, so
    #: who has seen n will never find anything new below it.
    sequence = models.IntegerField()
    attempt = models.IntegerField(default=0)
    time = models.DateTimeField(default=now)
    #: `phase`, `say`, `stage`, `output`, `retry`, `attempt`, `request`, `mail`.
    kind = models.CharField(max_length=12)
    #: For people.
    text = models.TextField(blank=True)
    #: For programs.
    data = models.JSONField(default=dict)

    class Meta:
        app_label = "jobs"
        constraints = [
            models.UniqueConstraint(fields=["job", "sequence"], name="one_event_a_number"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} {self.sequence} {self.kind} {self.text}"
