"""Plots of tables as SVG, made on the server: no script, and sharp at any size."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from numpy.typing import NDArray

from hven.portal.catalogues import Histogram

_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 48
#: Points of a plot; of more a sample is shown.
MOST_POINTS = 4000


class _Axis:
    """From values to places along one side of a plot."""

    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self.low, self.high = low, high if high > low else low + 1.0
        self._begin, self._end = begin, end

    def place(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return round(self._begin + part * (self._end - self._begin), 2)

    def ticks(self) -> Iterable[float]:
        span = self.high - self.low
        step = 10.0 ** math.floor(math.log10(span / 4))
        step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def histogram_plot(found: Histogram, name: str, unit: str) -> SafeString:
    """A histogram.

    Parameters
    ----------
    found
        What is shown.
    name, unit
        Of the column.
    """
    across = _Axis(found.low, found.high, _LEFT, _WIDTH - _RIGHT)
    up = _Axis(0, max(found.counts, default=1), _HEIGHT - _BOTTOM, _TOP)
    width = (found.high - found.low) / max(len(found.counts), 1)
    bars = format_html_join(
        "",
        '<rect class="bar-of" x="{}" y="{}" width="{}" height="{}">'
        "<title>{} to {}: {}</title></rect>",
        (
            (
                across.place(found.low + i * width),
                up.place(count),
                round(max(across.place(found.low + width) - _LEFT - 0.6, 0.6), 2),
                round(up.place(0) - up.place(count), 2),
                f"{found.low + i * width:.6g}",
                f"{found.low + (i + 1) * width:.6g}",
                count,
            )
            for i, count in enumerate(found.counts)
            if count
        ),
    )
    return _framed(bars, across, up, _label(name, unit), "count", f"Histogram of {name}")


def scatter_plot(
    x: NDArray[np.float64], y: NDArray[np.float64], names: tuple[str, str]
) -> SafeString:
    """Points.

    Parameters
    ----------
    x, y
        Where; what is not finite is left out.
    names
        Of the two axes, with units.
    """
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(x) > MOST_POINTS:
        chosen = np.linspace(0, len(x) - 1, MOST_POINTS).astype(int)
        x, y = x[chosen], y[chosen]
    across = _Axis(*_span(x), _LEFT, _WIDTH - _RIGHT)
    up = _Axis(*_span(y), _HEIGHT - _BOTTOM, _TOP)
    points = ((across.place(a), up.place(b)) for a, b in zip(x.tolist(), y.tolist(), strict=True))
    dots = format_html_join("", '<circle class="dot-of" cx="{}" cy="{}" r="2"/>', points)
    return _framed(dots, across, up, *names, f"{names[1]} over {names[0]}")


def _span(values: NDArray[np.float64]) -> tuple[float, float]:
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)


def _label(name: str, unit: str) -> str:
    return f"{name} [{unit}]" if unit else name


def _framed(
    content: SafeString, across: _Axis, up: _Axis, below: str, beside: str, title: str
) -> SafeString:
    bottom = _HEIGHT - _BOTTOM
    along = format_html_join(
        "",
        '<line class="grid-of" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>'
        '<text x="{0}" y="{3}" text-anchor="middle">{4}</text>',
        ((across.place(tick), _TOP, bottom, bottom + 18, f"{tick:.6g}") for tick in across.ticks()),
    )
    upward = format_html_join(
        "",
        '<line class="grid-of" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>'
        '<text x="{3}" y="{2}" dy="0.32em" text-anchor="end">{4}</text>',
        ((_LEFT, _WIDTH - _RIGHT, up.place(tick), _LEFT - 6, f"{tick:.6g}") for tick in up.ticks()),
    )
    return format_html(
        '<svg class="plot" viewBox="0 0 {w} {h}" role="img" aria-label="{title}">{along}{upward}'
        '{content}<text x="{mid}" y="{low}" text-anchor="middle">{below}</text>'
        '<text transform="translate(14 {half}) rotate(-90)" text-anchor="middle">{beside}</text>'
        "</svg>",
        w=_WIDTH,
        h=_HEIGHT,
        title=title,
        along=along,
        upward=upward,
        content=content,
        mid=(_LEFT + _WIDTH - _RIGHT) / 2,
        low=_HEIGHT - 8,
        half=(_TOP + bottom) / 2,
        below=below,
        beside=beside,
    )
