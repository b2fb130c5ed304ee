"""The pages in a real browser: nothing from elsewhere, no policy broken, readable by everybody."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_OPEN = ["", "about", "help", "status", "contact", "applications", "applications/echo"]
_OPEN += ["account/login", "account/signup", "account/password/reset"]
_OWN = ["jobs", "data", "account", "account/email", "account/password/change"]
_OWN += ["account/2fa", "account/sessions", "account/logout", "applications/echo/run"]
_PHONE = {"width": 390, "height": 844}
_SCREEN = {"width": 1280, "height": 900}


@pytest.mark.parametrize(("size", "scheme"), [(_SCREEN, "light"), (_PHONE, "dark")])
def test_every_open_page_is_sound(visit: Callable, size: dict, scheme: str) -> None:
    visitor = visit(viewport=size, color_scheme=scheme)
    for path in _OPEN:
        visitor.go(f"/{path}/".replace("//", "/"))
        visitor.look(f"{path.replace('/', '-') or 'home'}-{scheme}")


@pytest.mark.parametrize(("size", "scheme"), [(_SCREEN, "dark"), (_PHONE, "light")])
def test_every_page_of_ones_own_is_sound(
    visit: Callable, password: str, size: dict, scheme: str
) -> None:
    visitor = visit(viewport=size, color_scheme=scheme)
    visitor.log_in("alice", password)
    for path in _OWN:
        visitor.go(f"/{path}/")
        visitor.look(f"{path.replace('/', '-')}-{scheme}")


def test_a_page_stays_where_it_is_sideways_on_a_phone(visit: Callable) -> None:
    visitor = visit(viewport=_PHONE)
    for path in ["/", "/applications/echo/", "/account/login/", "/status/"]:
        page = visitor.go(path)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= _PHONE["width"], path


def test_the_look_can_be_switched_and_stays(visit: Callable) -> None:
    visitor = visit(viewport=_SCREEN, color_scheme="light")
    page = visitor.go("/")
    page.locator("[data-theme-switch]").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
