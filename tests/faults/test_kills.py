"""Nothing is lost, nothing is published twice and nothing is wrong, whatever is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import postgresql
from faults.books import Books
from faults.checker import violations
from faults.crowd import Crowd
from faults.nemesis import Nemesis
from faults.wishes import mixed
from service import WITH_MOSAICS, Service, wait

#: Seconds from the last kill until all jobs have ended.
SETTLED_SECONDS = 90.0
#: What a job may take of this machine at a time, as `begin` has it.
WORKERS = 2

Begin = Callable[..., Service]


def test_nothing_is_lost_whatever_is_killed(
    begin: Begin, server: postgresql.Cluster | None, tmp_path: Path
) -> None:
    survive(begin, server, tmp_path, count=200, seconds=27, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_nothing_is_lost_in_a_long_bad_night(
    begin: Begin, server: postgresql.Cluster | None, tmp_path: Path, seed: int
) -> None:
    survive(begin, server, tmp_path, count=1000, seconds=270, seed=seed)


def survive(
    begin: Begin,
    server: postgresql.Cluster | None,
    folder: Path,
    *,
    count: int,
    seconds: float,
    seed: int,
) -> None:
    """Submit so many jobs while processes are killed for so long, and look for what is wrong."""
    (folder / "files").mkdir()
    wishes = list(mixed(count, folder / "files", seed))
    marks = folder / "marks"
    marks.touch()
    service = begin(test_marks=marks, applications=WITH_MOSAICS).start()
    books, nemesis = Books(service, server), Nemesis(service, server, seed)
    with Crowd(service, wishes, 0.8 * seconds) as crowd:
        nemesis.rage(seconds)
        last, early = time.monotonic(), settled(books)
    wait(lambda: settled(books) == count, SETTLED_SECONDS)
    lasted = time.monotonic() - last
    done = marks.read_text().splitlines()
    again = len(done) - len(set(done))
    print(
        f"\n{len(crowd.acknowledged)} jobs, {nemesis.kills.total()} kills {dict(nemesis.kills)}, "
        f"{early} settled before the last, all {lasted:.1f} s after it; "
        f"{len(done)} steps, {again} of them done twice; "
        f"{crowd.refused} answers 503, {crowd.broken} requests cut off"
    )
    healthy(service, server)
    assert service.stop() == 0
    wait(lambda: not service.processes())
    assert crowd.violations == []
    assert list(violations(service.data, books, crowd.acknowledged)) == []
    assert len(crowd.acknowledged) == count
    assert lasted < SETTLED_SECONDS
    assert {"web", "dispatcher", "keeper", "driver", "performer", "worker"} <= nemesis.kills.keys()
    assert again <= nemesis.kills.total() * WORKERS


def settled(books: Books) -> int:
    """How many jobs have ended."""
    query = "SELECT count(*) AS number FROM jobs_job WHERE phase IN ('COMPLETED', 'ERROR')"
    return int(books.rows(query)[0]["number"])


def healthy(service: Service, server: postgresql.Cluster | None) -> None:
    """The doctor, who reads everything, finds nothing."""
    words = [str(Path(sys.executable).with_name("hven")), "admin", "doctor", "--deep"]
    more = {"HVEN_DATA": str(service.data)}
    if server is not None:
        more["HVEN_DATABASE"] = server.url()
    clean = {name: text for name, text in os.environ.items() if not name.startswith("HVEN_")}
    found = subprocess.run(words, env=clean | more, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
