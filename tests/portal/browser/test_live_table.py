"""The table of jobs in a real browser keeps itself right: by its stream, and without one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from service import Service

#: Milliseconds between two requests for rows, less what a timer may be early.
_BETWEEN = 950
_LISTENS = "() => document.documentElement.dataset.listens === 'yes'"
#: When rows were asked for since a moment, and by which addresses.
_ASKED = """begun => performance.getEntriesByType("resource")
    .filter(entry => entry.startTime > begun && entry.name.includes("/jobs/rows/"))
    .map(entry => [entry.startTime, entry.name])"""
_HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


class Api:
    """What a program of somebody's does meanwhile."""

    def __init__(self, service: Service, name: str, password: str) -> None:
        self._service = service
        self._auth = (name, password)

    def submit(self, application: str, label: str = "", **parameters: Any) -> str:
        """A new job; its id."""
        wish = {"application": application, "parameters": parameters, "label": label}
        return str(self._ask("POST", "", json=wish).json()["id"])

    def remove(self, job: str) -> None:
        """Delete a job."""
        self._ask("DELETE", f"/{job}")

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        with self._service.client() as client:
            answer = client.request(method, f"/api/v1/jobs{path}", auth=self._auth, **content)
            assert answer.is_success, answer.text
            return answer


@pytest.fixture
def bob(service: Service, password: str) -> Api:
    """Bob's program."""
    return Api(service, "bob", password)


def row_of(page: Any, job: str) -> Any:
    return page.locator(f'table.jobs tr[data-job="{job}"]')


def test_jobs_from_elsewhere_come_and_go_by_themselves(
    visit: Callable[..., Any], password: str, bob: Api
) -> None:
    window = visit(viewport={"width": 1280, "height": 900})
    window.log_in("bob", password)
    page = window.page
    # Who has no job yet sees the first one as well.
    page.get_by_text("You have no jobs yet").wait_for()
    page.wait_for_function(_LISTENS)
    first = bob.submit("echo", "first", words="one")
    row_of(page, first).locator(".phase-completed").wait_for(timeout=120_000)
    page.wait_for_function(_LISTENS)

    page.wait_for_timeout(2_500)  # What was missed before the stream was open has come.

    begun = page.evaluate("performance.now()")
    # What happens to one job leaves the rows of others as they are.
    row_of(page, first).evaluate("row => { row.marked = true; }")
    row_of(page, first).locator("[name=job]").check()
    second = bob.submit("tiles", "second", count=40, seconds=0.1)
    row_of(page, second).wait_for(timeout=10_000)
    page.wait_for_function(
        "id => document.querySelector(`tr[data-job='${id}'] progress`)?.value >= 20", arg=second
    )
    window.look("table-live")
    row_of(page, second).locator(".phase-completed").wait_for(timeout=60_000)
    assert row_of(page, first).evaluate("row => row.marked")
    assert row_of(page, first).locator("[name=job]").is_checked()
    # By the clock of the page: word of a request may come late.
    asked = page.evaluate(_ASKED, begun)
    moments = [moment for moment, _ in asked]
    assert min(later - earlier for earlier, later in pairwise(moments)) > _BETWEEN
    assert all(f"changed={second}" in url for _, url in asked)

    bob.remove(first)
    row_of(page, first).wait_for(state="detached", timeout=10_000)
    assert row_of(page, second).count() == 1


def test_ten_windows_at_a_time_all_go_on(
    visit: Callable[..., Any], password: str, bob: Api
) -> None:
    window = visit()
    window.log_in("bob", password)
    window.expected.append("429")
    bob.submit("echo", "here already", words="x")
    # A browser without a screen takes all its windows for seen, so none lets go of its stream.
    pages = [window.page, *(window.page.context.new_page() for _ in range(9))]
    for page in pages:
        page.goto("/jobs/")
        page.locator("html[data-listens]").wait_for(state="attached")
    job = bob.submit("echo", "while ten look on", words="x")
    for page in pages:
        row_of(page, job).locator(".phase-completed").wait_for(timeout=120_000)
    listening = [page.evaluate(_LISTENS) for page in pages]
    assert sum(listening) == 4


def test_a_window_that_is_hidden_lets_go_of_its_stream(
    visit: Callable[..., Any], password: str, bob: Api
) -> None:
    window = visit()
    window.log_in("bob", password)
    bob.submit("echo", "here already", words="x")
    page = window.go("/jobs/")
    page.wait_for_function(_LISTENS)
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    page.evaluate(_HIDE, True)
    assert not page.evaluate(_LISTENS)
    job = bob.submit("echo", "while hidden", words="x")
    # Longer than a page that asks by itself would wait.
    page.wait_for_timeout(5_000)
    assert asked == []
    page.evaluate(_HIDE, False)
    page.wait_for_function(_LISTENS)
    row_of(page, job).locator(".phase-completed").wait_for(timeout=10_000)
