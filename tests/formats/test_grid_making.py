"""Grids made to hold images: at the poles, across 0h, beside Montage."""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from astropy.io import fits

from hven.errors import ParameterError
from hven.formats.footprint import (
    footprint_of_corners,
)
from hven.formats.frames import FrameName
from hven.formats.grid import Grid, read_grid
from hven.formats.grid_making import grid_around
from hven.formats.grid_request import grid_all_sky, grid_at
from hven.formats.sky import (
    celestial_wcs,
    icrs_to_pixel,
    longitude_latitude,
    pixel_to_icrs,
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


def edges(grid: Grid, image: Place) -> tuple[float, float, float, float]:
    """How far the outline of an image stays inside the grid, pixels: left, bottom, right, top."""
    outline = footprint_of_corners(image.corners).outline.T
    x, y = icrs_to_pixel(grid.wcs, outline)
    inside = x.min() + 0.5, y.min() + 0.5, grid.nx - 0.5 - x.max(), grid.ny - 0.5 - y.max()
    return tuple(float(edge) for edge in inside)  # type: ignore[return-value]


SETS = {
    "M17": [(274.7, -13.8, 3.0), (274.9, -13.7, -2.0), (274.6, -13.6, 1.0)],
    "0h": [(359.9, 1.0, 3.0), (0.1, 1.1, 2.0), (0.0, 0.9, 40.0)],
    "pole": [(0.0, 89.9, 0.0), (120.0, 89.9, 10.0), (240.0, 89.9, 20.0)],
    "south": [(100.0, -89.8, 0.0), (170.0, -89.9, 10.0)],
}


@pytest.mark.parametrize("which", SETS)
@pytest.mark.parametrize("frame", ["icrs", "fk4", "galactic"])
@pytest.mark.parametrize("projection", [None, "CAR", "ZEA", "SFL", "COE", "HPX", "STG"])
@pytest.mark.parametrize("rotation", ["north", "best", 25.0])
def test_the_grid_holds_all_images_and_no_more(
    which: str, frame: FrameName, projection: str | None, rotation: str | float
) -> None:
    images = [tile(*numbers) for numbers in SETS[which]]
    grid = grid_around(images, projection=projection, frame=frame, rotation=rotation)  # type: ignore[arg-type]
    inside = np.array([edges(grid, image) for image in images])
    assert np.all(inside > -0.02)
    at_the_pole = which in ("pole", "south") and projection in ("CAR", "SFL", "HPX", "COE")
    if not at_the_pole:
        # A pixel for rounding to whole ones, another for CRPIX at halves.
        assert np.all(inside.min(axis=0) < 2.0)


def test_a_grid_of_one_image_is_as_large_as_the_image() -> None:
    image = place(grid_at(M17, 0.2, 0.1, pixel_scale_deg=ARCSEC))
    grid = grid_around([image])
    assert (grid.nx, grid.ny) == (720, 360)
    np.testing.assert_allclose(grid.wcs.wcs.crval, M17, atol=2e-8)


def test_best_rotation_finds_how_a_strip_lies() -> None:
    strip = [place(grid_at(M17, 2.0, 0.1, pixel_scale_deg=ARCSEC * 4, rotation_deg=30.0))]
    best, north = grid_around(strip, rotation="best"), grid_around(strip)
    assert best.nx * best.ny < 0.2 * north.nx * north.ny
    assert (best.nx, best.ny) in [(1801, 91), (1800, 90), (1801, 90), (1800, 91)]
    turn = np.degrees(np.arcsin(best.wcs.wcs.get_pc()[0, 1]))
    assert turn == pytest.approx(30.0, abs=1e-3)


def test_the_finest_pixels_are_taken_by_default() -> None:
    fine = place(grid_at(M17, 0.1, 0.1, pixel_scale_deg=ARCSEC))
    coarse = place(grid_at(M17, 0.1, 0.1, pixel_scale_deg=ARCSEC * 5))
    assert grid_around([coarse, fine]).pixel_scale_deg == pytest.approx(ARCSEC, rel=1e-8)
    asked = grid_around([coarse, fine], pixel_scale_deg=ARCSEC * 2)
    assert asked.pixel_scale_deg == pytest.approx(ARCSEC * 2, rel=1e-15)


@pytest.mark.parametrize(("span", "name"), [(40, "TAN"), (100, "ZEA"), (300, "AIT")])
def test_wide_sets_leave_the_tangent_plane(span: int, name: str) -> None:
    images = [
        place(grid_at((ra % 360, 5.0), 3.0, 3.0, pixel_scale_deg=0.05))
        for ra in np.arange(-span / 2, span / 2 + 1, 10)
    ]
    grid = grid_around(images)
    assert grid.wcs.wcs.ctype[0] == f"RA---{name}"
    assert np.all(np.array([edges(grid, image) for image in images]) > -0.5)


def test_a_ring_around_the_sky_gets_all_longitudes() -> None:
    images = [
        place(grid_at((ra, 0.0), 12.0, 3.0, pixel_scale_deg=0.1, projection="CAR"))
        for ra in range(0, 360, 10)
    ]
    grid = grid_around(images, projection="CAR")
    assert grid.nx in (3600, 3601)
    assert 30 <= grid.ny <= 32


def test_an_all_sky_map_as_input_gives_an_all_sky_grid() -> None:
    grid = grid_around([place(grid_all_sky(pixel_scale_deg=1.0, projection="AIT"))])
    assert grid.wcs.wcs.ctype[0] == "RA---AIT"
    assert (grid.nx, grid.ny) == pytest.approx((325, 163), abs=8)


def test_images_too_far_apart_for_a_projection_are_refused() -> None:
    images = [tile(0.0, 0.0), tile(170.0, 0.0)]
    with pytest.raises(ParameterError, match=r"projection: must show 85 degrees .* got TAN"):
        grid_around(images, projection="TAN")
    with pytest.raises(ParameterError, match="images: must be one or more, got none"):
        grid_around([])
    with pytest.raises(ParameterError, match="rotation: must be north, best or degrees"):
        grid_around(images, rotation="up")  # type: ignore[arg-type]


def read_text(folder: Path, grid: Grid) -> Grid:
    (folder / "again.hdr").write_text(grid.to_template())
    return read_grid(folder / "again.hdr")


def test_a_solar_image_keeps_its_own_frame(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "mosaic" / "sun_aia_stereo" / "aia_171_level1.fits"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = fits.getheader(path)
    cards = "\n".join(
        str(card).rstrip()
        for card in header.cards
        if card.keyword.startswith(("CTYPE", "CRVAL", "CRPIX", "CDELT", "CUNIT", "CROTA", "DSUN_O"))
        or card.keyword in ("HGLN_OBS", "HGLT_OBS", "DATE-OBS")
    )
    wcs = celestial_wcs(cards)
    corner = np.array([[-0.5, 127.5, 127.5, -0.5], [-0.5, -0.5, 127.5, 127.5]])
    longitude, latitude = longitude_latitude(pixel_to_icrs(wcs, *corner))
    corners = tuple(zip(longitude.tolist(), latitude.tolist(), strict=True))
    scale = 19.183648 / 3600
    grid = grid_around([Place(cards, 128, 128, corners, scale)])
    assert str(grid.wcs.wcs.ctype[0]) == "HPLN-TAN"
    x, _ = icrs_to_pixel(grid.wcs, pixel_to_icrs(wcs, *corner))
    assert x.min() > -0.52
    assert x.max() < grid.nx - 0.48
    assert (grid.nx, grid.ny) == (129, 129)
    assert read_text(tmp_path, grid) == grid
    other = Place(cards.replace("HGLN_OBS=", "HGLN_OBS= 87. /"), 128, 128, corners, scale)
    with pytest.raises(ParameterError, match="grid: must be given where solar images are of sev"):
        grid_around([Place(cards, 128, 128, corners, scale), other])


def test_montage_makes_the_same_grid_of_the_same_images(
    shared_data: Path, tmp_path: Path, require_program: Callable[[str, str], str]
) -> None:
    folder = shared_data / "mosaic" / "m17_2mass_j"
    table, template = tmp_path / "images.tbl", tmp_path / "north.hdr"
    commands = [
        [require_program("mImgtbl", "montage"), str(folder), str(table)],
        [require_program("mMakeHdr", "montage"), "-n", str(table), str(template), "EQUJ"],
    ]
    for command in commands:
        subprocess.run(command, check=True, capture_output=True)
    montage = read_grid(template)
    images = []
    for path in sorted(folder.glob("*.fits")):
        header = fits.getheader(path)
        text = header.tostring(sep="\n", endcard=False, padding=False)
        nx, ny = header["NAXIS1"], header["NAXIS2"]
        images.append(place(Grid(text, nx, ny)))
    grid = grid_around(images, frame="fk5")
    # Montage adds an edge of a pixel to be safe.
    np.testing.assert_allclose(grid.shape, montage.shape, atol=2)
    between = icrs_to_pixel(montage.wcs, pixel_to_icrs(grid.wcs, np.zeros(1), np.zeros(1)))
    np.testing.assert_allclose(between, 0.0, atol=2.5)
