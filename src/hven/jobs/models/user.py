"""Users."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """Somebody with an account. A model of our own, so that it can grow without a rebuild."""

    class Meta(AbstractUser.Meta):
        app_label = "jobs"
