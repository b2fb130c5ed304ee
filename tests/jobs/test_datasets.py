"""Datasets: what is in them, and for whom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group

from hven.errors import ForbiddenError, MissingError
from hven.jobs import datasets
from hven.jobs.models import Dataset, User
from input_files import make_dataset

pytestmark = pytest.mark.django_db
NAMES = ["list.txt", "j/one.fits", "j/two.fits", "k/one.fits"]


def test_files_are_listed_with_their_size(tmp_path: Path) -> None:
    found = datasets.files(make_dataset(tmp_path))
    assert [file.name for file in found] == NAMES
    assert [file.bytes for file in found] == list(map(len, NAMES))


def test_no_more_files_than_asked_for_are_looked_at(tmp_path: Path) -> None:
    assert [file.name for file in datasets.files(make_dataset(tmp_path), 2)] == NAMES[:2]


def test_hidden_files_and_links_that_lead_out_are_left_aside(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "m17")
    (tmp_path / "secret.txt").touch()
    folder = tmp_path / "m17"
    (folder / ".hidden").touch()
    (folder / ".git").mkdir()
    (folder / ".git" / "config").touch()
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "broken.txt").symlink_to(folder / "nowhere")
    (folder / "within.txt").symlink_to(folder / "list.txt")
    found = [file.name for file in datasets.files(dataset)]
    assert sorted(found) == sorted([*NAMES, "within.txt"])


def test_a_folder_that_is_away_has_no_files(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "m17")
    Dataset.objects.update(folder=str(tmp_path / "away"))
    dataset.refresh_from_db()
    assert datasets.files(dataset) == []
    assert datasets.matching(dataset, "*") == []
    assert datasets.matching(dataset, "") == []


def test_a_name_with_brackets_stands_for_itself(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    (tmp_path / "a[1].fits").touch()
    (tmp_path / "a1.fits").touch()
    assert datasets.matching(dataset, "a[1].fits") == ["a[1].fits"]
    assert datasets.matching(dataset, "a[0-9].fits") == ["a1.fits"]


def test_who_may_use_a_dataset(
    user: User, stranger: User, admin_user: User, tmp_path: Path, settings: Any
) -> None:
    group = Group.objects.create(name="nebulae")
    other = Group.objects.create(name="clusters")
    user.groups.add(group, other)
    dataset = make_dataset(tmp_path, public=False)
    dataset.groups.add(group, other)
    assert datasets.may(user, dataset)
    assert not datasets.may(stranger, dataset)
    assert datasets.may(admin_user, dataset)
    assert datasets.dataset_for(user, "m17") == dataset
    with pytest.raises(ForbiddenError):
        datasets.dataset_for(stranger, "m17")
    with pytest.raises(MissingError):
        datasets.dataset_for(user, "m42")
    Dataset.objects.update(public=True)
    assert datasets.may(stranger, dataset)
    assert not datasets.may(None, dataset)
    settings.HVEN = replace(settings.HVEN, anonymous=True)
    assert datasets.may(None, dataset)
