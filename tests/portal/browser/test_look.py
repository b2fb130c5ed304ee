"""The pages in a real browser: nothing from elsewhere, no policy broken, readable by everybody.

Each page is looked at on a screen by day and on a phone by night.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

_OPEN = ["", "about", "help", "status", "contact", "applications", "applications/echo"]
_OPEN += ["account/login", "account/signup", "account/password/reset", "nothing"]
_OWN = ["jobs", "data", "account", "account/email", "account/password/change"]
_OWN += ["account/tokens", "account/preferences", "account/data"]
_OWN += ["account/2fa", "account/sessions", "account/logout", "applications/echo/run"]
_OWN += ["applications/fof", "applications/fof/run"]
_PHONE = {"width": 390, "height": 844}
_SCREEN = {"width": 1280, "height": 900}
_VARIANTS = ((_SCREEN, "light"), (_PHONE, "dark"))


def look_at(visitor: Any, paths: Iterable[str], kind: str = "") -> None:
    """Look at pages in both variants; none may be wider than its window."""
    wide = []
    for path in paths:
        page = visitor.go(f"/{path}/".replace("//", "/"))
        if page.locator(".viewer").count():
            page.wait_for_function("() => document.querySelector('.viewer').ariaBusy === 'false'")
        for size, scheme in _VARIANTS:
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            name = kind + (path.partition("?")[0].replace("/", "-") or "home")
            visitor.look(f"{name}-{scheme}")
            if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
                wide.append(f"{path} on {size['width']} pixels")
    assert wide == []


def test_every_open_page_is_sound(visit: Callable) -> None:
    visitor = visit()
    visitor.expected.append("404")
    look_at(visitor, _OPEN)


def test_every_page_of_ones_own_is_sound(
    visit: Callable, password: str, jobs_of_alice: tuple[str, str]
) -> None:
    visitor = visit()
    visitor.log_in("alice", password)
    look_at(visitor, _OWN)


def test_every_page_of_a_job_is_sound(
    visit: Callable, password: str, jobs_of_alice: tuple[str, str]
) -> None:
    visitor = visit()
    visitor.log_in("alice", password)
    done, failed = (f"jobs/{each}" for each in jobs_of_alice)
    look_at(visitor, [done], "job-")
    look_at(visitor, [failed], "failed-")
    shown = ["image", "groups", "plot", "words"]
    look_at(visitor, [f"{done}/results/{name}" for name in shown], "result-")
    visitor.page.goto(f"/{done}/results/groups/?x=ra&y=dec")
    visitor.page.locator("svg.plot circle").first.wait_for()
    visitor.look("result-plot-dark")


def test_the_look_can_be_switched_and_stays(visit: Callable) -> None:
    visitor = visit(viewport=_SCREEN, color_scheme="light")
    page = visitor.go("/")
    page.locator("[data-theme-switch]").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
