"""Inputs by address in a real browser: named, fetched by the service, seen on the job's page."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from file_server import FileServer, failing, file

# A busy machine takes its time to run jobs.
expect.set_options(timeout=40_000)


def test_an_input_by_address_is_named_fetched_and_seen(
    visit: Callable, password: str, archive: FileServer
) -> None:
    archive.responses["/m31.txt"] = failing(503, 1, file(b"from afar\n"))
    visitor = visit()
    visitor.log_in("alice", password)
    page = visitor.go("/applications/copy/run/")
    box = page.get_by_label("From an address")
    expect(page.locator(".address")).to_contain_text(archive.place)
    box.fill("https://elsewhere.example/x.fits")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#p-files-fault")).to_contain_text("elsewhere.example is none of them")
    visitor.look("address-refused")
    page.get_by_role("button", name="Take out").click()
    box.fill(archive.url("/m31.txt"))
    box.press("Enter")
    expect(page.locator("#p-files-chosen li")).to_contain_text("fetched when the job begins")
    expect(page.locator("#p-files-fault")).to_be_empty()
    expect(box).to_have_value("")
    visitor.look("address-chosen")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}/"))
    # The dispatcher may still be getting warm.
    told = page.get_by_role("listitem")
    expect(told.filter(has_text="copying m31.txt").first).to_be_visible(timeout=180_000)
    expect(told.filter(has_text="its server answered 503").first).to_be_visible()
    visitor.look("address-job")
    page = visitor.go("/data/")
    expect(page.get_by_text(archive.url("/m31.txt"))).to_be_visible()
    visitor.look("address-data")
