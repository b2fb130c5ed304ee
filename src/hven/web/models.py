"""The table of tokens."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from hven.jobs.clock import now
from hven.web.scopes import EVERY, written


class ApiToken(models.Model):
    """What a program shows instead of a password. Only its digest is kept."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens"
    )
    #: What its owner calls it.
    name = models.CharField(max_length=100)
    #: SHA-256 of the token. It has 256 random bits: a slow digest would protect nothing more.
    digest = models.CharField(max_length=64, unique=True)
    #: Its first characters, so that its owner can tell it from others.
    start = models.CharField(max_length=12)
    #: What it is for: names of scopes, see `scopes`. Those made before there were any are for all.
    scopes = models.CharField(max_length=100, default=written(EVERY))
    #: Names of the applications whose jobs it is for; an empty list is all of them.
    applications = models.JSONField(default=list)
    created = models.DateTimeField(default=now)
    #: When it stops being of use; None is never.
    expires = models.DateTimeField(null=True)
    #: To the minute.
    last_used = models.DateTimeField(null=True)

    class Meta:  # noqa: D106
        app_label = "web"

    def __str__(self) -> str:
        return f"{self.name} of {self.owner_id}"
