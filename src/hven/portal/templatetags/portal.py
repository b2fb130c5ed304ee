"""Filters and tags that templates load as `portal`."""

from __future__ import annotations

import functools
import io
from datetime import timedelta
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from hven.jobs.models import Job
from hven.portal.assets import asset

register = template.Library()

_PHASES = {
    "PENDING": _("Draft"),
    "QUEUED": _("Queued"),
    "HELD": _("Held"),
    "EXECUTING": _("Running"),
    "COMPLETED": _("Completed"),
    "ERROR": _("Failed"),
    "ABORTED": _("Cancelled"),
    "ARCHIVED": _("Archived"),
}


@register.filter
def phase_name(phase: str) -> str:
    """A phase in words for people."""
    return str(_PHASES.get(phase, phase))


@register.simple_tag
def phase_badge(phase: str) -> SafeString:
    """A phase as a coloured badge."""
    return format_html('<span class="badge phase-{}">{}</span>', phase.lower(), phase_name(phase))


@register.filter
def percent(job: Job) -> int:
    """How far a job is, in percent of the steps that are known."""
    if job.phase == "COMPLETED":
        return 100
    return int(100 * job.steps_done / job.steps_total) if job.steps_total else 0


@register.filter
def duration(job: Job) -> str:
    """How long a job has run, in words; empty before it began."""
    from hven.jobs.clock import now

    if job.started is None:
        return ""
    return lasting((job.ended or now()) - job.started)


@register.filter
def lasting(time: timedelta) -> str:
    """A duration in words: `3.2 s`, `4 min 10 s`, `2 h 5 min`."""
    seconds = time.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


@register.filter
def about(number: float) -> str:
    """A number to three digits."""
    return f"{number:.3g}"


@register.filter
def kind(field: BoundField) -> str:
    """The class of a form's row: `check` for a box to tick, else `field`."""
    return "check" if isinstance(field.field.widget, CheckboxInput) else "field"


@register.filter
def in_words(value: Any) -> str:
    """A default value as documents show it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


@register.filter
def paragraphs(text: str) -> list[str]:
    """The paragraphs of a docstring."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


@register.simple_tag
def picture(name: str, text: str) -> SafeString:
    """A picture of the help page, where there is one in `portal/help/`."""
    path = f"portal/help/{name}.webp"
    found = asset(path)
    if found is None:
        return SafeString("")
    width, height = _size(found.content)
    return format_html(
        '<img class="shot" src="{}" alt="{}" width="{}" height="{}" loading="lazy">',
        static(path), text, width, height,
    )  # fmt: skip


@functools.lru_cache
def _size(content: bytes) -> tuple[int, int]:
    """Width and height of a picture, so that its page does not jump when it arrives."""
    from PIL import Image  # Only the help page has pictures.

    with Image.open(io.BytesIO(content)) as found:
        return found.size
