"""What every page may name."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from django.http import HttpRequest

from hven.declare import Application
from hven.jobs import applications
from hven.portal.accounts import preferences


def page(request: HttpRequest) -> dict[str, Any]:
    """The applications by family for the menu, the version, the look that is preferred."""
    user = getattr(request, "user", None)
    return {
        "families": families,
        "hven_version": version("hven"),
        "preferred": preferences.of(user),
    }


def families() -> dict[str, list[Application]]:
    """The applications that are offered, by family, both sorted."""
    found: dict[str, list[Application]] = {}
    for made in sorted(applications.offered(), key=lambda made: (made.family, made.title)):
        found.setdefault(made.family, []).append(made)
    return found
