"""Addresses below `/api/v1`."""

from __future__ import annotations

from importlib.metadata import version

from django.urls import URLPattern, URLResolver, path
from ninja import NinjaAPI

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

api = NinjaAPI(
    title="Hven",
    version=version("hven"),
    description="Jobs of astronomical applications: made, followed, fetched.",
    # The page of documentation would have browsers load scripts from elsewhere.
    docs_url=None,
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

patterns, _, namespace = api.urls
urlpatterns: list[URLPattern | URLResolver] = [path("", (patterns, "api", namespace))]
