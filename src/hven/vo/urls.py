"""Addresses below `/vo`."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, URLResolver, re_path

from hven.vo.views import jobs, lists, outcome, service, sync

_APPLICATION = r"(?P<application>[a-z][a-z0-9_]*)"
_JOB = r"(?P<job>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
#: What is below a job.
_BELOW: dict[str, Any] = {
    "": jobs.job,
    "/phase": jobs.job_phase,
    "/destruction": jobs.destruction,
    "/executionduration": jobs.execution_duration,
    "/quote": jobs.quote,
    "/owner": jobs.owner,
    "/error": jobs.error,
    "/parameters": outcome.parameters,
    r"/parameters/(?P<name>[^/]+)(?:/(?P<number>\d{1,9}))?": outcome.parameter,
    "/results": outcome.results,
    r"/results/(?P<name>[^/]+)": outcome.result,
    "/links": outcome.links,
    "/log": outcome.log,
}


def _list(root: str) -> list[URLPattern]:
    """A list of jobs, and all below it."""
    return [
        re_path(rf"^(?P<root>{root})/?$", lists.jobs),
        *(re_path(rf"^(?P<root>{root})/{_JOB}{path}$", view) for path, view in _BELOW.items()),
    ]


urlpatterns: list[URLPattern | URLResolver] = [
    *_list("vo/jobs"),
    *_list(f"vo/{_APPLICATION}/async"),
    re_path(rf"^(?P<root>vo/{_APPLICATION}/sync)$", sync.sync),
    re_path(rf"^(?P<root>vo/{_APPLICATION}/sync)/{_JOB}$", sync.outcome),
    re_path(rf"^vo/{_APPLICATION}/parameters$", service.description),
    re_path(rf"^vo(?:/{_APPLICATION})?/capabilities$", service.capabilities),
    re_path(rf"^vo(?:/{_APPLICATION})?/availability$", service.availability),
    re_path(r"^vo/links$", service.links_by_id),
]
