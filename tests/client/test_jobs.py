"""Jobs made, followed, steered and listed by the client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hven.client import Service as Client
from hven.errors import (
    CancelledError,
    ConflictError,
    ForbiddenError,
    InputError,
    JobError,
    MissingError,
    ParameterError,
    ResourceError,
)
from served import token_of
from service import Service, wait


def test_files_are_sent_and_the_result_comes_back(client: Client, files: list[Path]) -> None:
    job = client.copy(files).wait(60)
    assert job.phase == "COMPLETED"
    assert job.ended
    assert job.error is None
    assert job.messages() == ["copying one.txt, two.txt"]
    assert job.results["text"].read() == b"".join(path.read_bytes() for path in files)
    assert job.results["text"].open() == "".join(path.read_text() for path in files)
    assert job.results.main.name == "text"
    assert job.progress.words == "2 of 2 steps"
    assert list(job.results) == ["text", "log", "provenance"]
    assert job.results["provenance"].open()["application"]["name"] == "copy"
    assert "copying one.txt" in job.log()
    assert repr(job) == f"<Job {job.id}, copy, COMPLETED, 2 of 2 steps>"


def test_a_result_is_the_input_of_another_job(client: Client, files: list[Path]) -> None:
    first = client.copy(files[:1]).wait(60)
    second = client.copy([first.results["text"], files[1], first.results["text"].reference])
    texts = [path.read_text() for path in files]
    assert second.wait(60).results["text"].open() == texts[0] + texts[1] + texts[0]


def test_all_faults_are_those_of_a_run_on_this_machine(client: Client, files: list[Path]) -> None:
    with pytest.raises(ParameterError) as caught:
        client.weigh(
            files, repeat=0, pause="5m", colour="red", masks="no*.dat", scales="absent.dat"
        )
    assert [str(fault) for fault in caught.value.faults] == [
        "colour: is not a parameter of weigh; its parameters are files, repeat, pause, center, "
        "offset, masks, scales, patient, trouble",
        "repeat: must be at least 1 and at most 10000, got 0",
        "pause: must be a number in s, at least 0 and at most 600 s, got 5m",
        "masks: must match at least one file, got no*.dat",
        "scales: must be a file that exists, got absent.dat",
    ]


def test_conditions_that_only_the_service_knows_are_the_same_error(
    client: Client, files: list[Path]
) -> None:
    with pytest.raises(ParameterError) as caught:
        client.weigh(files, repeat=101)
    assert [tuple(fault) for fault in caught.value.faults] == [
        ("repeat", "must be at most 100 without patient, got 101")
    ]


def test_nothing_is_sent_when_something_is_wrong(client: Client, files: list[Path]) -> None:
    before = [upload.id for upload in client.uploads()]
    with pytest.raises(InputError, match="must be a file, a folder cannot be sent"):
        client.copy([*files, files[0].parent])
    assert [upload.id for upload in client.uploads()] == before


def test_references_pass_and_are_refused_by_the_service(client: Client) -> None:
    with pytest.raises(ParameterError) as caught:
        client.copy(["upload:123", "dataset:m17/a.fits"])
    assert [fault.text for fault in caught.value.faults] == [
        "value 1 of 2 must be an upload that exists, got 'upload:123'",
        "value 2 of 2 must be of a dataset that exists, got 'dataset:m17/a.fits'",
    ]


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("input", InputError, "m31.fits: must have a WCS, has none"),
        ("code", JobError, "the author divided by zero"),
        ("disk", ResourceError, "There is no space left"),
    ],
)
def test_a_job_that_failed_raises_what_a_run_here_would(
    client: Client, kind: str, error: type[Exception], words: str
) -> None:
    job = client.trouble(kind=kind)
    with pytest.raises(error, match=words) as caught:
        job.wait(60)
    assert caught.value.__notes__ == [f"job {job.id}, ERROR"]
    assert job.phase == "ERROR"
    assert "log" in job.results
    with pytest.raises(MissingError, match=r"must be one of the job \(log; it is ERROR\)"):
        job.results["text"]


def test_waiting_can_end_before_the_job_does(client: Client) -> None:
    job = client.stubborn(seconds=30, how="polite")
    with pytest.raises(TimeoutError, match="it goes on"):
        job.wait(0.5)
    assert not job.ended
    assert job.cancel().id == job.id
    with pytest.raises(CancelledError):
        job.wait(60)
    assert job.phase == "ABORTED"
    assert "begun" in job.results
    with pytest.raises(ConflictError):
        job.release()


def test_a_job_is_held_released_and_run(client: Client) -> None:
    job = client.echo(words="later", run=False)
    assert job.phase == "PENDING"
    assert job.hold().phase == "HELD"
    assert job.release().phase in ("QUEUED", "EXECUTING", "COMPLETED")
    assert job.wait(60).results["text"].open() == "later"
    with pytest.raises(ConflictError, match="be run"):
        job.run()


def test_events_come_once_and_in_order_from_any_of_them(client: Client) -> None:
    job = client.tiles(count=12, seconds=0.05, seed=77)
    numbers = [event.number for event in job.follow()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [event.number for event in job.follow(after=3)] == numbers[3:]
    assert [event.number for event in job.events(after=3)] == numbers[3:]


def test_files_are_kept_as_long_as_is_asked(client: Client) -> None:
    job = client.echo(run=False)
    for until, days in ((3, 3), (timedelta(days=5), 5), (datetime.now(UTC) + timedelta(7), 7)):
        left = job.renew(until).destruction - datetime.now(UTC)
        assert abs(left - timedelta(days=days)) < timedelta(minutes=1)
    with pytest.raises(ParameterError, match="time zone"):
        job.renew(datetime(2030, 1, 1))


def test_a_job_is_done_again_with_other_parameters(client: Client, files: list[Path]) -> None:
    first = client.copy(files[:1]).wait(60)
    again = first.rerun(files=files[1:])
    assert again.id != first.id
    assert again.wait(60).results["text"].open() == files[1].read_text()
    assert first.rerun(fresh=True, run=False).phase == "PENDING"
    with pytest.raises(ParameterError, match="files: must have at least one value"):
        first.rerun(files=[])


def test_a_deleted_job_is_gone(client: Client) -> None:
    job = client.echo().wait(60)
    job.delete()
    with pytest.raises(MissingError):
        client.job(job.id)


def test_deleting_a_job_ends_the_waiting_for_it(client: Client) -> None:
    job = client.stubborn(seconds=30, how="polite")
    events = job.follow()
    next(events)
    job.delete()
    with pytest.raises(MissingError):
        list(events)


def test_jobs_are_listed_over_several_pages(client: Client, monkeypatch: Any) -> None:
    made = [client.echo(words=str(number), run=False).id for number in range(7)]
    monkeypatch.setattr("hven.client.listing._FIRST_PAGE", 2)
    monkeypatch.setattr("hven.client.listing._PAGE", 3)
    jobs = client.jobs(phase="pending", application="echo")
    assert [job.id for job in jobs][: len(made)] == made[::-1]
    assert [job.id for job in jobs[:3]] == made[::-1][:3]
    assert jobs[0].id == made[-1]
    assert len(jobs) >= len(made)
    assert "echo, PENDING" in repr(jobs)
    assert f"<td style='text-align:left;padding:2px 12px 2px 0'>{made[-1]}</td>" in (
        jobs._repr_html_()
    )
    assert not client.jobs(phase=["held"], application="mosaic")
    for job in client.jobs(phase="PENDING", application="echo"):
        job.delete()


def test_a_job_is_found_by_its_id_or_its_address(client: Client) -> None:
    job = client.echo(run=False)
    assert client.job(job.id).id == client.job(job.url).id == job.id
    with pytest.raises(MissingError, match="there is none"):
        client.job("no-such-job")


def test_the_job_of_another_is_forbidden(served: Service, client: Client) -> None:
    job = client.echo(run=False)
    token = token_of(served, "bob")
    with Client(served.url, token) as other, pytest.raises(ForbiddenError):
        other.job(job.id)


def test_more_can_be_said_of_a_job_that_is_submitted(client: Client) -> None:
    job = client.submit(
        "echo",
        {"words": "x"},
        run=False,
        label="of mine",
        lane="batch",
        not_before=datetime.now(UTC) + timedelta(days=1),
        destruction=datetime.now(UTC) + timedelta(days=30),
    )
    found = job.document
    assert (job.label, found["lane"], found["phase"]) == ("of mine", "batch", "PENDING")
    with pytest.raises(ParameterError, match="lane"):
        client.submit("echo", {}, lane="slow")
    with pytest.raises(ParameterError, match="colour"):
        client.submit("echo", {}, colour="red")


def test_what_a_notebook_shows_has_no_markup_of_others_in_it(client: Client) -> None:
    job = client.submit("echo", {"words": "x"}, run=False, label="<script>alert(1)</script>")
    assert "<script>" not in job._repr_html_()
    assert "&lt;script&gt;" in job._repr_html_()
    assert "<script>" not in client.jobs()._repr_html_()
    wait(lambda: "log" in client.echo().wait(60).results._repr_html_())
