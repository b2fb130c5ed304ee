"""A result of a job: shown, as a table, as a picture, to download."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import numpy as np
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from hven.errors import InputError, MissingError
from hven.jobs.contents import open_result, result_path
from hven.jobs.models import Job, Result
from hven.portal import catalogues, plots, residuals
from hven.portal.policy import allow
from hven.portal.previews import SIDE, thumbnail
from hven.portal.results import MOST_TEXT, Shown, results_of, shown
from hven.portal.seeing import Seen, seen
from hven.web.downloads import send

#: Where a hub of SAMP listens on the user's own machine.
_SAMP = "http://localhost:21012 http://127.0.0.1:21012"
_ROWS = 50
_YEAR = 365 * 24 * 3600


@allow(connect_src=_SAMP)
@seen
@require_safe
def result(request: HttpRequest, found: Seen, name: str) -> HttpResponse:
    """One result of a job, shown as well as it can be."""
    row = found.result(name)
    content: dict[str, Any] = {"seen": found, "job": found.job, "result": row, "main": shown(row)}
    way = content["main"].way
    if row.name in residuals.TOLD_AT:
        content |= _residuals(found.job)
    if way == "table":
        content |= _table(request, found, row)
    elif way == "text":
        content["text"] = _text(row)
    elif way == "image":
        content["headers"] = _headers(row)
        content["catalogues"] = [each for each in results_of(found.job) if _has_positions(each)]
    return render(request, "portal/result.html", content)


@seen
@require_safe
def table(request: HttpRequest, found: Seen, name: str) -> HttpResponse:
    """The rows of a table alone."""
    row = found.result(name)
    content = {"seen": found, "job": found.job, "result": row} | _table(request, found, row)
    return render(request, "portal/parts/table.html", content)


@seen
@require_safe
def file(request: HttpRequest, found: Seen, name: str) -> HttpResponseBase:
    """The file itself, whole or a range of its bytes; never shown by the browser as a page."""
    row = found.result(name)
    saved_as = PurePosixPath(row.file).name
    return send(request, open_result(row), saved_as, row.media_type, row.sha256)


@seen
@require_safe
def picture(request: HttpRequest, found: Seen, name: str) -> HttpResponse:
    """A picture, as the server has read and written it again: small, or as it is."""
    row = found.result(name)
    if shown(row).way != "picture":
        raise MissingError(f"{name}: must be a picture, is {row.media_type}")
    side = SIDE if request.GET.get("size") == "small" else 4096
    response = HttpResponse(thumbnail(row, side), "image/png")
    response["X-Content-Type-Options"] = "nosniff"
    final = bool(row.sha256) and request.GET.get("v") == row.sha256[:16]
    response["Cache-Control"] = f"private, max-age={_YEAR}, immutable" if final else "no-store"
    return response


def _table(request: HttpRequest, found: Seen, row: Result) -> dict[str, Any]:
    try:
        whole = catalogues.table_of(row)
    except MissingError as error:
        return {"fault": str(error)}
    order = request.GET.get("order", "")
    pages = max(1, -(-len(whole) // _ROWS))
    text = request.GET.get("page", "1")
    page = min(max(1, int(text) if text.isdecimal() and len(text) < 10 else 1), pages)
    content: dict[str, Any] = {
        "rows": catalogues.rows(whole, order, (page - 1) * _ROWS, _ROWS),
        "order": order,
        "number": page,
        "last": pages,
        "first_row": (page - 1) * _ROWS + 1 if len(whole) else 0,
        "last_row": min(page * _ROWS, len(whole)),
        "here": found.address("table", row.name),
    }
    return content | _plots(request, whole)


def _plots(request: HttpRequest, whole: Any) -> dict[str, Any]:
    names = catalogues.number_columns(whole)
    axes = plots.Axes(bool(request.GET.get("x_log")), bool(request.GET.get("y_log")))
    content: dict[str, Any] = {"numbers": names, "axes": axes}
    across, up = request.GET.get("x", ""), request.GET.get("y", "")
    if across not in names:
        return content
    x = catalogues.values_of(whole, across)
    if up in names:
        y = catalogues.values_of(whole, up)
        points = plots.Points(x, y)
        plot = plots.scatter_plot([points], (_label(whole, across), _label(whole, up)), axes)
        absent = points.absent(axes)
    else:
        counted = (catalogues.histogram_of_ratios if axes.x_log else catalogues.histogram)(x)
        unit = str(whole[across].unit or "")
        plot, absent = plots.histogram_plot(counted, across, unit, axes), counted.absent
    return content | {"plot": plot, "x": across, "y": up, "absent": absent}


def _residuals(job: Job) -> dict[str, Any]:
    """What is left between the images of a mosaic, pair by pair, the worst as they were first."""
    found = residuals.residuals_of(job)
    if found is None:
        return {}
    order = np.argsort(-found.before, kind="stable")
    number = np.arange(1.0, len(order) + 1)
    # Six digits tell nothing smaller, and a logarithmic axis has no place for nothing at all.
    least = 1e-6 * max(float(found.before.max()), 1e-12)
    points = [
        plots.Points(number, np.maximum(found.before[order], least), _("as they were")),
        plots.Points(number, np.maximum(found.after[order], least), _("after the corrections")),
    ]
    names = (_("overlapping pairs, by their first difference"), _("difference of levels"))
    return {
        "residuals": found,
        "residuals_plot": plots.scatter_plot(points, names, plots.Axes(y_log=True)),
    }


def _label(whole: Any, name: str) -> str:
    unit = str(whole[name].unit or "")
    return f"{name} [{unit}]" if unit else name


def _has_positions(each: Shown) -> bool:
    """Whether it is a catalogue whose sources can be drawn into an image."""
    if each.way != "table":
        return False
    try:
        return catalogues.sky_columns(catalogues.table_of(each.result)) is not None
    except MissingError:
        return False


def _text(row: Result) -> dict[str, Any]:
    with open_result(row) as stream:
        content = stream.read(MOST_TEXT + 1)
    text = content[:MOST_TEXT].decode(errors="replace")
    return {"words": text, "is_cut": len(content) > MOST_TEXT}


def _headers(row: Result) -> list[tuple[int, str, list[str]]]:
    # Loaded by the first process that shows an image: it takes seconds.
    from hven.formats.image_tiles import header_cards

    try:
        return header_cards(result_path(row))
    except (InputError, OSError):
        return []
