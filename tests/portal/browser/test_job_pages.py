"""Jobs in a real browser: watched live, looked at, shared, cancelled."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from service import Service

_HAS_POSITION = "() => /ICRS/.test(document.querySelector('[data-readout]').textContent)"


def submit(service: Service, application: str, **parameters: Any) -> str:
    """A job of Alice's; its id."""
    with service.client() as client:
        answer = client.post(
            "/api/v1/jobs",
            auth=("alice", "a long enough password"),
            json={"application": application, "parameters": parameters, "label": application},
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


def upload(service: Service, path: Path) -> str:
    with service.client() as client:
        answer = client.put(
            f"/api/v1/uploads?name={path.name}",
            auth=("alice", "a long enough password"),
            content=path.read_bytes(),
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["reference"])


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two overlapping frames with stars."""
    folder = tmp_path_factory.mktemp("frames")
    random = np.random.default_rng(3)
    made = []
    for number in range(2):
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
        wcs.wcs.crval, wcs.wcs.cdelt = (40.0, 20.0), (-1 / 3600, 1 / 3600)
        wcs.wcs.crpix = 100.5 - 80 * number, 100.5
        values = random.normal(100 + 10 * number, 2, (200, 200)).astype(np.float32)
        y, x = np.mgrid[:200, :200]
        for sx, sy in ((130 - 80 * number, 60), (110 - 80 * number, 150)):
            values += 900 * np.exp(-((x - sx) ** 2 + (y - sy) ** 2) / 8).astype(np.float32)
        path = folder / f"frame-{number}.fits"
        fits.PrimaryHDU(values, wcs.to_header()).writeto(path)
        made.append(path)
    return made


def test_a_mosaic_is_watched_and_looked_at(
    service: Service, visit: Callable[..., Any], password: str, frames: list[Path]
) -> None:
    images = [upload(service, path) for path in frames]
    job = submit(service, "mosaic", images=images)
    alice = visit(viewport={"width": 1280, "height": 900})
    alice.log_in("alice", password)
    page = alice.go(f"/jobs/{job}/")
    page.locator(".phase-completed").first.wait_for(timeout=120_000)
    canvas = page.locator(".viewer canvas")
    canvas.wait_for()
    page.wait_for_function("() => document.querySelector('.viewer').ariaBusy === 'false'")
    page.wait_for_timeout(500)
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function(
        "() => /ICRS/.test(document.querySelector('[data-readout]').textContent)"
    )
    told = page.locator("[data-readout]").inner_text()
    assert "02:40:0" in told or "02:39:5" in told
    colours = page.evaluate(
        """() => { const c = document.querySelector('.viewer canvas');
        const d = c.getContext('2d').getImageData(c.width/2-60, c.height/2-40, 120, 80).data;
        return new Set(d).size; }"""
    )
    assert colours > 20
    page.select_option("[name=map]", "viridis")
    canvas.focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    alice.look("job")


@pytest.mark.parametrize("failures", [1, 99])
def test_a_tile_that_does_not_come_is_asked_for_again_and_then_left(
    visit: Callable[..., Any], password: str, job_of_alice: str, failures: int
) -> None:
    alice = visit()
    alice.expected += ["status of 503"]
    alice.log_in("alice", password)
    asked: Counter[str] = Counter()

    def answer(route: Any) -> None:
        asked[route.request.url] += 1
        if asked[route.request.url] <= failures:
            route.fulfill(status=503)
        else:
            route.continue_()

    alice.page.route(re.compile(r"/\d+/\d+/\d+/\?"), answer)
    page = alice.go(f"/jobs/{job_of_alice}/")
    page.wait_for_function("() => document.querySelector('.viewer').ariaBusy === 'true'")
    page.wait_for_function("() => document.querySelector('.viewer').ariaBusy === 'false'")
    assert asked
    assert set(asked.values()) == {min(failures + 1, 3)}


def test_a_job_is_cancelled_from_its_page_and_removed_from_the_table(
    service: Service, visit: Callable[..., Any], password: str
) -> None:
    submit(service, "tiles", count=400, seconds=0.5)
    alice = visit(viewport={"width": 390, "height": 844}, color_scheme="dark")
    alice.log_in("alice", password)
    page = alice.page
    row = page.locator("table.jobs tbody tr", has_text="tiles").first
    row.locator("a").first.click()
    page.get_by_role("button", name="Cancel").click()
    page.locator(".phase-aborted").first.wait_for(timeout=60_000)
    alice.look("cancelled-phone-dark")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove").click()
    page.wait_for_url("**/jobs/")
    assert page.locator("table.jobs tbody tr", has_text="tiles").count() == 0


def test_a_link_is_shared_with_somebody_who_has_no_account(
    service: Service, visit: Callable[..., Any], password: str
) -> None:
    job = submit(service, "echo", words="shared words")
    alice = visit()
    alice.log_in("alice", password)
    page = alice.go(f"/jobs/{job}/")
    page.locator(".phase-completed").first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Make a link").click()
    page.get_by_role("button", name="Copy").click()
    link = page.evaluate("() => navigator.clipboard.readText()")
    stranger = visit()
    seen = stranger.go(link.removeprefix(service.url))
    assert seen.get_by_text("by a link that its owner made").count() == 1
    assert seen.get_by_role("button", name="Cancel").count() == 0
    with seen.expect_download() as download:
        seen.get_by_role("link", name="Download", exact=True).first.click()
    assert Path(download.value.path()).read_text() == "shared words"
    assert json.loads(seen.evaluate("() => JSON.stringify(document.cookie)")) == ""
