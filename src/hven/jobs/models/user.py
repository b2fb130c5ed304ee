"""Users."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """Somebody with an account. A model of our own, so that it can grow without a rebuild."""

    #: How many jobs that have not ended, and bytes of files, they may have. None is the service's
    #: setting, 0 is without limit.
    job_limit = models.PositiveIntegerField(null=True, blank=True)
    byte_limit = models.PositiveBigIntegerField(null=True, blank=True)

    #: What limits somebody who asks by a token, for this request alone; no columns.
    #: The applications whose jobs the token is for; None is all of them.
    only_applications: frozenset[str] | None = None
    #: Whether an administrator asks as one.
    as_administrator: bool = True

    class Meta(AbstractUser.Meta):
        app_label = "jobs"
