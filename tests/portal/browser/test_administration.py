"""From the link that a new service prints to an administrator who looks after it."""

from __future__ import annotations

import email.policy
import re
from collections.abc import Callable
from pathlib import Path

from service import Service

_PASSWORD = "uraniborg on the island of hven"
_SCREEN = {"width": 1280, "height": 900}


def test_a_new_service_is_entered_by_its_link_and_looked_after(
    visit: Callable, service: Service, tmp_path: Path
) -> None:
    link = (service.data / "admin-login").read_text().strip()
    assert any(link in line for line in service.said)
    visitor = visit(viewport=_SCREEN)
    page = visitor.go(link)
    visitor.look("first-password")
    page.locator("[name=password1]").fill(_PASSWORD)
    page.locator("[name=password2]").fill(_PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(re.compile(r"/jobs/"))

    visitor.go("/admin/")
    visitor.look("admin")
    visitor.go("/admin/usage/")
    visitor.look("admin-usage")
    visitor.go("/admin/applications/")
    row = page.get_by_role("row", name="Echo")
    row.get_by_role("textbox").fill("being mended")
    row.get_by_role("button", name="Switch off").click()
    page.get_by_text("off: being mended").wait_for()
    visitor.look("admin-applications")
    visitor.expected.append("404")
    assert visitor.page.goto("/applications/echo/").status == 404
    visitor.go("/admin/applications/")
    page.get_by_role("button", name="Switch on Echo").click()
    page.get_by_text("is switched on").wait_for()

    (tmp_path / "m13.fits").write_bytes(b"SIMPLE")
    visitor.go("/admin/jobs/dataset/add/")
    page.locator("[name=title]").fill("Messier 13")
    page.locator("[name=folder]").fill("nowhere")
    page.locator("[name=_save]").click()
    page.get_by_text("It must be the whole path of a folder").wait_for()
    page.locator("[name=folder]").fill(str(tmp_path))
    page.locator("[name=_save]").click()
    page.wait_for_url(re.compile(r"/admin/jobs/dataset/$"))
    visitor.go("/data/")
    page.get_by_text("Messier 13").first.wait_for()

    visitor.go("/admin/web/invitation/add/")
    page.locator("[name=email]").fill("nils@example.org")
    page.locator("[name=_save]").click()
    page.locator(".messagelist code").wait_for()
    visitor.look("admin-invitation")


def test_who_registers_is_let_in_by_a_mail(visit: Callable, service: Service) -> None:
    visitor = visit(viewport=_SCREEN)
    page = visitor.go("/account/signup/")
    page.locator("[name=username]").fill("sophie")
    page.locator("[name=email]").fill("sophie@example.org")
    page.locator("[name=password1]").fill(_PASSWORD)
    page.locator("[name=password2]").fill(_PASSWORD)
    page.locator("form[action='/account/signup/'] button[type=submit]").click()
    page.get_by_role("heading", name="Look into your mail").wait_for()
    visitor.look("verification-sent")
    visitor.go(_link_to("sophie@example.org", service.data))
    page.locator("form[action*='/account/confirm-email/'] button").click()
    page.wait_for_load_state()
    visitor.log_in("sophie", _PASSWORD)
    visitor.go("/account/tokens/")
    page.locator("[name=name]").fill("laptop")
    page.get_by_role("button", name="Make a token").click()
    page.locator("#secret").wait_for()
    visitor.look("tokens")
    visitor.go("/account/preferences/")
    visitor.look("preferences")
    page.locator("main [name=language]").select_option("pt-br")
    page.locator("main [name=theme]").select_option("dark")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Preferências").wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    visitor.go("/account/data/")
    visitor.look("own-data")
    page.locator("[name=name]").fill("sophie")
    page.locator("[name=password]").fill(_PASSWORD)
    page.get_by_role("button", name="Remover tudo").click()
    page.wait_for_url(re.compile(r"/$"))
    page.get_by_text("Sua conta").first.wait_for()


def _link_to(address: str, data: Path) -> str:
    """The path of the link in the newest mail to somebody."""
    for path in (data / "mail").glob("*.eml"):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if mail["To"] == address:
            found = re.search(r"https?://[^/\s]+(/account/confirm-email/\S+)", mail.get_content())
            assert found is not None
            return found[1]
    raise AssertionError(f"there is no mail to {address}")
