"""Every address is sent forms by everybody: nobody but the owner changes what is the owner's."""

from __future__ import annotations

import collections
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core import serializers
from django.core.cache import cache
from django.db import transaction
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from hven.jobs.clock import now
from hven.jobs.models import Event, Job, Result, Upload, User
from hven.jobs.phases import Phase
from hven.portal.accounts.export import own_tables
from hven.portal.models import Share, Tag
from portal_addresses import ADDRESSES, CHANGES, address, names
from portal_clients import page_client

#: What answers to who may not: led to the door, not there, not that way, too often or not right.
_REFUSALS = (302, 400, 403, 404, 405, 422, 429)
#: Addresses that take what anybody sends, about themselves.
_OPEN = {"portal:contact", "portal:language"}


@pytest.fixture
def things(things: dict[str, Any]) -> dict[str, Any]:
    """The usual ones, but that the job waits, so that everything can be done with it."""
    Job.objects.filter(pk=things["job"]).update(phase=Phase.PENDING.value)
    return things


def belongings(owner: User) -> list[Any]:
    """All rows of somebody, as they are."""
    found: list[Any] = []
    jobs = Job.objects.filter(owner=owner)
    for model in (Event, Result, Tag, Share):
        found += _rows(model._default_manager.filter(job__in=jobs))
    for model, name in own_tables():
        if model.__name__ != "UserSession":  # Asking is noted there.
            found += _rows(model._default_manager.filter(**{name: owner}))
    return [*found, *_rows(jobs), *_rows(User.objects.filter(pk=owner.pk))]


def _rows(found: Any) -> list[dict[str, Any]]:
    rows: list[Model] = list(found.order_by("pk"))
    told: list[dict[str, Any]] = serializers.serialize("python", rows)
    for row in told:
        row["fields"].pop("last_login", None)
    return told


def send(who: User | None, path: str, form: dict[str, str]) -> Any:
    """The answer to a form, in a new window: some forms log one out."""
    # Who sends this much is otherwise told to wait, which would hide what is looked for.
    cache.clear()
    answer = page_client(who).post(path, form)
    if answer.streaming:
        collections.deque(answer.streaming_content, 0)
    return answer


def filled(form: dict[str, str], things: dict[str, Any]) -> dict[str, str]:
    keys = {"JOB": str(things["job"]), "SHARE": str(Share.objects.get().pk)}
    return {name: keys.get(text, text) for name, text in form.items()}


def test_nobody_else_changes_anything_of_the_owners(
    things: dict[str, Any], user: User, stranger: User, sharer: User
) -> None:
    before = belongings(user)
    wrong = []
    for who in (None, stranger, sharer):
        for name, more, form in [*((name, {}, {}) for name in names()), *CHANGES]:
            path = address(name, things | more)
            answer = send(who, path, filled(form, things))
            role = (who or AnonymousUser()).get_username() or "nobody"
            if "job" in ADDRESSES[name].arguments and answer.status_code not in _REFUSALS:
                wrong.append(f"{name} {more} for {role}: {answer.status_code}")
            if who is None and name.startswith("portal:") and name not in _OPEN:
                refused = answer.status_code in (302, 404, 405)
                wrong += [] if refused else [f"{name} for {role}: {answer.status_code}"]
            if belongings(user) != before:
                wrong.append(f"{name} {more} by {role} changed something")
                before = belongings(user)
    assert not wrong, "\n".join(wrong)


def test_the_owner_changes_something_by_each_of_these_forms(
    things: dict[str, Any], user: User
) -> None:
    before = belongings(user)
    idle = []
    for name, more, form in CHANGES:
        if more.get("action") == "cancel" or form.get("do") == "cancel":
            Job.objects.filter(pk=things["job"]).update(phase=Phase.QUEUED.value)
        point = transaction.savepoint()
        answer = send(user, address(name, things | more), filled(form, things))
        assert answer.status_code in (200, 302), (name, more, answer.status_code)
        if belongings(user) == before:
            idle.append((name, more, form))
        transaction.savepoint_rollback(point)
    assert idle == []


@pytest.mark.parametrize("action", ["cancel", "remove", "hold", "name", "share", "renew", "run"])
def test_who_has_a_link_has_no_way_to_change_the_job(
    things: dict[str, Any], bob: Client, nobody: Client, user: User, action: str
) -> None:
    before = belongings(user)
    form = {"label": "theirs", "until": "2999-01-01", "do": action, "job": str(things["job"])}
    for path in (f"/shared/{things['link']}/do/{action}/", f"/shared/{things['link']}/"):
        assert bob.post(path, form).status_code in (404, 405)
        assert nobody.post(path, form).status_code in (404, 405)
    assert bob.post(f"/jobs/{things['job']}/do/{action}/", form).status_code == 404
    assert nobody.post(f"/jobs/{things['job']}/do/{action}/", form).status_code == 302
    assert belongings(user) == before


def test_a_stranger_takes_nothing_of_the_owners_into_a_job(
    things: dict[str, Any], charlie: Client, stranger: User
) -> None:
    Upload.objects.filter(pk=things["upload"]).update(received=5, size=5, completed=now())
    for reference in (f"upload:{things['upload']}", f"job:{things['job']}/sky.fits"):
        answer = charlie.post(reverse("portal:run", args=["copy"]), {"files": reference})
        assert answer.status_code == 422
    assert not Job.objects.filter(owner=stranger).exists()
