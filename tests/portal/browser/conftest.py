"""What tests in a real browser may ask for: a service of their own, and Chromium in front of it.

A page fails its test when it asks for anything elsewhere, breaks its Content-Security-Policy or
says an error on the console. `HVEN_TEST_SCREENSHOTS` names a folder for pictures of the pages.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from file_server import FileServer
from input_files import PACKAGES
from programs import missing
from served import archive as archive
from service import Service

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--metrics-recording-only",
]
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
#: What axe calls violations that nobody may be let to meet.
_SERIOUS = ("serious", "critical")
_LOOK = """async () => (await axe.run({ resultTypes: ["violations"] })).violations.map(
  ({ id, impact, nodes }) => ({ id, impact, places: nodes.map(({ html }) => html) }))"""
_PASSWORD = "a long enough password"
_CODE = """
from hven.server.part import set_up_django
set_up_django("test")
from allauth.account.models import EmailAddress
from hven.jobs.models import User
for name in {names}:
    make = User.objects.create_superuser if {administrators} else User.objects.create_user
    user = make(name, name + "@example.org", {password!r})
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
"""


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, archive: FileServer) -> Iterator[Service]:
    """A service that all tests in the browser share; each makes users of its own."""
    # Only its sample applications: the loading of others takes seconds.
    settings = {
        "PYTHONPATH": os.pathsep.join(map(str, PACKAGES)),
        "HVEN_WEB_PROCESSES": "1",
        "HVEN_FETCH_FROM": f"private:{archive.place}",
    }
    made = Service(tmp_path_factory.mktemp("portal") / "data", settings)
    made.start()
    yield made
    made.stop()
    made.remove()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser. It ends with its module: while it runs, Django refuses its database here."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        missing("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        browser.close()


class Visitor:
    """Somebody with a browser window, who notes what a page should not do."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self._context = browser.new_context(base_url=url, locale="en-GB", **options)
        self._context.grant_permissions(["clipboard-read", "clipboard-write"])
        self._url = url
        self.page: Page = self._context.new_page()
        #: What is wrong with the pages that were seen.
        self.faults: list[str] = []
        #: Parts of such sentences that the test expects.
        self.expected: list[str] = []
        self._context.on("request", self._asked)
        self._context.on("console", self._said)
        self._context.on("weberror", lambda error: self.faults.append(f"error: {error.error}"))

    def go(self, path: str) -> Page:
        """Open a page of the service."""
        self.page.goto(path)
        return self.page

    def log_in(self, name: str, password: str) -> None:
        """Log in by the form."""
        page = self.go("/account/login/")
        page.locator("[name=login]").fill(name)
        page.locator("[name=password]").fill(password)
        page.locator("form[action='/account/login/'] button[type=submit]").click()
        page.wait_for_url(re.compile(r"/jobs/"))

    def look(self, name: str) -> None:
        """Keep a picture of the page, and see that axe finds nothing serious."""
        folder = os.environ.get("HVEN_TEST_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(Axe().axe_script)
        for rule in self.page.evaluate(_LOOK):
            if rule["impact"] in _SERIOUS:
                places = "; ".join(html[:200] for html in rule["places"])
                self.faults.append(f"axe {rule['id']} on {self.page.url}, {name}: {places}")

    def close(self) -> None:
        """End, and fail where a page did what it should not."""
        self._context.close()
        told = [fault for fault in self.faults if not any(part in fault for part in self.expected)]
        assert told == []

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self._url, "blob:", "data:")):
            self.faults.append(f"asked elsewhere: {request.url}")

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")


@pytest.fixture
def visit_at(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Opens windows before any service: `visit_at(url, viewport={...})`."""
    opened: list[Visitor] = []

    def open_window(url: str, **options: Any) -> Visitor:
        opened.append(Visitor(chromium, url, **options))
        return opened[-1]

    yield open_window
    for visitor in opened:
        visitor.close()


@pytest.fixture
def visit(visit_at: Callable[..., Visitor], service: Service) -> Callable[..., Visitor]:
    """Opens windows: `visit(viewport={...}, color_scheme="dark")`."""
    return functools.partial(visit_at, service.url)


@pytest.fixture(scope="session")
def password(service: Service) -> str:
    """The password of alice, bob, charlie and of the administrator ada, whom all tests share."""
    add_users(service, ["alice", "bob", "charlie"], _PASSWORD)
    add_users(service, ["ada"], _PASSWORD, administrators=True)
    return _PASSWORD


def add_users(
    service: Service, names: list[str], password: str, *, administrators: bool = False
) -> None:
    """Add users with proven mail addresses to a running service, by its own code."""
    environment = {**os.environ, "HVEN_DATA": str(service.data)}
    code = _CODE.format(names=names, password=password, administrators=administrators)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.fixture(scope="session")
def jobs_of_alice(service: Service, password: str) -> tuple[str, str]:
    """Ids of a job that has an image, tables, a picture and a text, and of one that failed."""
    made = subprocess.run(
        [sys.executable, str(Path(__file__).parents[2] / "shown_jobs.py"), "alice"],
        env={**os.environ, "HVEN_DATA": str(service.data)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    done, failed = made.stdout.split()
    return done, failed


@pytest.fixture
def job_of_alice(jobs_of_alice: tuple[str, str]) -> str:
    """The id of the job that has results."""
    return jobs_of_alice[0]
