"""Running applications in a real browser: files sent, inputs chosen, faults told, a job made."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from playwright.sync_api import Page, expect

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
