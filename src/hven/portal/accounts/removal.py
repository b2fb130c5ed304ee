"""Leaving: everything of an account is removed, running jobs are stopped first.

What must stay is a row with a number, to which rows of jobs that are gone belong.
"""

from __future__ import annotations

import contextlib

from django.db import transaction

from hven.errors import ConflictError, MissingError
from hven.jobs import control, uploads
from hven.jobs.models import Job, Schedule, Upload, User
from hven.portal.accounts.export import own_tables

#: What of a job could tell whose it was.
_FORGOTTEN = {"label": "", "mail_to": "", "mail_on": "", "idempotency_key": None}


def remove(user: User) -> None:
    """Stop and delete all that somebody has, then forget who it was.

    It may be done again where it was interrupted. Nobody can log in meanwhile.

    Parameters
    ----------
    user
        Whose password was asked for just now, by whoever calls this.
    """
    user.is_active = False
    user.save(update_fields=["is_active"])
    # Before the jobs: a schedule would submit more of them.
    Schedule.objects.filter(owner=user).delete()
    for job in Job.objects.filter(owner=user, deleted=None).only("pk").iterator():
        with contextlib.suppress(MissingError):
            control.delete(job)
    for upload in Upload.objects.filter(owner=user):
        # The keeper removes it where a job still reads it that is about to stop.
        with contextlib.suppress(ConflictError, MissingError):
            uploads.remove(upload)
    with transaction.atomic():
        _forget(user)


def _forget(user: User) -> None:
    for model, name in own_tables():
        if model is Upload:
            continue
        model._default_manager.filter(**{name: user}).delete()
    Job.objects.filter(owner=user).update(**_FORGOTTEN)
    user.username, user.email = f"removed-{user.pk}", ""
    user.first_name = user.last_name = ""
    user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    user.groups.clear()
    user.user_permissions.clear()
    user.save()
