"""Kept products: who stands on them, whence they came, which go."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hven.engine import Store
from hven.engine.manifests import Made
from hven.engine.presence import Presence
from hven.jobs.configuration import Configuration
from hven.jobs.models import Job, ProductUse, User
from hven.jobs.phases import Phase
from hven.jobs.products import free_unused, note_uses, sources_of, used_keys
from job_rows import make_job

pytestmark = pytest.mark.django_db
DAY = 86400.0
MADE = Made("steps.one", 1, 0.0, 0.0, "", ())


def key(number: int) -> str:
    return f"{number:064x}"


def keys(*numbers: int) -> list[str]:
    return [key(number) for number in numbers]


def keep(store: Store, number: int, age: float = 0.0) -> None:
    store.keep(key(number), number, store.draft(), MADE)
    used = time.time() - age
    os.utime(store.product_path(key(number)), (used, used))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def job(user: User) -> Job:
    return make_job(user, Phase.COMPLETED)


class TestUses:
    def test_uses_are_noted_once(self, job: Job) -> None:
        note_uses(job.pk, made=keys(1, 2), reused=keys(3))
        note_uses(job.pk, made=keys(2), reused=keys(1, 4))
        uses = dict(ProductUse.objects.filter(job=job).values_list("key", "made"))
        assert uses == {key(1): True, key(2): True, key(3): False, key(4): False}

    def test_what_was_made_and_found_counts_as_made(self, job: Job) -> None:
        note_uses(job.pk, made=keys(1), reused=keys(1))
        assert ProductUse.objects.get(job=job).made

    def test_thousands_are_noted(self, job: Job) -> None:
        many = keys(*range(2500))
        note_uses(job.pk, made=many[:1200], reused=many[1200:])
        assert used_keys(many) == set(many)
        assert used_keys(keys(9999)) == set()


class TestSources:
    def test_the_job_that_made_most_comes_first(self, job: Job, user: User) -> None:
        other, third = make_job(user), make_job(user)
        note_uses(other.pk, made=keys(1), reused=[])
        note_uses(third.pk, made=keys(2, 3), reused=keys(1))
        found = sources_of(job.pk, keys(1, 2, 3, 4))
        assert list(found.items()) == [(str(third.pk), 2), (str(other.pk), 1)]

    def test_what_an_earlier_attempt_made_has_no_other_source(self, job: Job, user: User) -> None:
        note_uses(job.pk, made=keys(1), reused=[])
        note_uses(make_job(user).pk, made=[], reused=keys(1))
        assert sources_of(job.pk, keys(1)) == {}

    def test_a_product_made_twice_counts_once(self, job: Job, user: User) -> None:
        first, second = make_job(user), make_job(user)
        note_uses(second.pk, made=keys(1), reused=[])
        note_uses(first.pk, made=keys(1), reused=[])
        found = sources_of(job.pk, keys(1))
        assert list(found.values()) == [1]
        assert set(found) <= {str(first.pk), str(second.pk)}

    def test_when_the_maker_is_archived_another_user_of_it_is_named(
        self, job: Job, user: User
    ) -> None:
        other = make_job(user)
        note_uses(other.pk, made=[], reused=keys(1))
        note_uses(job.pk, made=[], reused=keys(1))
        assert sources_of(job.pk, keys(1)) == {str(other.pk): 1}

    def test_thousands_are_counted(self, job: Job, user: User) -> None:
        other = make_job(user)
        note_uses(other.pk, made=keys(*range(1500)), reused=[])
        assert sources_of(job.pk, keys(*range(1500))) == {str(other.pk): 1500}


class TestFreeing:
    def test_what_no_job_stands_on_goes_after_its_time(
        self, configuration: Configuration, store: Store, job: Job
    ) -> None:
        for number in (1, 2):
            keep(store, number, age=2 * DAY)
        keep(store, 3)
        note_uses(job.pk, made=keys(1), reused=[])
        assert [product.key for product in free_unused(store)] == keys(2)
        assert store.has(key(1))
        assert store.has(key(3))

    def test_the_time_is_a_setting(
        self, configuration: Configuration, settings: Any, store: Store
    ) -> None:
        keep(store, 1, age=2 * DAY)
        settings.HVEN = replace(configuration, keep_products_hours=72.0)
        assert free_unused(store) == []
        settings.HVEN = replace(configuration, keep_products_hours=24.0)
        assert len(free_unused(store)) == 1

    def test_it_goes_when_the_last_job_is_gone(
        self, configuration: Configuration, store: Store, job: Job, user: User
    ) -> None:
        keep(store, 1, age=2 * DAY)
        other = make_job(user)
        note_uses(job.pk, made=keys(1), reused=[])
        note_uses(other.pk, made=[], reused=keys(1))
        ProductUse.objects.filter(job=job).delete()
        assert free_unused(store) == []
        ProductUse.objects.filter(job=other).delete()
        assert len(free_unused(store)) == 1

    def test_what_a_live_run_may_use_stays(
        self, configuration: Configuration, store: Store
    ) -> None:
        presence = Presence(store.folder / "runs", "abc", "demo")
        os.utime(store.folder / "runs" / "abc.run", (0.0, time.time() - 4 * DAY))
        keep(store, 1, age=2 * DAY)
        assert free_unused(store) == []
        presence.end()
        assert len(free_unused(store)) == 1
