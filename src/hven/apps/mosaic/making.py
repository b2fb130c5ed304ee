"""How a mosaic is made: examine, choose the grid, project, match, coadd, write."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.apps.mosaic.inputs import Image, examined_images, settled
from hven.apps.mosaic.matching import Match, Placed, match_backgrounds, place_images
from hven.apps.mosaic.outputs import Strips, write_files
from hven.apps.mosaic.region import (
    Lattice,
    Window,
    lattice_of,
    places_on,
    projection_window,
    strips_of,
)
from hven.apps.mosaic.resources import check_disk, check_memory, memory_of
from hven.apps.mosaic.steps import (
    Coadding,
    ProjectedImage,
    Projecting,
    coadd_strip,
    project_image,
)
from hven.apps.mosaic.tables import write_tables
from hven.engine import Product, Run
from hven.errors import Fault
from hven.formats.grid import Grid, read_template
from hven.formats.grid_making import grid_around
from hven.formats.grid_request import grid_at
from hven.kernels.coadd import mean_bytes, stack_bytes
from hven.kernels.loading import load_mosaic_kernels

Values = Mapping[str, Any]

#: The longer side of the preview has at most as many pixels.
_PREVIEW_PIXELS = 1600


def make_mosaic(run: Run, values: Values) -> dict[str, Path]:
    """All files of a mosaic, by the names of the application's outputs."""
    # Before the first step is called, since that is when the workers are forked.
    load_mosaic_kernels()
    found, faults = examined_images(run, values)
    grid = choose_grid(run, found, values)
    lattice = lattice_of(grid)
    images, places = _in_region(run, lattice, found, faults, values)
    run.say(
        f"mosaic of {len(images)} images: {grid.nx} x {grid.ny} pixels of "
        f"{grid.pixel_scale_deg * 3600:.4g} arcsec"
    )
    memory = memory_of(values["memory"])
    _check_resources(run, grid, images, places, memory, values)
    products = _projected(run, lattice, images, places, values)
    placed, match = _matched(run, images, products, values)
    strips = _coadded(run, grid, lattice, placed, match, memory, values)
    # Written while the strips are made, as this process has nothing else to do.
    tables = write_tables(run, lattice, images, match)
    return {**write_files(run, grid, strips, images, values), **tables}


def choose_grid(run: Run, images: Sequence[Image], values: Values) -> Grid:
    """The grid that the parameters ask for, or the smallest that holds all images."""
    if values["header"] is not None:
        template = read_template(values["header"])
        for note in template.notes:
            run.say(note)
        return template.grid
    summaries = [image.summary for image in images]
    scale_deg = None if values["pixel_scale"] is None else values["pixel_scale"] / 3600.0
    if values["center"] is None:
        turn = values["orientation"] if values["rotation"] is None else values["rotation"]
        return grid_around(
            summaries,
            pixel_scale_deg=scale_deg,
            projection=values["projection"],
            frame=values["frame"],
            rotation=turn,
        )
    return grid_at(
        (values["center"].ra_deg, values["center"].dec_deg),
        values["width"],
        values["width"] if values["height"] is None else values["height"],
        pixel_scale_deg=scale_deg or min(summary.pixel_scale_deg for summary in summaries),
        projection=values["projection"] or "TAN",
        frame=values["frame"],
        rotation_deg=values["rotation"] or 0.0,
    )


def _in_region(
    run: Run, lattice: Lattice, found: Sequence[Image], faults: list[Fault], values: Values
) -> tuple[list[Image], list[Window]]:
    """The images that are used, and about where each lies as far as it is wanted.

    Raises
    ------
    InputError
        Some images cannot be used or lie outside, and the user did not say to skip them.
    """
    places = places_on(lattice, [image.summary for image in found])
    outside = [
        Fault(image.summary_name, "must overlap the region of the mosaic, lies outside of it")
        for image, place in zip(found, places, strict=True)
        if place is not None and not place.overlaps(lattice.window)
    ]
    images = settled(run, found, [*faults, *outside], values["on_bad"])
    used = {image.summary_name for image in images}
    wanted = [
        _wanted(lattice.window, place)
        for image, place in zip(found, places, strict=True)
        if image.summary_name in used
    ]
    return images, wanted


def _wanted(region: Window, place: Window | None) -> Window:
    window = projection_window(region, place)
    if window is None or place is None:
        return place or region
    return place.cut(window)


def _check_resources(
    run: Run,
    grid: Grid,
    images: Sequence[Image],
    places: Sequence[Window],
    memory: float,
    values: Values,
) -> None:
    pixel_bytes = np.dtype(values["pixel_type"]).itemsize
    check_memory(
        [image.name for image in images],
        [image.summary.nx * image.summary.ny for image in images],
        places,
        memory,
    )
    mosaic = 2.0 * pixel_bytes * grid.nx * grid.ny
    kept = mosaic + sum(2.0 * pixel_bytes * place.pixels for place in places)
    check_disk(run.folder, run.store.folder, mosaic, kept, (grid.nx, grid.ny))


def is_per_pixel(images: Sequence[Image], asked: str) -> bool:
    """Whether pixels hold flux, so that their sum is kept, and not surface brightness."""
    if asked != "auto":
        return asked == "pixel"
    return any(image.summary.brightness in ("flux", "counts") for image in images)


def _projected(
    run: Run, lattice: Lattice, images: Sequence[Image], places: Sequence[Window], values: Values
) -> list[Product[ProjectedImage]]:
    projecting = Projecting(
        kernel=values["kernel"],
        pixfrac=values["pixfrac"],
        accuracy=values["map_accuracy"],
        per_pixel=is_per_pixel(images, values["brightness"]),
        pixel_type=values["pixel_type"],
    )
    # Names are no part of a product: the same file elsewhere gives the same one.
    return run.map(
        project_image,
        [image.source for image in images],
        [replace(image.summary, name="", real_path="") for image in images],
        [projection_window(lattice.window, place) for place in places],
        [image.weight for image in images],
        lattice=lattice.header,
        projecting=projecting,
    )


def _matched(
    run: Run, images: Sequence[Image], products: Sequence[Product[ProjectedImage]], values: Values
) -> tuple[list[Placed], Match | None]:
    orders: dict[str, int | None] = {"none": None, "level": 0, "plane": 1}
    order = None if values["combine"] == "count" else orders[values["background"]]
    placed, fitting = place_images(run, products, order=order, clip_sigma=values["background_clip"])
    if order is None:
        return placed, None
    names = [image.name for image in images]
    return placed, match_backgrounds(run, placed, fitting, names, order=order)


def _coadded(
    run: Run,
    grid: Grid,
    lattice: Lattice,
    placed: Sequence[Placed],
    match: Match | None,
    memory: float,
    values: Values,
) -> Strips:
    shrink = max(1, math.ceil(max(grid.nx, grid.ny) / _PREVIEW_PIXELS))
    coadding = Coadding(
        combine=values["combine"],
        clip_sigma=values["clip_sigma"],
        noise=_noise(match) if values["combine"] == "clip" else 0.0,
        pixel_type=values["pixel_type"],
        shrink=shrink,
    )
    windows = strips_of(
        lattice.window, shrink, _bytes_per_pixel(placed, lattice.window, coadding), memory
    )
    products = []
    for window in windows:
        touching = [n for n, item in enumerate(placed) if item.place.overlaps(window)]
        products.append(
            run.call(
                coadd_strip,
                [placed[n].product for n in touching],
                *_planes(match, touching),
                window=window,
                coadding=coadding,
            )
        )
    return Strips(windows, products)


def _noise(match: Match | None) -> float:
    """Noise of a pixel of one image, from the differences of two."""
    if match is None or not match.fits:
        return 0.0
    return float(np.median([fit.rms for fit in match.fits]) / math.sqrt(2.0))


def _planes(
    match: Match | None, numbers: list[int]
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    if match is None:
        return None, None
    return match.corrections.planes[numbers], match.corrections.centers[numbers]


def _bytes_per_pixel(placed: Sequence[Placed], window: Window, coadding: Coadding) -> float:
    if coadding.combine in ("mean", "count"):
        return mean_bytes(window) / window.pixels
    return stack_bytes([item.product.load() for item in placed], window) / window.pixels
