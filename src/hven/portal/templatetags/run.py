"""Filters of the form that runs an application, which templates load as `run`."""

from __future__ import annotations

import re
from datetime import timedelta

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from hven.jobs.history import Span
from hven.portal.running.rows import Row
from hven.portal.templatetags.portal import lasting

register = template.Library()
_DOI = re.compile(
    r"\b(?:doi:\s*|https?://doi\.org/)(10\.\d{4,9}/[^\s,;&]+[^\s,;&.)])", re.IGNORECASE
)


@register.filter
def widget_template(row: Row) -> str:
    """The template of a row's widget."""
    return f"portal/run/widgets/{row.widget}.html"


@register.filter
def time_span(span: Span) -> str:
    """A time in words, with its bounds where they are far apart."""
    return _span(span, _time)


@register.filter
def size_span(span: Span) -> str:
    """A size in words, with its bounds where they are far apart."""
    return _span(span, lambda value: str(filesizeformat(round(value))))


@register.filter
def linked(reference: str) -> SafeString:
    """A reference with its DOI as a link."""
    text = str(escape(reference))
    return mark_safe(_DOI.sub(r'<a href="https://doi.org/\1" rel="noreferrer">doi:\1</a>', text))


def _span(span: Span, words: object) -> str:
    assert callable(words)
    middle = f"≈ {words(span.middle)}"
    if span.high <= 1.2 * max(span.low, 1e-9):
        return middle
    bounds = f"({words(span.low)} – {words(span.high)})"
    return format_html('{} <span class="nowrap">{}</span>', middle, bounds)


def _time(seconds: float) -> str:
    # Tenths of a second are no use in a guess.
    return lasting(timedelta(seconds=seconds if seconds < 10 else round(seconds)))
