"""Plots of tables as SVG, made on the server: no script, and sharp at any size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from numpy.typing import NDArray

from hven.portal.catalogues import Histogram

_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 48
#: Points of a plot; of more a sample is shown.
MOST_POINTS = 4000
#: From one word of the legend to the next.
_LEGEND_WIDTH = 200
#: Lines of a logarithmic axis.
_MOST_LINES = 8
#: From the foot of a plot to its top.
_UPWARD = (_HEIGHT - _BOTTOM, _TOP)


class Axes(NamedTuple):
    """Which axes of a plot are logarithmic."""

    x_log: bool = False
    y_log: bool = False


_PLAIN = Axes()


class Points(NamedTuple):
    """Points of one kind."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    #: What they are; empty where there is one kind only.
    words: str = ""

    def seen(self, axes: Axes) -> NDArray[np.bool_]:
        """Which have a place: numbers, above zero on a logarithmic axis."""
        found = np.isfinite(self.x) & np.isfinite(self.y)
        if axes.x_log:
            found &= self.x > 0
        if axes.y_log:
            found &= self.y > 0
        return found

    def absent(self, axes: Axes) -> int:
        """How many have none."""
        return len(self.x) - int(self.seen(axes).sum())


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


class _LogAxis(_Axis):
    """The same, in equal steps for equal ratios."""

    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        high = high if high > low else 10 * low
        super().__init__(math.log10(low), math.log10(high), begin, end)

    def place(self, value: float) -> float:
        return super().place(math.log10(value) if value > 0 else self.low)

    def ticks(self) -> Iterable[float]:
        first, last = math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9)
        every = max(1, -(-(last - first) // _MOST_LINES))
        decades = [10.0**power for power in range(first, last + 1) if power % every == 0]
        if len(decades) > 2:
            return decades
        low, high = 10**self.low * (1 - 1e-9), 10**self.high * (1 + 1e-9)
        between = [
            factor * 10.0**power for power in range(first - 1, last + 1) for factor in (1, 2, 5)
        ]
        found = [tick for tick in between if low <= tick <= high]
        # Within less than a factor of two its ends say more than nothing.
        return found if len(found) > 1 else [10**self.low, 10**self.high]


def histogram_plot(found: Histogram, name: str, unit: str, axes: Axes = _PLAIN) -> SafeString:
    """A histogram.

    Parameters
    ----------
    found
        What is shown; its bars are of one ratio where the axis is logarithmic.
    name, unit
        Of the column.
    axes
        Which are logarithmic.
    """
    across = _axis((found.low, found.high), axes.x_log, _LEFT, _WIDTH - _RIGHT)
    most = max(found.counts, default=1)
    # A bar of one is seen, too, where the axis is logarithmic.
    up = _axis((0.5, max(most, 1)) if axes.y_log else (0, most), axes.y_log, *_UPWARD)
    foot = up.place(0)
    bars = format_html_join(
        "",
        '<rect class="bar-of" x="{}" y="{}" width="{}" height="{}">'
        "<title>{} to {}: {}</title></rect>",
        (
            (
                across.place(begin),
                up.place(count),
                round(max(across.place(end) - across.place(begin) - 0.6, 0.6), 2),
                round(foot - up.place(count), 2),
                f"{begin:.6g}",
                f"{end:.6g}",
                count,
            )
            for begin, end, count in zip(
                found.edges[:-1], found.edges[1:], found.counts, strict=True
            )
            if count
        ),
    )
    return _framed(bars, across, up, _label(name, unit), "count", f"Histogram of {name}")


def scatter_plot(
    points: Sequence[Points], names: tuple[str, str], axes: Axes = _PLAIN
) -> SafeString:
    """Points of one kind or several.

    Parameters
    ----------
    points
        Where; what is not finite, or not above zero on a logarithmic axis, is left out.
    names
        Of the two axes, with units.
    axes
        Which are logarithmic.
    """
    kinds = [_shown(each, axes) for each in points]
    x, y = (np.concatenate(parts) for parts in zip(*((p.x, p.y) for p in kinds), strict=True))
    across = _axis(_span(x, axes.x_log), axes.x_log, _LEFT, _WIDTH - _RIGHT)
    up = _axis(_span(y, axes.y_log), axes.y_log, *_UPWARD)
    dots = format_html_join(
        "",
        '<circle class="dot-of{}" cx="{}" cy="{}" r="2"/>',
        (
            ("" if number == 0 else f" dot-{number}", across.place(a), up.place(b))
            for number, kind in enumerate(kinds)
            for a, b in zip(kind.x.tolist(), kind.y.tolist(), strict=True)
        ),
    )
    return _framed(dots, across, up, *names, f"{names[1]} over {names[0]}", _legend(kinds))


def _shown(points: Points, axes: Axes) -> Points:
    seen = points.seen(axes)
    x, y = points.x[seen], points.y[seen]
    if len(x) > MOST_POINTS:
        chosen = np.linspace(0, len(x) - 1, MOST_POINTS).astype(int)
        x, y = x[chosen], y[chosen]
    return Points(x, y, points.words)


def _axis(span: tuple[float, float], is_log: bool, begin: float, end: float) -> _Axis:
    return (_LogAxis if is_log else _Axis)(*span, begin, end)


def _span(values: NDArray[np.float64], is_log: bool) -> tuple[float, float]:
    if not len(values):
        return (1.0, 10.0) if is_log else (0.0, 1.0)
    return float(values.min()), float(values.max())


def _label(name: str, unit: str) -> str:
    return f"{name} [{unit}]" if unit else name


def _legend(kinds: Sequence[Points]) -> SafeString:
    """What each kind is, above the plot, where no point can be."""
    named = [(number, kind.words) for number, kind in enumerate(kinds) if kind.words]
    return format_html_join(
        "",
        '<circle class="dot-of{}" cx="{}" cy="{}" r="4"/><text x="{}" y="{}" dy="0.32em">{}</text>',
        (
            (f" dot-{n}" if n else "", x, _TOP / 2, x + 10, _TOP / 2, words)
            for n, words in named
            for x in (_LEFT + 4 + n * _LEGEND_WIDTH,)
        ),
    )


def _framed(
    content: SafeString,
    across: _Axis,
    up: _Axis,
    below: str,
    beside: str,
    title: str,
    legend: str = "",
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
        '{content}{legend}<text x="{mid}" y="{low}" text-anchor="middle">{below}</text>'
        '<text transform="translate(14 {half}) rotate(-90)" text-anchor="middle">{beside}</text>'
        "</svg>",
        w=_WIDTH,
        h=_HEIGHT,
        title=title,
        along=along,
        upward=upward,
        content=content,
        legend=legend,
        mid=(_LEFT + _WIDTH - _RIGHT) / 2,
        low=_HEIGHT - 8,
        half=(_TOP + bottom) / 2,
        below=below,
        beside=beside,
    )
