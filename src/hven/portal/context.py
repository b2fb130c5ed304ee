"""What every page may name."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from django.http import HttpRequest

from hven.declare import Application
from hven.jobs import applications


def page(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001
    """The applications by family for the menu, and the version."""
    return {"families": families, "hven_version": version("hven")}


def families() -> dict[str, list[Application]]:
    """The applications that are offered, by family, both sorted."""
    found: dict[str, list[Application]] = {}
    for made in sorted(applications.offered(), key=lambda made: (made.family, made.title)):
        found.setdefault(made.family, []).append(made)
    return found
