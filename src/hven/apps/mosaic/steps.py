"""The steps of a mosaic: pure functions whose results are kept.

Coordinates are pixels of the lattice (`region.Lattice`), 0-based, centres at integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.apps.mosaic.drizzling import drizzle_image
from hven.apps.mosaic.region import Window
from hven.engine import step
from hven.formats.examine import examine
from hven.formats.images import Frame, Source, Summary, read_image
from hven.formats.sky import PixelTransform, celestial_wcs, pixel_transform
from hven.kernels.coadd import Coadded, coadd_clip, coadd_count, coadd_mean, coadd_median
from hven.kernels.overlap import Projected, project
from hven.kernels.pixel_map import build_pixel_map
from hven.kernels.plane import NoFit, PlaneFit, fit_difference
from hven.kernels.run_lengths import Plane, run_lengths
from hven.kernels.stretch import shrink

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Projecting:
    """How images are projected."""

    #: `exact`, or a kernel of drizzle.
    kernel: str
    #: Side of drizzle's drop in pixels.
    pixfrac: float
    #: Largest error of the pixel map, in pixels of the mosaic.
    accuracy: float
    #: Whether pixels hold flux, not surface brightness.
    per_pixel: bool
    #: Type of the pixels of the result.
    pixel_type: str


@dataclass(frozen=True)
class Coadding:
    """How projected images are added up."""

    #: `mean`, `median`, `clip` or `count`.
    combine: str
    #: Where `clip` cuts.
    clip_sigma: float
    #: Noise of a pixel of one image, below which `clip` estimates none from a few values.
    noise: float
    #: Type of the pixels of the result.
    pixel_type: str
    #: Factor by which the preview is smaller.
    shrink: int


class ProjectedImage(NamedTuple):
    """A projected image as it is kept; the fields of `Projected`."""

    image: NDArray[Any]
    #: Nearly everywhere that of a whole pixel: as run lengths it takes a fiftieth of the image.
    area: Plane
    x0: int
    y0: int


@dataclass(frozen=True)
class Strip:
    """A band of the mosaic."""

    image: NDArray[Any]
    area: Plane
    #: The image, smaller.
    preview: NDArray[np.float32]


@step(version=1)
def examine_image(source: Source) -> Summary:
    """Examine the images."""
    return examine(source)


@step(version=5)
def project_image(
    source: Source,
    summary: Summary,
    window: Window | None,
    weight: float,
    *,
    lattice: str,
    projecting: Projecting,
) -> ProjectedImage:
    """Project the images onto the grid."""
    frame = read_image(source, summary)
    transform = pixel_transform(summary.wcs, celestial_wcs(lattice))
    if projecting.kernel == "exact":
        projected = _projected(frame, transform, window, projecting)
    else:
        projected = drizzle_image(
            frame.data,
            frame.weight,
            transform,
            kernel=projecting.kernel,
            pixfrac=projecting.pixfrac,
            per_pixel=projecting.per_pixel,
            window=window,
        )
    image, area, x0, y0 = projected
    if weight != 1.0:
        area = area * area.dtype.type(weight)
    return ProjectedImage(image, run_lengths(area), x0, y0)


def _projected(
    frame: Frame, transform: PixelTransform, window: Window | None, projecting: Projecting
) -> Projected:
    pixel_map = build_pixel_map(
        transform, frame.data.shape, accuracy=projecting.accuracy, window=window
    )
    return project(
        frame.data,
        pixel_map,
        weight=frame.weight,
        per_pixel=projecting.per_pixel,
        window=window,
        dtype=projecting.pixel_type,
    )


@step(version=1)
def fit_overlaps(
    image: ProjectedImage,
    others: list[ProjectedImage],
    *,
    full_area: float,
    full_areas: list[float],
    order: int,
    clip_sigma: float,
) -> list[PlaneFit | NoFit]:
    """Fit the differences in the overlaps."""
    return [
        fit_difference(
            other,
            image,
            order=1 if order else 0,
            clip_sigma=clip_sigma,
            full_areas=(its_area, full_area),
        )
        for other, its_area in zip(others, full_areas, strict=True)
    ]


@step(version=4)
def coadd_strip(
    pieces: list[ProjectedImage],
    planes: Floats | None,
    centers: Floats | None,
    *,
    window: Window,
    coadding: Coadding,
) -> Strip:
    """Add up the images strip by strip."""
    added = _coadded(pieces, planes, centers, window, coadding)
    small = shrink(added.image, coadding.shrink)
    area = added.area.astype(coadding.pixel_type, copy=False)
    return Strip(added.image, run_lengths(area), small)


def _coadded(
    pieces: list[ProjectedImage],
    planes: Floats | None,
    centers: Floats | None,
    window: Window,
    coadding: Coadding,
) -> Coadded:
    if coadding.combine == "count":
        return coadd_count(pieces, window, dtype=coadding.pixel_type)
    if coadding.combine == "clip":
        return coadd_clip(
            pieces,
            window,
            planes=planes,
            centers=centers,
            sigma=coadding.clip_sigma,
            noise=coadding.noise,
            dtype=coadding.pixel_type,
        )
    coadd: Callable[..., Coadded] = coadd_mean if coadding.combine == "mean" else coadd_median
    return coadd(pieces, window, planes=planes, centers=centers, dtype=coadding.pixel_type)
