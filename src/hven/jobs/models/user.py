"""Users."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """Somebody with an account. A model of our own, so that it can grow without a rebuild."""

    #: What limits somebody who asks by a token, for this request alone; no columns.
    #: The applications whose jobs the token is for; None is all of them.
    only_applications: frozenset[str] | None = None
    #: Whether an administrator asks as one.
    as_administrator: bool = True

    class Meta(AbstractUser.Meta):
        app_label = "jobs"
