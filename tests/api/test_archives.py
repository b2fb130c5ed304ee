"""All results of jobs as one zip."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.db.models import Q

from api_client import Api, content, faults
from hven.jobs.configuration import Configuration
from hven.jobs.models import Result, User
from hven.jobs.phases import Phase
from hven.jobs.transitions import News, change
from hven.web import archives
from job_rows import make_job, make_result

pytestmark = pytest.mark.django_db


def opened(answer: Any) -> zipfile.ZipFile:
    assert answer.status_code == 200
    found = zipfile.ZipFile(io.BytesIO(content(answer)))
    assert found.testzip() is None
    return found


def test_an_archive_has_all_results_log_and_facts(
    alice: Api, user: User, configuration: Configuration
) -> None:
    job = make_job(user, Phase.COMPLETED, label="first", parameters={"words": "hi"})
    make_result(job, configuration.jobs_folder, "mosaic", b"stars" * 100_000)
    make_result(job, configuration.jobs_folder, "provenance", b"{}")
    change(Q(), job.pk, [News("say", "half of it is done")])
    answer = alice("GET", f"/jobs/{job.pk}/archive")
    folder = archives.folder_of(job)
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"] == f'attachment; filename="{folder}.zip"'
    found = opened(answer)
    assert found.namelist() == [
        f"{folder}/{name}" for name in ("mosaic", "provenance", "job.json", "job.log.txt")
    ]
    assert found.read(f"{folder}/mosaic") == b"stars" * 100_000
    assert b"half of it is done" in found.read(f"{folder}/job.log.txt")
    facts = json.loads(found.read(f"{folder}/job.json"))
    assert (facts["id"], facts["parameters"]) == (str(job.pk), {"words": "hi"})
    assert {entry.compress_type for entry in found.infolist()} == {zipfile.ZIP_STORED}


def test_results_whose_files_have_one_name_are_all_there(
    alice: Api, user: User, configuration: Configuration
) -> None:
    job = make_job(user, Phase.COMPLETED, attempt=1)
    make_result(job, configuration.jobs_folder, "sum", b"one")
    other = make_result(job, configuration.jobs_folder, "job.json", b"mine")
    job.attempt = 2
    twin = make_result(job, configuration.jobs_folder, "twin", b"two")
    Result.objects.filter(pk=other.pk).update(name="facts")
    path = configuration.jobs_folder / twin.file
    path.rename(path.with_name("sum"))
    Result.objects.filter(pk=twin.pk).update(file=str(twin.file).replace("twin", "sum"))
    found = opened(alice("GET", f"/jobs/{job.pk}/archive"))
    contents = {name.partition("/")[2]: found.read(name) for name in found.namelist()}
    assert contents["sum"] == b"one"
    assert contents["twin-sum"] == b"two"
    assert contents["facts-job.json"] == b"mine"


def test_a_file_that_is_gone_is_named(alice: Api, user: User, configuration: Configuration) -> None:
    job = make_job(user, Phase.COMPLETED)
    result = make_result(job, configuration.jobs_folder)
    (configuration.jobs_folder / result.file).unlink()
    found = opened(alice("GET", f"/jobs/{job.pk}/archive"))
    assert found.read("missing.txt").decode() == f"{archives.folder_of(job)}/sum\n"


def test_several_jobs_come_in_a_folder_each(
    alice: Api, user: User, configuration: Configuration
) -> None:
    jobs = [make_job(user, Phase.COMPLETED) for _ in range(3)]
    for number, job in enumerate(jobs):
        make_result(job, configuration.jobs_folder, content=str(number).encode())
    query = "&".join(f"job={job.pk}" for job in [*jobs, jobs[0]])
    found = opened(alice("GET", f"/archive?{query}"))
    sums = [found.read(f"{archives.folder_of(job)}/sum") for job in jobs]
    assert sums == [b"0", b"1", b"2"]


def test_nobody_gets_an_archive_with_anothers_job_in_it(
    alice: Api, charlie: Api, user: User, stranger: User
) -> None:
    mine, theirs = make_job(user, Phase.COMPLETED), make_job(stranger, Phase.COMPLETED)
    assert alice("GET", f"/archive?job={mine.pk}&job={theirs.pk}").status_code == 403
    assert charlie("GET", f"/jobs/{mine.pk}/archive").status_code == 403


def test_an_archive_of_nothing_is_refused(alice: Api) -> None:
    assert "got 0" in faults(alice("GET", "/archive"))["job"]
    many = "&".join(f"job={number}" for number in range(archives.MOST_JOBS + 1))
    assert "got 501" in faults(alice("GET", f"/archive?{many}"))["job"]
    assert "spam" in faults(alice("GET", "/archive?spam=1"))


def test_an_archive_is_made_while_it_is_sent(user: User, configuration: Configuration) -> None:
    job = make_job(user, Phase.COMPLETED)
    make_result(job, configuration.jobs_folder, content=bytes(5 * 2**20))
    sizes = [len(piece) for piece in archives.pieces([job])]
    assert len(sizes) > 20
    assert max(sizes) < 2**19
