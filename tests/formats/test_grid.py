"""Grids as text: read from headers, cut, and beside Montage."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from hven.errors import InputError
from hven.formats.frames import FRAME_NAMES, FrameName
from hven.formats.grid import read_grid, read_template
from hven.formats.grid_request import grid_at
from hven.formats.projections import PROJECTIONS
from hven.formats.sky import (
    celestial_wcs,
    icrs_to_pixel,
    pixel_to_icrs,
    unit_vectors,
)

M17 = (274.7, -13.8)
ARCSEC = 1 / 3600


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
