"""Grids: given as headers, made from images, asked for; against astropy, Montage and geometry."""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from hven.errors import InputError, ParameterError
from hven.formats.footprint import (
    contains,
    footprint,
    footprint_of_corners,
    overlapping_pairs,
    overlaps,
    touching,
)
from hven.formats.frames import FRAME_NAMES, FrameName
from hven.formats.grid import Grid, read_grid, read_template
from hven.formats.grid_making import grid_around
from hven.formats.grid_request import grid_all_sky, grid_at
from hven.formats.projections import PROJECTIONS
from hven.formats.sky import (
    celestial_wcs,
    icrs_to_pixel,
    longitude_latitude,
    pixel_to_icrs,
    unit_vectors,
)

M17 = (274.7, -13.8)
ARCSEC = 1 / 3600
WHOLE_SKY = [name for name, projection in PROJECTIONS.items() if projection.is_whole_sky]


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


# --- given as a header -------------------------------------------------------------------------


def test_a_montage_template_is_read_and_its_assumption_said(shared_data: Path) -> None:
    path = shared_data / "mosaic" / "m17_2mass_j" / "big_region.hdr"
    grid, notes = read_template(path)
    assert grid.shape == (3359, 3359)
    assert grid.pixel_scale_deg == pytest.approx(0.000277778, rel=1e-12)
    assert notes == ("The grid's header has EQUINOX 2000 and no RADESYS: FK5 is assumed.",)
    assert "RADESYS = 'FK5     '" in grid.header
    x, y = grid.wcs.wcs_world2pix(275.196290, -16.171530, 1)
    np.testing.assert_allclose([x, y], 1680.0, atol=1e-9)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_padding_do_not_matter(tmp_path: Path, end: str) -> None:
    grid = grid_at(M17, 0.3, 0.2, pixel_scale_deg=ARCSEC, rotation_deg=20.0)
    padded = end.join(f"{line:<80}" for line in grid.to_template().splitlines())
    (tmp_path / "padded.hdr").write_bytes(padded.encode())
    bare = end.join(grid.to_template().replace("= ", "=").splitlines())
    (tmp_path / "bare.hdr").write_bytes(bare.encode())
    assert read_grid(tmp_path / "padded.hdr") == grid
    assert read_grid(tmp_path / "bare.hdr") == grid


def test_a_fits_file_or_an_extension_gives_the_grid(tmp_path: Path) -> None:
    grid = grid_at(M17, 0.02, 0.01, pixel_scale_deg=ARCSEC, frame="galactic", projection="CAR")
    image = fits.ImageHDU(np.zeros(grid.shape, "f4"), grid.to_header(), name="SCI")
    other = fits.ImageHDU(np.zeros((3, 4), "f4"), name="OTHER")
    path = tmp_path / "image.fits"
    fits.HDUList([fits.PrimaryHDU(), other, image]).writeto(path)
    compressed = fits.CompImageHDU(np.ones(grid.shape, "f4"), grid.to_header())
    fits.HDUList([fits.PrimaryHDU(), compressed]).writeto(tmp_path / "image.fits.fz")
    assert read_grid(path) == grid
    assert read_grid(path, hdu="SCI") == grid
    assert read_grid(tmp_path / "image.fits.fz") == grid
    with pytest.raises(InputError, match=r"must have HDU SKY, got 0 PRIMARY, 1 OTHER, 2 SCI"):
        read_grid(path, hdu="SKY")
    with pytest.raises(InputError, match=r"image\.fits: CTYPE1: must name a celestial axis"):
        read_grid(path, hdu=1)


@pytest.mark.parametrize("name", sorted(PROJECTIONS))
@pytest.mark.parametrize("frame", FRAME_NAMES)
def test_the_text_of_a_grid_is_canonical(tmp_path: Path, name: str, frame: FrameName) -> None:
    grid = grid_at((10.0, 50.0), 1.0, 0.5, pixel_scale_deg=0.01, projection=name, frame=frame)
    (tmp_path / "grid.hdr").write_text(grid.to_template())
    assert read_grid(tmp_path / "grid.hdr") == grid


def test_a_cd_matrix_and_crota_are_the_same_grid_but_for_rounding(tmp_path: Path) -> None:
    grid = grid_at(M17, 0.3, 0.2, pixel_scale_deg=ARCSEC, rotation_deg=20.0)
    kept = [line for line in grid.to_template().splitlines() if not line.startswith(("PC", "END"))]
    (tmp_path / "crota.hdr").write_text("\n".join([*kept, "CROTA2  = 20.0", "END", ""]))
    kept = [line for line in kept if not line.startswith("CDELT")]
    matrix = grid.wcs.pixel_scale_matrix
    kept += [f"CD{i + 1}_{j + 1}   = {float(matrix[i, j])!r}" for i in (0, 1) for j in (0, 1)]
    (tmp_path / "cd.hdr").write_text("\n".join([*kept, "END", ""]))
    for name in ("crota.hdr", "cd.hdr"):
        other = read_grid(tmp_path / name)
        np.testing.assert_allclose(other.wcs.pixel_scale_matrix, matrix, rtol=0, atol=1e-18)
        assert "PC1_2" in other.header


def test_a_sip_distortion_of_the_template_is_kept(tmp_path: Path) -> None:
    grid = grid_at(M17, 0.3, 0.2, pixel_scale_deg=ARCSEC)
    text = (
        grid.to_template().replace("RA---TAN", "RA---TAN-SIP").replace("DEC--TAN", "DEC--TAN-SIP")
    )
    sip = "A_ORDER = 2\nA_2_0   = 2e-06\nB_ORDER = 2\nB_1_1   = 1e-06\nEND"
    (tmp_path / "sip.hdr").write_text(text.replace("END", sip))
    kept = read_grid(tmp_path / "sip.hdr")
    assert kept.wcs.sip is not None
    x, y = np.array([3.0, 500.0]), np.array([700.0, 20.0])
    np.testing.assert_allclose(
        icrs_to_pixel(kept.wcs, pixel_to_icrs(kept.wcs, x, y)), [x, y], atol=1e-8
    )


def test_all_that_a_header_lacks_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.hdr"
    path.write_text(
        "SIMPLE  = T\nNAXIS1  = 0\nCTYPE1  = 'RA---TAN'\nCRVAL1  = nan\nAMDX1   = 67.\n"
    )
    with pytest.raises(InputError) as caught:
        read_grid(path)
    names = [fault.name for fault in caught.value.faults]
    wanted = ["NAXIS1", "NAXIS2", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2"]
    wanted += ["CDELT1", "AMDX1"]
    assert names == [f"bad.hdr: {key}" for key in wanted]
    assert "must be a whole number of pixels above 0, got 0" in str(caught.value)


def test_a_missing_file_and_a_file_that_is_no_header_are_input_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.hdr: must be readable"):
        read_grid(tmp_path / "none.hdr")
    (tmp_path / "bytes.fits").write_bytes(b"\x00" * 5000)
    with pytest.raises(InputError, match=r"bytes\.fits: must be readable"):
        read_grid(tmp_path / "bytes.fits")


def test_a_cylindrical_template_beyond_180_degrees_is_centred(tmp_path: Path) -> None:
    """A map of all longitudes that begins at 0 on its left edge, as of surveys of the Galaxy."""
    text = """NAXIS1  = 720
NAXIS2  = 20
CTYPE1  = 'GLON-CAR'
CTYPE2  = 'GLAT-CAR'
CRVAL1  = 0.0
CRVAL2  = 0.0
CRPIX1  = 720.5
CRPIX2  = 10.5
CDELT1  = -0.5
CDELT2  = 0.5
END
"""
    (tmp_path / "plane.hdr").write_text(text)
    grid = read_grid(tmp_path / "plane.hdr")
    sky = SkyCoord(
        [0.25, 179.75, 180.25, 359.75], [1.0, 1, 1, 1], unit="deg", frame="galactic"
    ).icrs
    x, y = icrs_to_pixel(grid.wcs, unit_vectors(sky.ra.deg, sky.dec.deg))
    np.testing.assert_allclose(x, [719.0, 360.0, 359.0, 0.0], atol=1e-8)
    np.testing.assert_allclose(y, 11.5, atol=1e-8)


# --- asked for ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(PROJECTIONS))
@pytest.mark.parametrize("frame", ["icrs", "fk4", "galactic"])
@pytest.mark.parametrize("center", [M17, (0.0, 89.0), (359.99, -35.0)])
def test_the_centre_asked_for_lies_in_the_middle(
    name: str, frame: FrameName, center: tuple[float, float]
) -> None:
    if name in ("MER", "CYP", "PAR") and abs(center[1]) > 85 and frame in ("icrs", "fk4"):
        pytest.skip("stretched without bound at the pole")
    grid = grid_at(center, 0.1, 0.06, pixel_scale_deg=ARCSEC * 2, projection=name, frame=frame)
    x, y = icrs_to_pixel(grid.wcs, unit_vectors(*np.array(center)[:, None]))
    # A quarter of a pixel for CRPIX at halves (CSC's own error is many pixels).
    atol = 3.0 if name == "CSC" else 0.2501
    np.testing.assert_allclose([x[0], y[0]], [(grid.nx - 1) / 2, (grid.ny - 1) / 2], atol=atol)
    assert np.all(np.isfinite(grid.pixel_solid_angle()))
    across = pixel_to_icrs(grid.wcs, x[0] + np.array([-0.5, 0.5]) * grid.nx, np.repeat(y, 2))
    width = np.degrees(np.arccos(across[:, 0] @ across[:, 1]))
    if name not in ("TSC", "QSC", "CSC"):
        assert width == pytest.approx(0.1, rel=0.01)


def test_a_tangent_grid_has_exactly_the_pixels_asked_for() -> None:
    grid = grid_at(M17, 1.0, 0.5, pixel_scale_deg=ARCSEC)
    assert (grid.nx, grid.ny) == (3600, 1800)
    assert grid.wcs.wcs.crval.tolist() == list(M17)
    assert grid.wcs.wcs.crpix.tolist() == [1800.5, 900.5]
    assert grid.pixel_scale_deg == pytest.approx(ARCSEC, rel=1e-15)


def test_rotation_has_the_sign_of_crota2(tmp_path: Path) -> None:
    grid = grid_at(M17, 0.1, 0.1, pixel_scale_deg=ARCSEC, rotation_deg=30.0)
    plain = grid_at(M17, 0.1, 0.1, pixel_scale_deg=ARCSEC)
    header = plain.to_header()
    header["CROTA2"] = 30.0
    (tmp_path / "turned.hdr").write_text(plain.to_template().replace("END", "CROTA2  = 30.0\nEND"))
    turned = read_grid(tmp_path / "turned.hdr")
    np.testing.assert_allclose(
        grid.wcs.pixel_scale_matrix, turned.wcs.pixel_scale_matrix, rtol=0, atol=1e-18
    )


def test_all_that_is_wrong_with_a_request_is_named() -> None:
    with pytest.raises(ParameterError) as caught:
        grid_at(
            (10.0, 95.0),
            -1.0,
            200.0,
            pixel_scale_deg=float("nan"),
            projection="XYZ",
            frame="horizon",  # type: ignore[arg-type]
            rotation_deg=float("inf"),
        )
    names = [fault.name for fault in caught.value.faults]
    assert names == ["projection", "frame", "rotation", "pixel_scale", "width", "center"]
    with pytest.raises(ParameterError, match="height: must be above 0 and at most 150 degrees"):
        grid_at(M17, 1.0, 151.0, pixel_scale_deg=0.1)


@pytest.mark.parametrize("name", WHOLE_SKY)
@pytest.mark.parametrize("frame", ["icrs", "galactic"])
def test_an_all_sky_grid_holds_the_whole_sphere(name: str, frame: FrameName) -> None:
    grid = grid_all_sky(pixel_scale_deg=1.0, projection=name, frame=frame, longitude_deg=30.0)
    random = np.random.default_rng(3)
    vectors = random.normal(size=(3, 500))
    x, y = icrs_to_pixel(grid.wcs, vectors)
    assert np.all((x > -0.52) & (x < grid.nx - 0.48))
    assert np.all((y > -0.52) & (y < grid.ny - 0.48))
    area = np.nansum(grid.pixel_solid_angle())
    # Pixels on the border of the map have no solid angle: about the border's length in pixels.
    assert area == pytest.approx(4 * np.pi, rel=0.02)


def test_a_grid_of_part_of_the_sky_cannot_be_all_sky() -> None:
    with pytest.raises(
        ParameterError, match=r"projection: must be one of the whole sky: .*got TAN"
    ):
        grid_all_sky(pixel_scale_deg=1.0, projection="TAN")


# --- made from images --------------------------------------------------------------------------

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


def test_a_solar_image_keeps_its_own_frame(shared_data: Path) -> None:
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


# --- parts -------------------------------------------------------------------------------------


def test_a_cut_has_the_same_pixels() -> None:
    grid = grid_at(M17, 0.2, 0.1, pixel_scale_deg=ARCSEC, rotation_deg=10.0)
    cut = grid.cut((-20, 30, 100, 350))
    assert (cut.nx, cut.ny) == (120, 320)
    x, y = np.array([0.0, 50.0]), np.array([0.0, 100.0])
    got, expected = pixel_to_icrs(cut.wcs, x, y), pixel_to_icrs(grid.wcs, x - 20, y + 30)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-15)
    assert cut.cut((20, -30, 740, 330)) == grid


def test_solid_angles_of_a_tangent_plane_follow_the_cosine_cubed() -> None:
    grid = grid_at(M17, 1.0, 0.8, pixel_scale_deg=ARCSEC * 5)
    y, x = np.mgrid[: grid.ny, : grid.nx]
    r2 = ((x - (grid.nx - 1) / 2) ** 2 + (y - (grid.ny - 1) / 2) ** 2) * np.radians(ARCSEC * 5) ** 2
    expected = np.radians(ARCSEC * 5) ** 2 * (1 + r2) ** -1.5
    np.testing.assert_allclose(grid.pixel_solid_angle(), expected, rtol=1e-6)
    part = grid.pixel_solid_angle((100, 200, 131, 203))
    np.testing.assert_allclose(part, expected[200:203, 100:131], rtol=1e-6)
    # Montage's area of a pixel of 1": 2.3504430e-11 sr.
    one = grid_at(M17, 0.01, 0.01, pixel_scale_deg=ARCSEC).pixel_solid_angle()
    np.testing.assert_allclose(one, 2.3504430e-11, rtol=1e-6)


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


# --- beside Montage ----------------------------------------------------------------------------


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


@pytest.mark.parametrize("frame", ["icrs", "galactic", "ecliptic"])
@pytest.mark.parametrize("rotation", [0.0, 25.0])
def test_montage_projects_onto_our_templates(
    shared_data: Path,
    tmp_path: Path,
    require_program: Callable[[str, str], str],
    frame: FrameName,
    rotation: float,
) -> None:
    """A star must come to the place that our own transformation says."""
    program = require_program("mProject", "montage")
    path = next((shared_data / "mosaic" / "m17_2mass_j").glob("*j1430080.fits"))
    grid = grid_at(
        (275.2466, -16.2485),
        0.04,
        0.03,
        pixel_scale_deg=ARCSEC,
        frame=frame,
        rotation_deg=rotation,
    )
    (tmp_path / "grid.hdr").write_text(grid.to_template())
    header = fits.getheader(path)
    header["CRPIX1"] -= 240
    header["CRPIX2"] -= 480
    y, x = np.mgrid[:80, :60]
    star = np.exp(-0.125 * ((x - 33.0) ** 2 + (y - 44.0) ** 2)).astype("f4")
    fits.writeto(tmp_path / "star.fits", star, header)
    names = [str(tmp_path / name) for name in ("star.fits", "out.fits", "grid.hdr")]
    subprocess.run([program, *names], check=True, capture_output=True)
    made, made_header = fits.getdata(tmp_path / "out.fits", header=True)
    y, x = np.indices(made.shape)
    made = np.nan_to_num(made)
    shift = grid.wcs.wcs.crpix - [made_header["CRPIX1"], made_header["CRPIX2"]]
    center = np.array([(made * x).sum(), (made * y).sum()]) / made.sum() + shift
    wcs = celestial_wcs(header)
    expected = icrs_to_pixel(grid.wcs, pixel_to_icrs(wcs, np.array([33.0]), np.array([44.0])))
    # 0.03": Montage takes an image without RADESYS for ICRS. 0.4": it goes to Galactic by way of
    # FK4 and leaves the elliptic terms of aberration in.
    atol = 0.5 if frame == "galactic" else 0.06
    np.testing.assert_allclose(center, np.ravel(expected), rtol=0, atol=atol)
