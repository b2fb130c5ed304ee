"""Pages in a real browser: what of ours they carry, and when something of them is first seen.

    python benchmarks/pages_in_browser.py [--repeats 5]

The service is a real one, started for this in a temporary folder. Each page is opened with an empty
cache; bytes are those that went over the wire, packed as the browser asks for.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from jobs import APPLICATIONS, ROOT
from report import publish, spread, table

sys.path.insert(0, str(ROOT / "tests"))
from service import Service

PASSWORD = "a long enough password"
#: What of a page is not an asset of ours: the page itself, and what the user's data are shown by.
OWN = "/static/"
VIEWER = "/viewer."
_USER = f"""
from hven.server.part import set_up_django
set_up_django("test")
from allauth.account.models import EmailAddress
from hven.jobs.models import User
user = User.objects.create_user("alice", "alice@example.org", {PASSWORD!r})
EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
"""
_FIRST = """() => new Promise(resolve => {
  const told = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
  const wait = () => told() === undefined ? setTimeout(wait, 20) : resolve(told());
  wait();
})"""


def main() -> None:
    """Measure the pages that are opened most."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="how often each page is opened")
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory(prefix="hven-pages-") as folder:
        service = Service(Path(folder) / "data", {"PYTHONPATH": str(APPLICATIONS)})
        service.start()
        try:
            rows = _measure(service, _pages(service), repeats)
        finally:
            service.stop()
            service.remove()
    head = ("page", "own assets, kB", "of them the viewer, kB", "first seen, ms")
    load = f"Load of the machine over the last five minutes: {os.getloadavg()[1]:.1f}."
    aims = "Aims: assets without the viewer below 150 kB, first seen below 500 ms."
    publish(
        "pages-in-browser", "Pages in Chromium", table(head, rows), aims, load, peers=["django"]
    )


def _pages(service: Service) -> Mapping[str, str]:
    """Pages by name; makes the user and the job that they are of."""
    environment = {**os.environ, "HVEN_DATA": str(service.data)}
    subprocess.run([sys.executable, "-c", _USER], env=environment, check=True)
    shown = str(ROOT / "tests" / "shown_jobs.py")
    made = subprocess.run(
        [sys.executable, shown, "alice"], env=environment, check=True, stdout=subprocess.PIPE
    )
    job = made.stdout.decode().split()[0]
    return {
        "first page": "/",
        "table of jobs": "/jobs/",
        "job with an image": f"/jobs/{job}/",
        "form of a mosaic": "/applications/mosaic/run/",
        "help": "/help/",
    }


def _measure(service: Service, pages: Mapping[str, str], repeats: int) -> list[list[object]]:
    program = shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        session = _log_in(browser, service.url)
        found = {name: [_open(browser, session, path) for _ in range(repeats)]
                 for name, path in pages.items()}  # fmt: skip
        browser.close()
    return [
        [name, f"{every[-1][0] / 1000:.1f}", f"{every[-1][1] / 1000:.1f}",
         spread([seconds for _, _, seconds in every])]
        for name, every in found.items()
    ]  # fmt: skip


def _log_in(browser: Browser, url: str) -> BrowserContext:
    context = browser.new_context(base_url=url)
    page = context.new_page()
    page.goto("/account/login/")
    page.locator("[name=login]").fill("alice")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form[action='/account/login/'] button[type=submit]").click()
    page.wait_for_url("**/jobs/")
    return context


def _open(browser: Browser, session: BrowserContext, path: str) -> tuple[int, int, float]:
    """Bytes of our assets and of the viewer among them, and milliseconds until it is seen."""
    url = session.pages[0].url.removesuffix("/jobs/")
    context = browser.new_context(base_url=url, storage_state=session.storage_state())
    page = context.new_page()
    sizes: dict[str, int] = {}
    watched = context.new_cdp_session(page)
    names: dict[str, str] = {}
    watched.send("Network.enable")
    watched.on("Network.requestWillBeSent", lambda told: names.update(
        {told["requestId"]: told["request"]["url"]}))  # fmt: skip
    watched.on("Network.loadingFinished", lambda told: sizes.update(
        {names.get(told["requestId"], ""): int(told["encodedDataLength"])}))  # fmt: skip
    page.goto(path, wait_until="load")
    first = float(page.evaluate(_FIRST))
    page.wait_for_timeout(500)  # Modules of modules, and pictures that are soon seen.
    context.close()
    time.sleep(1.0)  # The browser takes a page down with both cores; that is no part of the next.
    own = {name: size for name, size in sizes.items() if OWN in name}
    return sum(own.values()), sum(size for name, size in own.items() if VIEWER in name), first


if __name__ == "__main__":
    main()
