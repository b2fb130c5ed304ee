"""The tables of access: tokens, invitations, preferences."""

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


class Invitation(models.Model):
    """That somebody may register. Only the digest of its link's secret is kept."""

    #: Whose; empty is anybody's who has the link.
    email = models.EmailField(blank=True)
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created = models.DateTimeField(default=now)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True)
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:  # noqa: D106
        app_label = "web"

    def __str__(self) -> str:
        return f"of {self.email or 'anybody'}"


class Preferences(models.Model):
    """How somebody wants pages and mails to be. Who has none has the defaults."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="preferences",
    )
    #: When jobs that say nothing else send mail: `end`, `failure` or empty for never.
    mail_on = models.CharField(max_length=7, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    #: Empty is that of the browser.
    language = models.CharField(max_length=10, blank=True)
    page_size = models.PositiveSmallIntegerField(default=25)
    #: `light`, `dark`, or empty for that of the system.
    theme = models.CharField(max_length=5, blank=True)

    class Meta:  # noqa: D106
        app_label = "web"

    def __str__(self) -> str:
        return f"of {self.user_id}"
