"""References to files: who may have what, and where it lies when the job begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group

from hven.errors import InputError, ParameterError
from hven.jobs.applications import application
from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.contents import upload_path
from hven.jobs.models import Dataset, Job, Result, Upload, User
from hven.jobs.phases import Phase
from hven.jobs.references import check, stage
from hven.jobs.submission import Submission, submit
from input_files import PACKAGES, make_dataset, make_upload
from job_rows import make_job, make_result

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _applications(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in PACKAGES:
        monkeypatch.syspath_prepend(package)


def opened(owner: User | None, *files: str) -> list[str]:
    """The references that a list of them stands for."""
    found = check(owner, application("copy"), {"files": list(files)})
    assert not found.faults, found.faults
    return list(found.parameters["files"])


def refusal(owner: User | None, reference: str) -> str:
    """Why a reference is refused."""
    (fault,) = check(owner, application("copy"), {"files": reference}).faults
    return fault.text


def copy_of(owner: User | None, *files: str) -> Job:
    return submit(owner, Submission("copy", {"files": list(files)}))


# -- who may have what ----------------------------------------------------------------------------


def test_an_upload_is_its_owners(user: User, stranger: User) -> None:
    upload = make_upload(user)
    assert opened(user, f"upload:{upload.pk}") == [f"upload:{upload.pk}"]
    assert "of yours" in refusal(stranger, f"upload:{upload.pk}")
    assert "of yours" in refusal(None, f"upload:{upload.pk}")
    stranger.is_staff = True
    assert opened(stranger, f"upload:{upload.pk}")


def test_an_upload_is_named_in_one_way(user: User) -> None:
    upload = make_upload(user)
    assert opened(user, f"upload:{upload.pk.hex.upper()}") == [f"upload:{upload.pk}"]


def test_an_upload_must_be_whole_and_there(user: User) -> None:
    upload = make_upload(user)
    Upload.objects.update(completed=None, received=3)
    assert "3 of 5 bytes have come" in refusal(user, f"upload:{upload.pk}")
    Upload.objects.update(completed=now())
    upload_path(upload.pk).unlink()
    assert "still there" in refusal(user, f"upload:{upload.pk}")
    upload.delete()
    assert "that exists" in refusal(user, f"upload:{upload.pk}")


def test_an_upload_without_an_owner_goes_by_its_secret_id(user: User, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, anonymous=True)
    upload = make_upload(None)
    assert opened(None, f"upload:{upload.pk}")
    settings.HVEN = replace(settings.HVEN, anonymous=False)
    assert "of yours" in refusal(None, f"upload:{upload.pk}")


def test_a_result_is_that_of_an_own_job_that_has_ended(
    user: User, stranger: User, configuration: Configuration
) -> None:
    job = make_job(user, Phase.COMPLETED)
    make_result(job, configuration.jobs_folder)
    reference = f"job:{job.pk}/sum"
    assert opened(user, reference) == [reference]
    assert "of a job of yours" in refusal(stranger, reference)
    assert "one of sum" in refusal(user, f"job:{job.pk}/spam")
    Job.objects.update(phase=Phase.EXECUTING)
    assert "has ended, it is EXECUTING" in refusal(user, reference)
    Job.objects.update(phase=Phase.ARCHIVED, archived=now())
    assert "ARCHIVED" in refusal(user, reference)
    Job.objects.update(deleted=now())
    assert "that exists" in refusal(user, reference)


def test_a_result_that_is_a_link_is_not_taken(user: User, configuration: Configuration) -> None:
    job = make_job(user, Phase.COMPLETED)
    result = make_result(job, configuration.jobs_folder)
    path = configuration.jobs_folder / result.file
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert "still there" in refusal(user, f"job:{job.pk}/sum")


def test_a_dataset_is_for_everybody_or_for_groups(
    user: User, stranger: User, tmp_path: Path
) -> None:
    dataset = make_dataset(tmp_path / "m17")
    assert opened(user, "dataset:m17/list.txt") == ["dataset:m17/list.txt"]
    group = Group.objects.create(name="nebulae")
    Dataset.objects.update(public=False)
    dataset.groups.add(group)
    user.groups.add(group)
    assert opened(user, "dataset:m17/list.txt")
    assert "offered to you" in refusal(stranger, "dataset:m17/list.txt")
    Dataset.objects.update(enabled=False)
    assert "that exists" in refusal(user, "dataset:m17/list.txt")
    assert "that exists" in refusal(user, "dataset:m42/list.txt")


def test_wildcards_are_opened_when_the_job_is_taken_in(user: User, tmp_path: Path) -> None:
    make_dataset(tmp_path / "m17")
    bands = ["dataset:m17/j/one.fits", "dataset:m17/j/two.fits"]
    assert opened(user, "dataset:m17/j/*.fits") == bands
    assert opened(user, "dataset:m17/**/*.fits") == [*bands, "dataset:m17/k/one.fits"]
    assert opened(user, "dataset:m17") == ["dataset:m17"]
    assert "at least one file" in refusal(user, "dataset:m17/z/*")
    job = copy_of(user, "dataset:m17/j/*.fits")
    assert job.parameters["files"] == bands


@pytest.mark.parametrize(
    "name", ["../secret.txt", "j/../../secret.txt", "/etc/passwd", "out.txt", "out*", "away/*"]
)
def test_nothing_outside_a_dataset_is_found(user: User, tmp_path: Path, name: str) -> None:
    make_dataset(tmp_path / "m17")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "m17" / "out.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "m17" / "away").symlink_to(tmp_path)
    assert "at least one file" in refusal(user, f"dataset:m17/{name}")


@pytest.mark.parametrize(
    "text",
    ["/etc/passwd", "m31.fits", "file:/etc/passwd", "job:1", "upload:1/x", "~/x", "https://a"],
)
def test_anything_else_is_no_reference(user: User, text: str) -> None:
    assert refusal(user, text).startswith("must be ")


def test_a_single_file_is_one_file(user: User, tmp_path: Path) -> None:
    make_dataset(tmp_path / "m17")
    upload = make_upload(user)
    given = {"files": f"upload:{upload.pk}", "scales": "dataset:m17/j/*"}
    with pytest.raises(ParameterError, match=r"scales: must be one file, .* is 2"):
        submit(user, Submission("weigh", given))
    job = submit(user, Submission("weigh", {**given, "scales": "dataset:m17/k/*"}))
    assert job.parameters["scales"] == "dataset:m17/k/one.fits"


# -- when the job begins --------------------------------------------------------------------------


def test_inputs_are_links_named_as_their_owner_calls_them(
    user: User, configuration: Configuration, tmp_path: Path
) -> None:
    upload = make_upload(user, "../M 31.fits", b"stars")
    before = make_job(user, Phase.COMPLETED)
    make_result(before, configuration.jobs_folder, content=b"42")
    Result.objects.update(sha256="ab" * 32)
    make_dataset(tmp_path / "m17")
    job = copy_of(user, f"upload:{upload.pk}", f"job:{before.pk}/sum", "dataset:m17/j/one.fits")
    staged = stage(job, tmp_path / "attempt-1")
    paths = staged.parameters["files"]
    assert [path.name for path in paths] == ["M 31.fits", "sum", "one.fits"]
    assert [path.read_bytes() for path in paths] == [b"stars", b"42", b"j/one.fits"]
    assert {path.parent for path in paths} == {tmp_path / "attempt-1" / "inputs"}
    assert staged.digests == {paths[0]: upload.sha256, paths[1]: "ab" * 32}


def test_names_do_not_collide_and_the_same_file_is_linked_once(user: User, tmp_path: Path) -> None:
    make_dataset(tmp_path / "m17")
    names = ("dataset:m17/j/one.fits", "dataset:m17/k/one.fits", "dataset:m17/j/one.fits")
    paths = stage(copy_of(user, *names), tmp_path / "a").parameters["files"]
    assert [path.name for path in paths] == ["one.fits", "one-2.fits", "one.fits"]
    assert len(list((tmp_path / "a" / "inputs").iterdir())) == 2


def test_an_attempt_that_was_killed_leaves_nothing_in_the_way(user: User, tmp_path: Path) -> None:
    upload = make_upload(user)
    job = copy_of(user, f"upload:{upload.pk}")
    stage(job, tmp_path / "a")
    (tmp_path / "a" / "inputs" / "half").touch()
    stage(job, tmp_path / "a")
    assert [path.name for path in (tmp_path / "a" / "inputs").iterdir()] == ["m31.fits"]


def test_a_whole_dataset_is_a_folder(user: User, tmp_path: Path) -> None:
    make_dataset(tmp_path / "m17")
    (path,) = stage(copy_of(user, "dataset:m17"), tmp_path / "a").parameters["files"]
    assert (path.name, (path / "list.txt").read_text()) == ("m17", "list.txt")


def test_values_that_are_no_files_stay_as_they_are(user: User, tmp_path: Path) -> None:
    upload = make_upload(user)
    given = {"files": [f"upload:{upload.pk}"], "center": "10 -20", "repeat": 3}
    staged = stage(submit(user, Submission("weigh", given)), tmp_path / "a")
    values = application("weigh").parse(staged.parameters)
    assert (values["repeat"], values["center"].dec_deg, values["scales"]) == (3, -20, None)
    assert values["masks"] == []


def test_an_input_that_is_gone_is_named(user: User, tmp_path: Path) -> None:
    upload = make_upload(user)
    job = copy_of(user, f"upload:{upload.pk}")
    upload_path(upload.pk).unlink()
    with pytest.raises(InputError, match=rf"files: must be .* there, got 'upload:{upload.pk}'"):
        stage(job, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_what_is_not_offered_any_more_is_not_taken(user: User, tmp_path: Path) -> None:
    make_dataset(tmp_path / "m17")
    job = copy_of(user, "dataset:m17/j/*")
    Dataset.objects.update(public=False)
    with pytest.raises(InputError, match="offered to you"):
        stage(job, tmp_path / "a")


def test_as_many_queries_for_many_files_as_for_one(
    user: User, django_assert_num_queries: Any
) -> None:
    uploads = [make_upload(user, f"{number}.fits") for number in range(30)]
    for files in (uploads[:1], uploads):
        with django_assert_num_queries(1):
            opened(user, *(f"upload:{upload.pk}" for upload in files))
