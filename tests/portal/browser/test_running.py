"""Running applications in a real browser: files sent, inputs chosen, faults told, a job made."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from playwright.sync_api import Page, Route, expect

from service import wait

_PHONE = {"width": 390, "height": 844}
_SCREEN = {"width": 1280, "height": 900}
#: A drop as the browser would make it of files from the desktop.
_DROP = """([selector, name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.querySelector(selector).dispatchEvent(
      new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""


def image(path: Path, ra: float, seed: int) -> Path:
    """A small image with a WCS, some stars on noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:120, :150]
    data = rng.normal(100, 3, (120, 150))
    for cx, cy, flux in rng.uniform((5, 5, 50), (145, 115, 900), (25, 3)):
        data += flux * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 4)
    header = fits.Header(
        {
            "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": 20.0,
            "CRPIX1": 75.5, "CRPIX2": 60.5, "CDELT1": -1e-3, "CDELT2": 1e-3, "BUNIT": "Jy/pixel",
            "OBJECT": "field <b>one</b>",
        }
    )  # fmt: skip
    fits.writeto(path, data.astype(np.float32), header, overwrite=True)
    return path


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("images")
    return [
        image(folder / f"{name}.fits", ra, seed)
        for seed, (name, ra) in enumerate([("west", 150.0), ("east", 150.1)])
    ]


# A busy machine takes its time to look into files.
expect.set_options(timeout=40_000)


def wait_for_job(page: Page) -> None:
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}/"))


@pytest.mark.parametrize(("size", "scheme"), [(_SCREEN, "light"), (_PHONE, "dark")])
def test_the_form_with_files_is_sound(
    visit: Callable, password: str, images: list[Path], size: dict, scheme: str
) -> None:
    visitor = visit(viewport=size, color_scheme=scheme)
    visitor.log_in("alice", password)
    page = visitor.go("/applications/mosaic/run/")
    visitor.look(f"run-empty-{scheme}")
    page.locator("#p-images-file").set_input_files(images)
    expect(page.locator("#p-images-chosen li")).to_have_count(2)
    page.locator("#p-pixel_scale").fill("0.1 arcmin")
    page.locator("#p-width").fill("-3")
    page.locator("#p-width").blur()
    expect(page.locator("#p-pixel_scale-reading")).to_have_text("= 6 arcsec")
    expect(page.locator("#p-width-fault")).to_contain_text("Must be above 0")
    visitor.look(f"run-filled-{scheme}")
    page.locator("#p-images-chosen [data-look-all]").click()
    expect(page.locator("#look .outline")).to_have_count(2)
    expect(page.locator("#look img")).to_have_count(2)
    visitor.look(f"run-look-{scheme}")
    page.locator("#look [data-close]").click()
    page.locator("[data-field=images] [data-from=uploads]").click()
    expect(page.locator("#picker .choices li").first).to_contain_text(".fits")
    visitor.look(f"run-picker-{scheme}")
    page.locator("#picker [data-close]").click()
    page.locator("#way-curl-tab").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    visitor.expected.append("422")  # The browser says on its console that a form was refused.
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#faults")).to_contain_text("Width: must be above 0")
    assert page.locator("#p-pixel_scale").input_value() == "0.1 arcmin"
    visitor.look(f"run-refused-{scheme}")
    for path in ("data", "applications/mosaic", "applications"):
        visitor.go(f"/{path}/")
        visitor.look(f"{path.replace('/', '-')}-full-{scheme}")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path


def test_the_example_of_a_mosaic_runs_from_its_page_to_the_end(
    visit: Callable, password: str
) -> None:
    visitor = visit(viewport=_SCREEN)
    visitor.log_in("bob", password)
    page = visitor.go("/applications/mosaic/")
    page.get_by_role("button", name="Fill the form with it").click()
    expect(page.locator("#p-images-chosen li")).to_have_count(3)
    expect(page.locator("#estimate")).to_contain_text("≈")
    page.get_by_role("button", name="Run", exact=True).click()
    wait_for_job(page)
    job = page.url.rstrip("/").rpartition("/")[2]

    def phase() -> str:
        return str(page.request.get(f"/api/v1/jobs/{job}").json()["phase"])

    found = wait(lambda: phase() in ("COMPLETED", "ERROR", "ABORTED") and phase(), 240)
    assert found == "COMPLETED"
    page = visitor.go("/applications/mosaic/")
    expect(page.get_by_role("link", name="Your last run of it")).to_be_visible()
    # What came out is an input for others.
    visitor.go("/applications/copy/run/")
    page.locator("[data-from=results]").click()
    page.locator("#picker-search").fill("preview")
    expect(page.locator("#picker .choices li")).to_have_count(1)
    page.locator("#picker .choices input").check()
    page.locator("#picker-add").click()
    expect(page.locator("#p-files-chosen li")).to_contain_text("preview.png")


def test_files_are_dropped_and_go_on_where_they_broke_off(
    visit: Callable, password: str, tmp_path: Path
) -> None:
    visitor = visit(viewport=_SCREEN)
    visitor.log_in("charlie", password)
    page = visitor.go("/applications/copy/run/")
    page.evaluate(_DROP, ["[data-drop]", "dropped.txt", "words"])
    expect(page.locator("#p-files-chosen li")).to_contain_text("dropped.txt")
    offsets: list[int] = []

    def cut_the_second(route: Route) -> None:
        if route.request.method != "PATCH":
            route.continue_()
            return
        offsets.append(int(route.request.headers["upload-offset"]))
        route.abort("connectionreset") if len(offsets) == 2 else route.continue_()

    visitor.expected.append("net::ERR_CONNECTION_RESET")
    page.route("**/api/v1/uploads/*", cut_the_second)
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(range(256)) * (20 * 2**12))
    page.locator("#p-files-file").set_input_files(large)
    expect(page.locator("#p-files-chosen li")).to_have_count(2)
    assert offsets == [0, 8 * 2**20, 8 * 2**20, 16 * 2**20]
    found = page.request.get("/api/v1/uploads").json()["uploads"][0]
    assert found["sha256"] == hashlib.sha256(large.read_bytes()).hexdigest()


def test_a_stopped_upload_goes_on_after_the_page_was_left(
    visit: Callable, password: str, tmp_path: Path
) -> None:
    visitor = visit(viewport=_SCREEN)
    visitor.log_in("charlie", password)
    page = visitor.go("/data/")
    large = tmp_path / "halted.bin"
    large.write_bytes(bytes(20 * 2**20))
    methods: list[str] = []

    def hang(route: Route) -> None:
        methods.append(route.request.method)
        if route.request.method == "PATCH" and methods.count("PATCH") == 2:
            return  # As a network that says nothing.
        route.continue_()

    page.route("**/api/v1/uploads**", hang)
    page.locator("#upload-files").set_input_files(large)
    row = page.locator("#upload-sending li")
    wait(lambda: page.wait_for_timeout(100) or methods.count("PATCH") == 2)
    row.get_by_role("button", name="Stop").click()
    expect(row).to_contain_text("Stopped")
    visitor.look("data-stopped")
    page.unroute("**/api/v1/uploads**")
    page = visitor.go("/data/")
    heads: list[str] = []
    page.on("request", lambda request: heads.append(f"{request.method} {request.url}"))
    page.locator("#upload-files").set_input_files(large)
    expect(page.locator("#uploads")).to_contain_text("halted.bin")
    expect(page.locator("#upload-sending li")).to_have_count(0)
    ways = [each.split()[0] for each in heads if "/api/v1/uploads" in each]
    assert ways == ["HEAD", "PATCH", "PATCH"]


def test_a_job_is_made_with_the_keyboard_alone(visit: Callable, password: str) -> None:
    visitor = visit(viewport=_SCREEN)
    visitor.log_in("alice", password)
    page = visitor.go("/applications/echo/run/")

    def tab_to(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("(s) => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"not reached by Tab: {selector}")

    tab_to("#p-words")
    page.keyboard.press("Control+a")
    page.keyboard.type("by hand")
    tab_to("#t-label")
    page.keyboard.type("keys")
    tab_to("button[value=run]")
    page.keyboard.press("Enter")
    wait_for_job(page)
    job = page.request.get(page.url.replace("/jobs/", "/api/v1/jobs/").rstrip("/")).json()
    assert (job["parameters"], job["label"]) == ({"words": "by hand"}, "keys")


def test_a_job_is_made_without_any_script(visit: Callable, password: str, tmp_path: Path) -> None:
    visitor = visit(viewport=_SCREEN, java_script_enabled=False)
    visitor.log_in("alice", password)
    page = visitor.go("/applications/weigh/run/")
    path = tmp_path / "plain.txt"
    path.write_text("words")
    page.locator("#p-files-file").set_input_files(path)
    visitor.expected.append("422")
    page.locator("#p-repeat").fill("0")
    page.locator("button[value=run]").click()
    expect(page.locator("#p-repeat-fault")).to_contain_text("Must be at least 1")
    expect(page.locator("#p-files-chosen")).to_contain_text("plain.txt")
    page.locator("#p-repeat").fill("2")
    page.locator("button[value=run]").click()
    wait_for_job(page)
