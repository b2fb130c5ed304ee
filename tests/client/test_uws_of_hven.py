"""The generic UWS client against Hven's own door of the Virtual Observatory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hven.client import Service as Client
from hven.client import Uws
from hven.errors import CancelledError, CredentialsError, JobError, ParameterError
from service import Service


@pytest.fixture
def uws(served: Service) -> Iterator[Callable[[str], Uws]]:
    """The list of jobs of an application."""
    made: list[Uws] = []

    def one(application: str) -> Uws:
        made.append(Uws(f"{served.url}/vo/{application}/async", served.token))
        return made[-1]

    yield one
    for each in made:
        each.close()


def test_a_job_runs_and_its_result_is_fetched(
    uws: Callable[[str], Uws], client: Client, tmp_path: Path
) -> None:
    job = uws("echo").run(words="from afar")
    assert job.wait(60).phase == "COMPLETED"
    result = job.results["result"]
    assert result.media_type == "text/plain"
    assert result.size == len("from afar")
    assert result.open() == "from afar"
    assert result.save(tmp_path).read_text() == "from afar"
    # The same job by the other door.
    assert client.job(job.id).results["text"].open() == "from afar"
    job.delete()
    assert job.id not in [each.id for each in uws("echo").jobs()]


def test_a_file_is_sent_with_the_request(uws: Callable[[str], Uws], files: list[Path]) -> None:
    job = uws("copy").create({"files": "param:one"}, files={"one": files[0]}, run=True)
    assert job.wait(60).results["result"].open() == files[0].read_text()


def test_waiting_follows_the_phases(uws: Callable[[str], Uws]) -> None:
    job = uws("tiles").run(count=10, seconds=0.1, seed=4711)
    assert job.wait(60).phase == "COMPLETED"


def test_faults_failures_and_stops_are_told(uws: Callable[[str], Uws], served: Service) -> None:
    with pytest.raises(ParameterError, match="count: must be at least 0"):
        uws("tiles").create(count=-1)
    with pytest.raises(JobError, match=r"m31\.fits: must have a WCS"):
        uws("trouble").run(kind="input").wait(60)
    job = uws("stubborn").run(seconds=30, how="polite")
    job.abort()
    with pytest.raises(CancelledError):
        job.wait(60)
    with pytest.raises(CredentialsError):
        Uws(f"{served.url}/vo/echo/async").jobs()


def test_lists_and_settings_of_jobs(uws: Callable[[str], Uws]) -> None:
    echo = uws("echo")
    before = datetime.now(UTC) - timedelta(seconds=1)
    jobs = [echo.create(words=str(number)) for number in range(3)]
    ids = [job.id for job in jobs]
    assert [job.id for job in echo.jobs("PENDING", after=before)][:3] == ids[::-1]
    assert [job.id for job in echo.jobs("PENDING", last=2)] == ids[:0:-1]
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    assert jobs[0].set_destruction(until).document.destruction == until
    assert jobs[0].set_duration(100).document.execution_duration == 100
    assert jobs[0].parameters["words"] == "0"
    for job in jobs:
        job.delete()
