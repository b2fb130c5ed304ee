"""Which images overlap on the sky, against a count of common places."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from hven.formats.footprint import (
    contains,
    footprint,
    footprint_of_corners,
    overlapping_pairs,
    overlaps,
    touching,
)
from hven.formats.grid import Grid
from hven.formats.grid_request import grid_all_sky, grid_at
from hven.formats.sky import (
    icrs_to_pixel,
    longitude_latitude,
    pixel_to_icrs,
    unit_vectors,
)

M17 = (274.7, -13.8)
ARCSEC = 1 / 3600


class Place(NamedTuple):
    """What grid_around wants to know of an image."""

    header: str
    nx: int
    ny: int
    corners: tuple[tuple[float, float], ...]
    pixel_scale_deg: float


def place(grid: Grid) -> Place:
    x = np.array([-0.5, grid.nx - 0.5, grid.nx - 0.5, -0.5])
    y = np.array([-0.5, -0.5, grid.ny - 0.5, grid.ny - 0.5])
    longitude, latitude = longitude_latitude(pixel_to_icrs(grid.wcs, x, y))
    corners = tuple(zip(longitude.tolist(), latitude.tolist(), strict=True))
    return Place(grid.header, grid.nx, grid.ny, corners, grid.pixel_scale_deg)


def tile(ra: float, dec: float, rotation: float = 0.0, width: float = 0.2) -> Place:
    return place(
        grid_at((ra % 360, dec), width, width, pixel_scale_deg=ARCSEC * 4, rotation_deg=rotation)
    )


@pytest.mark.parametrize("pole", [90.0, -90.0, 0.0])
def test_overlaps_are_found_at_the_poles_and_across_0h(pole: float) -> None:
    random = np.random.default_rng(8)
    places = []
    for _ in range(40):
        latitude = pole + random.uniform(-0.6, 0.6)
        latitude = np.clip(latitude, -89.99, 89.99)
        longitude = random.uniform(0, 360) if pole else random.uniform(-0.6, 0.6)
        places.append(tile(longitude, float(latitude), random.uniform(0, 90)))
    prints = [footprint_of_corners(image.corners) for image in places]
    found = {tuple(pair) for pair in overlapping_pairs(prints).tolist()}
    truth = {
        (i, j) for i in range(40) for j in range(i + 1, 40) if _share_sky(places[i], places[j])
    }
    assert truth <= found
    # Some pairs that nearly touch may be named as well.
    assert len(found) <= 1.1 * len(truth) + 2


def _share_sky(first: Place, second: Place) -> bool:
    """By pixels: whether any of 900 places of one image lies inside the other."""
    one, other = (Grid(image.header, image.nx, image.ny) for image in (first, second))
    for a, b in ((one, other), (other, one)):
        x, y = np.meshgrid(np.linspace(-0.5, a.nx - 0.5, 30), np.linspace(-0.5, a.ny - 0.5, 30))
        x, y = icrs_to_pixel(b.wcs, pixel_to_icrs(a.wcs, x, y))
        with np.errstate(invalid="ignore"):
            if np.any((x > -0.5) & (x < b.nx - 0.5) & (y > -0.5) & (y < b.ny - 0.5)):
                return True
    return False


def test_images_that_touch_a_region_are_told() -> None:
    region = grid_at(M17, 0.5, 0.5, pixel_scale_deg=ARCSEC).footprint()
    tiles = [tile(274.7, -13.8), tile(274.7, -13.5), tile(280.0, -13.8), tile(94.7, 13.8)]
    prints = [footprint_of_corners(image.corners) for image in tiles]
    assert touching(region, prints).tolist() == [True, True, False, False]
    assert touching(region, []).tolist() == []
    sky = grid_all_sky(pixel_scale_deg=1.0)
    whole = footprint(sky.wcs, sky.nx, sky.ny)
    assert whole.is_whole_sky
    assert touching(whole, prints).all()
    assert overlaps(whole, prints[3])
    assert contains(region, unit_vectors(*np.array(M17)))
    assert not contains(region, unit_vectors(*np.array((274.7, -13.5))))
