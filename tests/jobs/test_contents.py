"""Files that are handed out: found below their folder, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hven.errors import MissingError
from hven.jobs.configuration import Configuration
from hven.jobs.contents import Part, open_inside, open_result
from hven.jobs.models import Result
from hven.jobs.phases import Phase
from job_rows import make_job, make_result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "all" / "job"
    inner.mkdir(parents=True)
    (inner / "sum").write_bytes(b"0123456789")
    (tmp_path / "secret").write_text("secret")
    return tmp_path / "all"


def test_a_file_is_opened(folder: Path) -> None:
    with open_inside(folder, "job/sum") as file:
        assert file.read() == b"0123456789"


@pytest.mark.parametrize(
    "name", ["", ".", "/", "..", "../secret", "job/../../secret", "/etc/passwd", "job", "job/none"]
)
def test_nothing_else_is(folder: Path, name: str) -> None:
    with pytest.raises(OSError):
        open_inside(folder, name)


def test_links_are_not_followed_wherever_they_are(folder: Path) -> None:
    (folder / "job" / "link").symlink_to(folder.parent / "secret")
    (folder / "elsewhere").symlink_to(folder / "job")
    for name in ("job/link", "elsewhere/sum"):
        with pytest.raises(OSError):
            open_inside(folder, name)


def test_nobody_waits_for_a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "job" / "pipe")
    with pytest.raises(FileNotFoundError):
        open_inside(folder, "job/pipe")


def test_a_part_is_read_and_the_file_closed(folder: Path) -> None:
    for start, stop, content in ((0, 10, b"0123456789"), (3, 5, b"34"), (4, 4, b"")):
        file = open_inside(folder, "job/sum")
        assert b"".join(Part(file, start, stop)) == content
        assert file.closed


def test_a_part_that_is_given_up_closes_the_file(folder: Path) -> None:
    file = open_inside(folder, "job/sum")
    part = Part(file, 0, 10)
    part.close()
    assert file.closed
    assert list(part) == []


@pytest.mark.django_db
def test_a_result_whose_file_is_gone_is_missing(configuration: Configuration) -> None:
    job = make_job(None, Phase.COMPLETED)
    result: Result = make_result(job, configuration.jobs_folder)
    with open_result(result) as file:
        assert file.read() == b"42"
    (configuration.jobs_folder / result.file).unlink()
    with pytest.raises(MissingError, match="not there any more"):
        open_result(result)
