"""Kept products: what is damaged is made again, what is finished is not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

import postgresql
from faults.books import Books
from faults.wishes import Wish, sky, tiles
from service import WITH_MOSAICS, Service, wait

Begin = Callable[..., Service]


def done(client: httpx.Client, application: str, **wanted: Any) -> dict[str, Any]:
    """A job that has completed."""
    answer = client.post("/api/v1/jobs", json={"application": application, **wanted})
    assert answer.status_code == 201, answer.text
    return completed(client, answer.json()["id"])


def completed(client: httpx.Client, job: str) -> dict[str, Any]:
    """The job when it has ended, as it should."""

    def ended() -> dict[str, Any] | None:
        found = client.get(f"/api/v1/jobs/{job}").json()
        return dict(found) if found["phase"] in ("COMPLETED", "ERROR", "ABORTED") else None

    found = wait(ended)
    assert found["phase"] == "COMPLETED", found["error"]
    return dict(found)


def digests(job: dict[str, Any]) -> dict[str, str]:
    """The SHA-256 of each result that is the same whenever it is made."""
    own = ("log", "provenance")
    return {row["name"]: row["sha256"] for row in job["results"] if row["name"] not in own}


def test_a_corrupted_product_is_noticed_and_made_again(begin: Begin, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    service = begin(test_marks=marks).start()
    wish: Wish = tiles(7, 30, 0.0)
    with service.client() as client:
        done(client, "tiles", parameters=wish.parameters)
        products = sorted(path for path in (service.data / "store/products").glob("*/*"))
        assert len(products) == 30
        for path in products[::10]:
            flip_a_bit(path)
        second = done(client, "tiles", parameters=wish.parameters)
        third = done(client, "tiles", parameters=wish.parameters)
    assert digests(second) == digests(third) == wish.results
    # Three steps were done twice, and found whole by the third job.
    assert len(marks.read_text().splitlines()) == 33
    assert third["progress"]["reused"] == 30


def flip_a_bit(product: Path) -> None:
    """Alter a product as a failing disk does: one bit in the middle, no other time or size."""
    files = [path for path in product.iterdir() if path.stat().st_size] if product.is_dir() else []
    path = max(files, key=lambda file: file.stat().st_size) if files else product
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_mosaic_killed_at_three_quarters_redoes_at_most_a_quarter(
    begin: Begin, server: postgresql.Cluster | None, tmp_path: Path
) -> None:
    service = begin(workers=1, retry_seconds=0.1, applications=WITH_MOSAICS).start()
    books = Books(service, server)
    with service.client() as client:
        images = [upload(client, path) for path in sky(tmp_path / "sky", 1, (6, 7), 300)]
        wanted = {"parameters": {"images": images}}
        undisturbed = done(client, "mosaic", **wanted, fresh=True)
        total = undisturbed["progress"]["total"]
        job = client.post("/api/v1/jobs", json={"application": "mosaic", **wanted}).json()["id"]
        driver = wait(lambda: books.driver(job))
        store = service.data / "store" / "products"
        while sum(1 for _ in store.glob("*/*")) < 0.75 * total:
            pass  # Not a moment is given away: it may be over in a second.
        os.kill(driver, signal.SIGKILL)
        killed = completed(client, job)
    assert [attempt["outcome"] for attempt in killed["attempts"]] == ["lost", "completed"]
    again = total - killed["attempts"][1]["steps_reused"]
    print(f"\n{again} of {total} steps in the second attempt: {again / total:.1%}")
    assert total >= 120
    assert 0 < again <= 0.26 * total
    assert digests(killed) == digests(undisturbed)


def upload(client: httpx.Client, path: Path) -> str:
    """Send a file; what stands for it in parameters."""
    query = {"name": path.name}
    answer = client.put("/api/v1/uploads", params=query, content=path.read_bytes())
    assert answer.status_code == 201, answer.text
    return f"upload:{answer.json()['id']}"
