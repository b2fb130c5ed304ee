"""Addresses below `/api/v1`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.http import require_safe
from ninja import NinjaAPI

from hven.api.asking import EVERYBODY, answer
from hven.api.description import describe
from hven.api.pages import CONTENT_SECURITY_POLICY, render
from hven.api.problems import handle_errors
from hven.api.routes import (
    account,
    catalogue,
    control,
    everything,
    jobs,
    outcome,
    schedules,
    uploads,
)
from hven.errors import RateError
from hven.web.problems import problem_of, respond

api = NinjaAPI(
    title="Hven",
    version=version("hven"),
    description="Jobs of astronomical applications: made, followed, fetched.",
    # The page of documentation would have browsers load scripts from elsewhere.
    docs_url=None,
    openapi_url=None,
    urls_namespace="api",
)
for prefix, router in (
    ("/jobs", jobs.router),
    ("/jobs", control.router),
    ("/jobs", outcome.router),
    ("/uploads", uploads.router),
    ("/schedules", schedules.router),
    ("", catalogue.router),
    ("", account.router),
    ("", everything.router),
):
    api.add_router(prefix, router)
handle_errors(api)


@functools.cache
def description() -> dict[str, Any]:
    """The OpenAPI document."""
    return describe(api)


@require_safe
def read_description(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document; anybody may read it."""
    return _counted(request, lambda: answer(description()))


@require_safe
def read_pages(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document as a page to read."""
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return _counted(request, lambda: HttpResponse(_page(), headers=headers))


@functools.cache
def _page() -> str:
    return render(description())


def _counted(request: HttpRequest, make: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        EVERYBODY(request)
    except RateError as error:
        return respond(problem_of(error))
    return make()


patterns, _, namespace = api.urls
urlpatterns: list[URLPattern | URLResolver] = [
    path("openapi.json", read_description),
    path("docs", read_pages),
    path("", (patterns, "api", namespace)),
]
