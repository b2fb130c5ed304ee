"""Tags of the pages about jobs."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from django import template
from django.template import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hven.portal.catalogues import Column
from hven.portal.seeing import Seen

register = template.Library()
_JOB = re.compile(r"job:(?P<job>[0-9a-f-]{36})/(?P<name>.+)")


@register.simple_tag
def address(seen: Seen, page: str, *more: object) -> str:
    """The address of one of a job's pages, by the way the job was come by."""
    return seen.address(page, *more)


@register.filter
def end_of_id(identifier: uuid.UUID) -> str:
    """The end of an identifier, which tells jobs of one moment apart."""
    return str(identifier)[-12:]


@register.simple_tag
def reference(value: str, names: Mapping[str, str] | None = None) -> str | SafeString:
    """A value of a parameter; a result of another job as a link to it, an upload by its name."""
    if names and value in names:
        return format_html('{} <span class="muted small mono">{}</span>', names[value], value)
    found = _JOB.fullmatch(value)
    if found is None:
        return value
    return format_html('<a href="{}">{}</a>', reverse("portal:job", args=[found["job"]]), value)


@register.simple_tag(takes_context=True)
def sort_head(context: Context, name: str, words: str, order: str) -> SafeString:
    """The head of a column by which the table of jobs can be sorted."""
    return _head(context, name, words, "", order, "")


@register.simple_tag(takes_context=True)
def column_head(context: Context, column: Column, order: str) -> SafeString:
    """The head of a column of a catalogue."""
    kind = "number" if column.is_number else ""
    return _head(context, column.name, column.name, column.unit, order, kind, column.help)


def _head(
    context: Context, name: str, words: str, unit: str, order: str, kind: str, title: str = ""
) -> SafeString:
    falling = order == f"-{name}"
    query: Any = context["request"].GET.copy()
    query["order"] = name if falling or order != name else f"-{name}"
    for gone in ("page", "state_of"):
        query.pop(gone, None)
    sorted_now = "descending" if falling else "ascending" if order == name else "none"
    arrow = {"descending": " ▼", "ascending": " ▲", "none": ""}[sorted_now]
    link = format_html('<a href="?{}">{}{}</a>', query.urlencode(), words, arrow)
    below = format_html('<span class="unit-of">{}</span>', unit) if unit else ""
    return format_html(
        '<th scope="col" class="{}" aria-sort="{}" title="{}">{}{}</th>',
        kind,
        sorted_now,
        title,
        link,
        below,
    )
