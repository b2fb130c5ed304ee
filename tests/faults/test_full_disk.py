"""A disk that fills up under a running service, and has space again."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import postgresql
from faults.books import Books
from faults.nemesis import victims
from faults.wishes import tiles
from service import Service, wait

Begin = Callable[..., Service]
_RESERVE = 16 * 2**20
_FULL = "resource.disk_full"
_ENDED = ("COMPLETED", "ERROR", "ABORTED")


def fill(path: Path) -> None:
    """Leave no space where the file is."""
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    with pytest.raises(OSError, check=lambda error: error.errno == errno.ENOSPC):
        path.with_name("one-more").write_bytes(bytes(4096))
    path.with_name("one-more").unlink()


def test_a_full_disk_loses_nothing_and_work_goes_on_when_there_is_space(
    begin: Begin, server: postgresql.Cluster | None, disk: Path, tmp_path: Path
) -> None:
    service = begin(disk / "service", disk_reserve=_RESERVE).start()
    books, wishes = Books(service, server), [tiles(number, 100, 0.05) for number in range(6)]
    with service.client() as client:
        urls = {}
        for wish in wishes:
            found = ask(client, wish.parameters)
            assert found.status_code == 201
            urls[f"/api/v1/jobs/{found.json()['id']}"] = wish
        # Two run, and one may be far ahead of the other.
        wait(lambda: sum(read(client, url)["progress"]["done"] > 10 for url in urls) == 2)
        fill(disk / "filler")
        refused = wait(lambda: (answer := ask(client, {})).status_code != 201 and answer)
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        # Who ran has been stopped; who waited is not begun.
        wait(lambda: not victims(service, "performer"))
        assert books.damage() == []
        phases = [read(client, url)["phase"] for url in urls]
        assert "COMPLETED" not in phases
        assert phases[2:] == ["QUEUED"] * 4
        (disk / "filler").unlink()
        ended = [wait(lambda url=url: over(client, url), 60) for url in urls]
        for job, wish in zip(ended, urls.values(), strict=True):
            if job["phase"] == "ERROR":
                assert (job["error"]["code"], job["error"]["type"]) == (_FULL, "transient")
                again = client.post(f"/api/v1/jobs/{job['id']}/rerun").json()
                job = wait(lambda url=f"/api/v1/jobs/{again['id']}": over(client, url))
                # What was finished before the disk was full is not done again.
                assert job["progress"]["reused"] >= 10
            assert job["phase"] == "COMPLETED", job["error"]
            text = next(row for row in job["results"] if row["name"] == "text")
            assert text["sha256"] == wish.results["text"]
        assert ask(client, {}).status_code == 201
    print("\n", phases, [job["phase"] for job in ended])
    assert books.damage() == []


def ask(client: httpx.Client, parameters: dict[str, Any]) -> httpx.Response:
    """Ask for tiles."""
    return client.post("/api/v1/jobs", json={"application": "tiles", "parameters": parameters})


def read(client: httpx.Client, url: str) -> dict[str, Any]:
    """A job, which can be read however full the disk is."""
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def over(client: httpx.Client, url: str) -> dict[str, Any] | None:
    """A job that has ended."""
    job = read(client, url)
    return job if job["phase"] in _ENDED else None
