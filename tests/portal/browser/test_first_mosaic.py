"""From an empty service to the picture of a mosaic, as somebody goes who has never seen it.

Only what stands on the pages is pressed, each time what lies nearest. The frames are cut from a
real image, as in `make demo`. `make pictures` takes the pictures of the help page on this way.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiosmtpd.controller import Controller
from astropy.io import fits
from playwright.sync_api import Page, expect

from mailbox_server import Mailbox, free_port
from page_pictures import WINDOW, take_picture
from service import Service, wait

_SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
_NAME, _MAIL, _PASSWORD = "tycho", "tycho@example.org", "uraniborg on the island of hven"
#: What a viewer shows, as brightnesses from 0 to 255: a square in the middle of its canvas.
_SEEN = """canvas => {
  const [x, y] = [canvas.width / 2 - 100, canvas.height / 2 - 100];
  const found = canvas.getContext("2d").getImageData(x, y, 200, 200).data;
  return Array.from({ length: found.length / 4 }, (_, n) => found[4 * n]);
}"""
#: Notes on the page itself what it shows from now on; a page that is loaded anew has no notes.
_WATCH = """() => {
  window.seen = new Set();
  const note = () => {
    for (const each of document.querySelectorAll(".badge, .stage > span:first-child")) {
      window.seen.add(each.textContent);
    }
  };
  const watched = { subtree: true, childList: true };
  new MutationObserver(note).observe(document.querySelector("#live"), watched);
  note();
}"""

# A busy machine takes its time to look into files.
expect.set_options(timeout=40_000)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Where the mails of `empty_service` go."""
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    mailbox.port = server.port
    yield mailbox
    server.stop()


@pytest.fixture
def empty_service(tmp_path: Path, mailbox: Mailbox) -> Iterator[Service]:
    """What `make serve` starts for the first time, with all applications."""
    settings = {
        "HVEN_MAIL_SERVER": f"smtp://127.0.0.1:{mailbox.port}",
        "HVEN_WEB_PROCESSES": "1",
        "HVEN_NODE": "uraniborg",
    }
    made = Service(tmp_path / "data", settings)
    made.start()
    yield made
    made.stop()
    made.remove()


@pytest.fixture
def frames(tmp_path: Path) -> list[Path]:
    """Six exposures of the Hubble eXtreme Deep Field, each with its own sky."""
    sys.path.insert(0, str(_SCRIPTS))
    try:
        exposures: Any = importlib.import_module("exposures")
    finally:
        sys.path.remove(str(_SCRIPTS))
    frame = dataclasses.replace(exposures.FRAMES["xdf"], columns=3, rows=2)
    return list(exposures.cut(frame, tmp_path / "frames", np.random.default_rng(1576)).files)


def test_who_has_never_seen_it_gets_to_the_picture_of_a_mosaic(
    visit_at: Callable[..., Any],
    empty_service: Service,
    mailbox: Mailbox,
    frames: list[Path],
) -> None:
    visitor = visit_at(empty_service.url, viewport=WINDOW, color_scheme="light")
    page = visitor.go("/")
    _register(page, mailbox)
    _log_in(page)
    _choose_the_mosaic(page)
    _give_frames(page, frames)
    _watch(page)
    _see(page)
    for _ in range(2):
        page.get_by_role("button", name="Larger").click()
    take_picture(page, "result")
    _download(page)
    link = _share(page)
    stranger = visit_at(empty_service.url, viewport=WINDOW)
    _see(stranger.go(link.removeprefix(empty_service.url)))


def _register(page: Page, mailbox: Mailbox) -> None:
    page.get_by_role("main").get_by_role("link", name="Register").click()
    page.get_by_label("Username").fill(_NAME)
    page.get_by_label("Email").fill(_MAIL)
    page.get_by_label("Password", exact=True).fill(_PASSWORD)
    page.get_by_label("Password (again)").fill(_PASSWORD)
    take_picture(page, "register")
    page.get_by_role("main").get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    (letter,) = wait(lambda: mailbox.mails)
    assert letter["To"] == _MAIL
    page.goto(re.search(r"http://\S+", letter.get_content())[0])
    page.get_by_role("button", name="Confirm").click()


def _log_in(page: Page) -> None:
    page.get_by_label("Login").fill(_NAME)
    page.get_by_label("Password").fill(_PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="You have no jobs yet")).to_be_visible()


def _choose_the_mosaic(page: Page) -> None:
    page.get_by_role("link", name="Choose an application").click()
    page.get_by_role("main").get_by_role("link", name="Image mosaic", exact=True).click()
    expect(page.get_by_role("heading", name="Image mosaic")).to_be_visible()
    take_picture(page, "application")
    page.get_by_role("link", name="Run it").click()


def _give_frames(page: Page, frames: list[Path]) -> None:
    page.get_by_label("Send files").first.set_input_files(frames)
    expect(page.locator("#p-images-chosen li")).to_have_count(len(frames))
    expect(page.locator("#estimate")).to_contain_text("≈")
    take_picture(page, "run")
    page.get_by_role("button", name="Look at all").click()
    expect(page.locator("#look .outline")).to_have_count(len(frames))
    expect(page.locator("#look img")).to_have_count(len(frames))
    take_picture(page, "look")
    page.get_by_role("button", name="Close").click()


def _watch(page: Page) -> None:
    """The page of the job is not loaded anew, and comes to the picture by itself."""
    page.get_by_label("Label").fill("Deep field")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}/"))
    page.evaluate(_WATCH)
    page.locator(".stage").first.wait_for(timeout=300_000)
    take_picture(page, "job")
    page.locator(".phase-completed").wait_for(timeout=300_000)
    seen = page.evaluate("() => [...window.seen]")
    assert {"Running", "Completed", "Project the images onto the grid"} <= set(seen), seen
    _assert_is_seen(page)


def _see(page: Page) -> None:
    page.get_by_role("link", name="Show large").click()
    page.wait_for_url(re.compile(r"/results/mosaic/"))
    _assert_is_seen(page)


def _assert_is_seen(page: Page) -> None:
    """The viewer shows galaxies on a dark sky, not a frame around nothing."""
    page.wait_for_function("() => document.querySelector('.viewer')?.ariaBusy === 'false'")
    canvas = page.locator(".viewer canvas")

    def brightness() -> np.ndarray:
        return np.array(canvas.evaluate(_SEEN))

    wait(lambda: page.wait_for_timeout(100) or brightness().std() > 10)
    assert len(np.unique(brightness())) > 100


def _download(page: Page) -> None:
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").first.click()
    image, header = fits.getdata(download.value.path(), header=True)
    assert np.isfinite(image).mean() > 0.2
    assert header["BUNIT"] == "DN"


def _share(page: Page) -> str:
    page.get_by_role("link", name="Deep field").click()
    page.get_by_role("button", name="Make a link").click()
    page.get_by_role("heading", name="Share").scroll_into_view_if_needed()
    take_picture(page, "share")
    page.get_by_role("button", name="Copy").click()
    return str(page.evaluate("() => navigator.clipboard.readText()"))
