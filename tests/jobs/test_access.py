"""Who may see what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hven.errors import ForbiddenError, MissingError
from hven.jobs.access import is_administrator, listed, readable
from hven.jobs.clock import now
from hven.jobs.models import Job, User
from job_rows import make_job

pytestmark = pytest.mark.django_db


def test_a_job_is_its_owners_and_the_administrators(
    user: User, stranger: User, admin_user: User
) -> None:
    job = make_job(user)
    assert readable(user, job.pk) == job
    assert readable(user, str(job.pk)) == job
    assert readable(admin_user, job.pk) == job
    for other in (stranger, None):
        with pytest.raises(ForbiddenError):
            readable(other, job.pk)


#: An identifier that no job has.
STRANGE = "3f2b8c1e-7d4a-4c55-9e21-0a6f5d8b9c10"


@pytest.mark.parametrize("name", ["", "1", "../x", STRANGE, "\0", "é" * 36])
def test_a_job_that_there_is_not_is_missing(user: User, name: str) -> None:
    with pytest.raises(MissingError):
        readable(user, name)


def test_a_deleted_job_is_missing_for_everybody(user: User, admin_user: User) -> None:
    job = make_job(user, deleted=now())
    for asker in (user, admin_user):
        with pytest.raises(MissingError):
            readable(asker, job.pk)
    assert not listed(user).exists()


def test_a_job_without_an_owner_goes_by_its_id_where_that_is_allowed(
    user: User, settings: Any
) -> None:
    job = make_job(None)
    with pytest.raises(ForbiddenError):
        readable(None, job.pk)
    settings.HVEN = replace(settings.HVEN, anonymous=True)
    assert readable(None, job.pk) == job
    assert readable(user, job.pk) == job
    assert not listed(None).exists()
    assert not listed(user).exists()


def test_a_list_has_the_own_jobs_and_for_administrators_all(
    user: User, stranger: User, admin_user: User
) -> None:
    jobs = {make_job(owner).pk for owner in (user, stranger, admin_user, None)}
    assert {job.owner for job in listed(user)} == {user}
    assert {job.owner for job in listed(admin_user)} == {admin_user}
    assert set(listed(admin_user, everybody=True).values_list("pk", flat=True)) == jobs
    for asker in (user, None):
        with pytest.raises(ForbiddenError):
            listed(asker, everybody=True)


def test_a_disabled_administrator_is_none(admin_user: User) -> None:
    assert is_administrator(admin_user)
    admin_user.is_active = False
    assert not is_administrator(admin_user)
    assert not is_administrator(None)


def test_reading_a_job_is_one_query(user: User, django_assert_num_queries: Any) -> None:
    job = Job.objects.get(pk=make_job(user).pk)
    with django_assert_num_queries(1):
        assert readable(user, job.pk).owner == user
