"""Programs that astronomers use, against a real service: STILTS, pyvo, astroquery."""

from __future__ import annotations

import gc
import subprocess
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from service import Service

# What these clients leave to be collected.
pytestmark = [
    pytest.mark.xdist_group("clients"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
FACADE = Path(__file__).parent.parent / "tap_facade"
STAGES = "TMV TME CPV AVV UWS"


@pytest.fixture(scope="module")
def service(begin: Callable[..., Service]) -> Service:
    """A service with a table besides, open to everybody."""
    found = begin(
        PYTHONPATH=f"{FACADE}:{Path(__file__).parent.parent / 'service_applications'}",
        DJANGO_SETTINGS_MODULE="tap_settings",
        HVEN_ANONYMOUS="true",
        HVEN_APPLICATIONS="tap\ntiles\nstubborn",
        HVEN_SLOTS=2,
    )
    return found.start()


@pytest.fixture
def session(service: Service) -> Iterator[requests.Session]:
    with requests.Session() as found:
        found.trust_env = False
        found.headers["Authorization"] = f"Bearer {service.token}"
        yield found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def test_taplint_finds_nothing_wrong(
    service: Service, require_program: Callable[[str, str], str]
) -> None:
    stilts = require_program("stilts", "stilts")
    command = [stilts, "taplint", f"tapurl={service.url}/vo/tap", f"stages={STAGES}"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert found.returncode == 0, found.stderr
    told = [line for line in found.stdout.splitlines() if line[:2] in ("E-", "W-", "F-")]
    assert told == [], found.stdout
    for stage in STAGES.split():
        assert f"Section {stage}" in found.stdout
    assert "Totals: Errors: 0; Warnings: 0" in found.stdout


def test_pyvo_runs_a_job_of_ours_and_gets_its_result(
    service: Service, session: requests.Session
) -> None:
    from pyvo.dal import AsyncTAPJob

    root = f"{service.url}/vo/tiles/async"
    answer = session.post(root, data={"count": 3, "RUNID": "from pyvo"})
    job = AsyncTAPJob(answer.url, session=session)
    assert (job.phase, job.uws_version, job.owner) == ("PENDING", "1.1", "admin")
    job.execution_duration = 600
    assert job.execution_duration.sec == 600
    wanted = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    job.destruction = wanted
    assert job.destruction.to_datetime(UTC) == wanted
    assert job.run().wait().phase == "COMPLETED"
    assert job.result_uri == f"{answer.url}/results/result"
    assert len(session.get(job.result_uri).text) == 64
    assert job.result.mimetype == "text/plain"
    job.delete()
    assert session.get(answer.url).status_code == 404


def test_pyvo_follows_a_job_that_takes_long_and_stops_it(
    service: Service, session: requests.Session
) -> None:
    from pyvo.dal import AsyncTAPJob

    answer = session.post(f"{service.url}/vo/stubborn/async", data={"seconds": 100})
    job = AsyncTAPJob(answer.url, session=session)
    job.run()
    while job.phase == "QUEUED":
        session.get(answer.url, params={"WAIT": 10, "PHASE": "QUEUED"})
    job.abort()
    while job.phase == "EXECUTING":
        session.get(answer.url, params={"WAIT": 10, "PHASE": "EXECUTING"})
    assert job.phase == "ABORTED"
    job.delete()


def test_pyvo_queries_the_table(service: Service, session: requests.Session) -> None:
    from pyvo.dal import DALQueryError, TAPService

    tap = TAPService(f"{service.url}/vo/tap", session=session)
    begin = datetime.now(UTC)
    found = tap.run_async("SELECT TOP 3 id, dec FROM stars", delete=False)
    assert [row["dec"] for row in found] == [-20.0, -19.5, -19.0]
    assert len(tap.run_sync("SELECT * FROM stars")) == 20
    job = tap.submit_job("SELECT 1")
    job.query = "SELECT TOP 2 ra FROM stars"
    assert job.query == "SELECT TOP 2 ra FROM stars"
    job.run().wait()
    assert len(job.fetch_result()) == 2
    failing = tap.submit_job("SELECT 1").run().wait()
    with pytest.raises(DALQueryError, match="query: must select columns of stars"):
        failing.raise_if_error()
    listed = tap.get_job_list(phases=["COMPLETED"], after=f"{begin:%Y-%m-%dT%H:%M:%S}Z", last=2)
    assert [each.phase for each in listed] == ["COMPLETED"] * 2
    assert job.job_id in {each.jobid for each in listed}


def test_astroquery_launches_a_job(service: Service) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of its own making.
        from astroquery.utils.tap import TapPlus

        tap: Any = TapPlus(url=f"{service.url}/vo/tap")
        job = tap.launch_job_async("SELECT TOP 4 id, ra FROM stars", verbose=False)
        assert job.get_phase() == "COMPLETED"
        table = job.get_results()
    assert list(table["ra"]) == [10.0, 11.0, 12.0, 13.0]
