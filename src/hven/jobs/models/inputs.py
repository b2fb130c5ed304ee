"""What jobs work on: files of users, and collections that administrators offer."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from hven.jobs.clock import now
from hven.jobs.identifiers import new_id


class Upload(models.Model):
    """A file that a user sent. Its content lies under its id; its name is only a fact about it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="uploads"
    )
    #: As the user called it.
    name = models.CharField(max_length=255)
    #: How large it is to become; None while that is not known.
    size = models.BigIntegerField(null=True)
    #: How much has come and is safely on disk.
    received = models.BigIntegerField(default=0)
    #: Digest of the whole content; empty until it is complete.
    sha256 = models.CharField(max_length=64, blank=True)
    #: What the client says the digest is; empty when it says nothing.
    promised_sha256 = models.CharField(max_length=64, blank=True)
    created = models.DateTimeField(default=now)
    #: When all of it had come; None before.
    completed = models.DateTimeField(null=True)
    #: When it is removed, unless a job that has not ended uses it.
    expires = models.DateTimeField()

    class Meta:
        app_label = "jobs"
        indexes = [models.Index(fields=["owner", "-created"], name="newest_uploads")]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


class Fetch(models.Model):
    """Where an upload was fetched from, for the user who owns it."""

    upload = models.OneToOneField(
        Upload, on_delete=models.CASCADE, primary_key=True, related_name="fetch"
    )
    #: As the user gave it, without the digest behind `#`.
    url = models.CharField(max_length=2000)
    #: Where redirects led.
    found_at = models.CharField(max_length=2000)
    #: What the server said of this version of it; empty where it says nothing.
    etag = models.CharField(max_length=500, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    begun = models.DateTimeField(default=now)

    class Meta:
        app_label = "jobs"
        indexes = [models.Index(fields=["url"], name="fetched_from")]

    def __str__(self) -> str:
        return f"{self.url} ({self.upload_id})"


class Dataset(models.Model):
    """A folder of files on the server that users may take as inputs."""

    name = models.SlugField(max_length=64, unique=True)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    #: Where the files lie on the server.
    folder = models.CharField(max_length=500)
    enabled = models.BooleanField(default=True)
    #: Whether everybody may use it; else members of the groups.
    public = models.BooleanField(default=True)
    groups = models.ManyToManyField(Group, blank=True)
    created = models.DateTimeField(default=now)

    class Meta:
        app_label = "jobs"

    def __str__(self) -> str:
        return self.name
