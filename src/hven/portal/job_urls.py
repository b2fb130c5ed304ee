"""Addresses of jobs: the same pages for who owns a job and for who was given a link to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path

from hven.portal.views import images, job, jobs, results, samp, steering

_SEEN: tuple[tuple[str, Callable[..., Any], str], ...] = (
    ("", job.job, ""),
    ("live/", job.live, "live"),
    ("log/", job.log, "log"),
    ("archive/", job.download, "archive"),
    ("results/<str:name>/", results.result, "result"),
    ("results/<str:name>/file/", results.file, "file"),
    ("results/<str:name>/picture/", results.picture, "picture"),
    ("results/<str:name>/table/", results.table, "table"),
    ("results/<str:name>/image/", images.facts, "image"),
    ("results/<str:name>/image/at/", images.spot, "spot"),
    ("results/<str:name>/image/<int:level>/<int:column>/<int:row>/", images.tile, "tile"),
    ("results/<str:name>/image/sources/<str:catalogue>/", images.sources, "sources"),
)


def _below(start: str, prefix: str) -> list[URLPattern]:
    return [path(start + end, view, name=prefix + (name or "job")) for end, view, name in _SEEN]


patterns: list[URLPattern] = [
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/rows/", jobs.rows, name="rows"),
    *_below("jobs/<uuid:job>/", ""),
    path("jobs/<uuid:job>/do/<slug:action>/", steering.steer, name="steer"),
    path("jobs/<uuid:job>/results/<str:name>/samp/", samp.hand_over, name="samp"),
    *_below("shared/<str:token>/", "shared-"),
]
