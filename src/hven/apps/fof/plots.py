"""Plots of a catalogue of groups: projected density with the largest groups, multiplicity.

Figures are drawn without pyplot, which keeps state between them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hven.apps.fof.galaxies import GalaxyGroups
from hven.formats.drafts import draft_of
from hven.kernels.percolation.properties import GroupProperties

if TYPE_CHECKING:
    from hven.apps.fof.finding import Found

Floats = NDArray[np.float64]

#: So many of the largest groups are marked, so many of them with their numbers.
_MARKED, _NUMBERED = 40, 10
#: Pixels of the density along the longer side, at most.
_PIXELS = 512
_ROWS = 1 << 20
_MARK = "#38e8ff"


def plot_preview(path: Path, found: Found) -> None:
    """Write the picture of the projected density with the largest groups."""
    figure = _figure((8.6, 7.2) if not found.linking else (11.0, 5.2))
    if not found.particles.rows:
        _plot_nothing(figure)
    elif found.linking:
        _plot_sky(figure, found)
    else:
        _plot_projection(figure, found)
    _save(figure, path)


def plot_multiplicity(path: Path, found: Found) -> None:
    """Write the plot of the multiplicity function: groups of each size or larger."""
    figure = _figure((7.0, 5.0))
    axes = figure.add_subplot()
    unit = _unit_text(found)
    shown = False
    for length, level in zip(found.linking_lengths, found.levels, strict=True):
        known = level.sizes > 0
        sizes, counts = level.sizes[known], level.counts[known]
        if not len(sizes):
            continue
        at_least = np.cumsum(counts[::-1])[::-1]
        label = f"linking length {length:.4g}{unit}"
        axes.step(sizes, at_least, where="pre", label=label, linewidth=1.6)
        axes.plot(sizes, at_least, ".", color=axes.lines[-1].get_color(), markersize=3.5)
        shown = True
    if not shown:
        figure.clear()
        _plot_nothing(figure)
    else:
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.7)
        axes.set_xlabel("Members $N$")
        axes.set_ylabel("Groups of at least $N$ members")
        axes.set_title("Multiplicity function", loc="left", fontsize=11)
        axes.grid(alpha=0.25, which="both", linewidth=0.5)
        axes.legend(frameon=False)
    _save(figure, path)


def _figure(size: tuple[float, float]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size)
    # By hand: matplotlib's own layouts draw everything a second time.
    figure.subplots_adjust(left=0.09, right=0.88, bottom=0.1, top=0.91, wspace=0.5)
    return figure


def _save(figure: Any, path: Path) -> None:
    with draft_of(path) as draft:
        # Neither a date nor a version, so that the same groups give the same bytes.
        figure.savefig(draft, format="png", dpi=130, metadata={"Software": "Hven"})


def _plot_nothing(figure: Any) -> None:
    figure.text(0.5, 0.5, "no particles", ha="center", va="center", fontsize=16, color="0.4")


def _unit_text(found: Found) -> str:
    unit = "Mpc" if found.linking else found.inputs.first.chosen.unit
    return f" {unit}" if unit else ""


def _plot_projection(figure: Any, found: Found) -> None:
    """Density along the last axis, of the groups of the greatest linking length."""
    axes = figure.add_subplot()
    low, high = _limits(found)
    image = _projected(found, low, high)
    unit = found.inputs.first.chosen.unit
    label = f"Particles per {unit}$^2$" if unit else "Particles per unit area"
    _show_density(figure, axes, image, (low[0], high[0], low[1], high[1]), label)
    level = int(np.argmax(found.linking_lengths))
    properties = found.levels[level].properties
    assert isinstance(properties, GroupProperties)
    radii = _radii(properties)
    box = found.inputs.box or (0.0, 0.0)
    for number in range(min(_MARKED, len(properties.size))):
        center = properties.center[number, :2]
        images = list(_images(center, float(radii[number]), box))
        for place in images:
            _mark(axes, place, float(radii[number]))
        if number < _NUMBERED:
            # Beside the circle, where the group itself does not outshine it.
            x, y = images[0]
            reach = 0.72 * float(radii[number])
            _number(axes, number, (x + reach, y + reach), (2, 1))
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_aspect("equal")
    note = f" [{unit}]" if unit else ""
    axes.set_xlabel(f"$x${note}")
    axes.set_ylabel(f"$y${note}")
    axes.set_title(_title(found, level), loc="left", fontsize=10)


def _limits(found: Found) -> tuple[Floats, Floats]:
    """Where the picture begins and ends: the box, and along open axes where particles end."""
    low, high = np.array(found.particles.low[:2]), np.array(found.particles.high[:2])
    for axis, side in enumerate((found.inputs.box or ())[:2]):
        if side:
            low[axis], high[axis] = 0.0, side
    open_axes = high <= low
    spread = max(float((high - low).max()), abs(float(high[0])) * 1e-3, 1e-6)
    low[open_axes] -= spread / 2
    high[open_axes] += spread / 2
    return low, high


def _projected(found: Found, low: Floats, high: Floats) -> Floats:
    """Particles per area (ny, nx) in the pixels of the picture."""
    positions = found.particles.places
    pixel = float((high - low).max()) / _pixels(len(positions))
    nx, ny = (max(1, math.ceil(side / pixel - 1e-9)) for side in (high - low).tolist())
    counts = np.zeros((ny, nx))
    for part in _slices(len(positions)):
        where = positions[part, :2]
        cell = np.minimum(
            ((where - low) / (high - low) * (nx, ny)).astype(np.int64), (nx - 1, ny - 1)
        )
        counts += np.bincount(cell[:, 1] * nx + cell[:, 0], minlength=nx * ny).reshape(ny, nx)
    return counts / float(np.prod((high - low) / (nx, ny)))


def _pixels(particles: int) -> int:
    """So many along a side that a pixel has some particles on average."""
    return int(min(_PIXELS, max(32, math.sqrt(particles / 2.0))))


def _slices(rows: int) -> Iterator[slice]:
    for start in range(0, rows, _ROWS):
        yield slice(start, min(start + _ROWS, rows))


def _show_density(figure: Any, axes: Any, image: Floats, extent: Any, label: str) -> None:
    from matplotlib.colors import LogNorm

    positive = image[image > 0]
    low = float(positive.min())
    shown = axes.imshow(
        np.where(image > 0, image, np.nan), origin="lower", extent=extent, aspect="auto",
        norm=LogNorm(low, max(float(positive.max()), low * 1.01)), cmap="inferno",
        interpolation="nearest",
    )  # fmt: skip
    axes.set_facecolor("black")
    figure.colorbar(shown, ax=axes, pad=0.01, fraction=0.05).set_label(label)


def _radii(properties: GroupProperties) -> Floats:
    """A circle a group: half of its longer side on the picture."""
    return np.asarray(properties.extent[:, :2].max(axis=1) / 2.0)


def _images(center: Floats, radius: float, box: tuple[float, ...]) -> Iterator[tuple[float, float]]:
    """The centre, and its images whose circle reaches into the picture through a periodic face."""
    shifts = []
    for axis in range(2):
        side = box[axis]
        own = [0.0]
        if side and center[axis] - radius < 0:
            own.append(side)
        if side and center[axis] + radius > side:
            own.append(-side)
        shifts.append(own)
    for dx in shifts[0]:
        for dy in shifts[1]:
            yield float(center[0]) + dx, float(center[1]) + dy


def _mark(axes: Any, place: tuple[float, float], radius: float) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle(place, radius, fill=False, edgecolor=_MARK, linewidth=0.9, alpha=0.9))


def _number(
    axes: Any, number: int, place: tuple[float, float], offset: tuple[float, float]
) -> None:
    from matplotlib.patheffects import withStroke

    axes.annotate(
        f"{number + 1}", place, xytext=offset, textcoords="offset points", color="white",
        fontsize=9, fontweight="bold", annotation_clip=True, clip_on=True,
        path_effects=[withStroke(linewidth=2.0, foreground="black")],
    )  # fmt: skip


def _title(found: Found, level: int) -> str:
    length, measured = found.linking_lengths[level], found.levels[level]
    kind = "galaxies" if found.linking else "particles"
    largest = int(measured.sizes[-1]) if len(measured.sizes) else 0
    return (
        f"{found.particles.rows:,} {kind}, linking length {length:.4g}{_unit_text(found)}: "
        f"{measured.groups_above_one:,} groups,\nthe largest has {largest:,} members; "
        f"circles: the {min(_MARKED, len(measured.properties.size))} largest"
    )


def _plot_sky(figure: Any, found: Found) -> None:
    """On the sky, and right ascension against redshift."""
    positions = found.particles.places
    groups = found.levels[0].properties
    assert isinstance(groups, GalaxyGroups)
    center = _middle(positions[:, 0])
    ra = _around(np.asarray(positions[:, 0]), center)
    marked = min(_MARKED, len(groups.size))
    group_ra = _around(groups.ra[:marked], center)
    left, right = figure.subplots(1, 2)
    for axes, values, other, label in (
        (left, positions[:, 1], groups.dec[:marked], "Declination [deg]"),
        (right, positions[:, 2], groups.redshift[:marked], "Redshift"),
    ):
        pixels = _pixels(len(positions))
        image, x, y = np.histogram2d(ra, values, bins=pixels)
        area = float((x[1] - x[0]) * (y[1] - y[0]))
        extent = (x[0], x[-1], y[0], y[-1])
        if axes is left:
            _show_density(figure, axes, image.T / area, extent, "Galaxies per square degree")
        else:
            _show_density(figure, axes, image.T, extent, "Galaxies per pixel")
        axes.plot(group_ra, other, "o", mfc="none", mec=_MARK, ms=9, mew=0.9)
        for number in range(min(_NUMBERED, marked)):
            _number(axes, number, (group_ra[number], other[number]), (5, 4))
        axes.set_xlim(x[-1], x[0])
        axes.set_ylim(y[0], y[-1])
        axes.set_xlabel("Right ascension [deg]")
        axes.set_ylabel(label)
    figure.suptitle(_title(found, 0).replace("\n", " "), fontsize=10, x=0.01, ha="left")


def _middle(ra: Floats) -> float:
    """The right ascension opposite to the widest gap."""
    ordered = np.sort(np.mod(ra, 360.0))
    gaps = np.diff(ordered, append=ordered[0] + 360.0)
    widest = int(np.argmax(gaps))
    return float(np.mod(ordered[widest] + gaps[widest] / 2.0 + 180.0, 360.0))


def _around(ra: Floats, center: float) -> Floats:
    """Right ascensions without a jump, within 180 degrees of the centre."""
    return center + np.mod(ra - center + 180.0, 360.0) - 180.0
