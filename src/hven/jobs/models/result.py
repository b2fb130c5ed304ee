"""Results, and the kept products that jobs stand on."""

from __future__ import annotations

from django.db import models

from hven.jobs.clock import now
from hven.jobs.models.job import Job


class Result(models.Model):
    """A file that a job gives. It lies in the job's folder."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="results")
    attempt = models.IntegerField()
    #: As clients name it: the output's field, with a number where there are several.
    name = models.CharField(max_length=120)
    #: Relative to the folder of all jobs.
    file = models.CharField(max_length=500)
    help = models.CharField(max_length=500, blank=True)
    media_type = models.CharField(max_length=120, default="application/octet-stream")
    bytes = models.BigIntegerField()
    #: Empty while the job still runs.
    sha256 = models.CharField(max_length=64, blank=True)
    #: `main`, `product`, `preview`, `log`, `provenance`.
    role = models.CharField(max_length=10, default="product")
    #: Whether the job has completed with it; else it is intermediate, or left of a job that ended.
    final = models.BooleanField(default=False)
    created = models.DateTimeField(default=now)
    order = models.SmallIntegerField(default=0)

    class Meta:
        app_label = "jobs"
        constraints = [
            models.UniqueConstraint(fields=["job", "name"], name="one_result_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} {self.name}"


class ProductUse(models.Model):
    """That a job stands on a kept product: the store keeps it as long as there is such a row."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="products")
    #: The product's key in the store.
    key = models.CharField(max_length=64)
    #: Whether this job made it; else it was kept already.
    made = models.BooleanField()

    class Meta:
        app_label = "jobs"
        constraints = [
            models.UniqueConstraint(fields=["key", "job"], name="one_use_a_product"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} {self.key[:12]}"
