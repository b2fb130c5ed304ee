"""Projections and distortions against astropy's own SkyCoord and WCS."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.io.fits import Header
from astropy.wcs import WCS

from hven.errors import InputError
from hven.formats.frames import (
    ICRS,
    FrameName,
    axis_names,
    named_frame,
)
from hven.formats.projections import PROJECTIONS, projection_wcs
from hven.formats.sky import (
    celestial_wcs,
    icrs_to_pixel,
    pixel_scale,
    pixel_to_icrs,
    pixel_to_sky,
    pixel_transform,
    sky_to_pixel,
    unit_vectors,
)

M17 = (274.7, -13.8)
#: A plate of the second Palomar survey, with every term of its solution in use.
PLATE = """PLATEID = '06UL    '
PLTSCALE= 67.2
CNPIX1  = 7000
CNPIX2  = 7100
XPIXELSZ= 25.28445
YPIXELSZ= 25.28445
PLTRAH  = 18
PLTRAM  = 18
PLTRAS  = 33.0
PLTDECSN= '-       '
PLTDECD = 15
PLTDECM = 0
PLTDECS = 12.0
EQUINOX = 2000.0
PPO3    = 177500.0
PPO6    = 177500.0"""
AMDX = (67.23, 3.1e-3, -1.5, -1.2e-5, -7.3e-6, 1.7e-5, 0, 1.8e-6, -3.5e-8, 1.9e-6, 5.6e-8, 0, 1e-9)
AMDY = (67.24, -3.4e-3, 2.5, -1.6e-5, 4.8e-6, -8e-6, 0, 1.9e-6, 1.1e-8, 1.8e-6, 2e-8, 0, -1e-9)


def tangent(extra: str = "", kind: str = "TAN", crval: tuple[float, float] = M17) -> str:
    """The cards of a small image around M17."""
    cards = f"""CTYPE1  = 'RA---{kind}'
CTYPE2  = 'DEC--{kind}'
CRVAL1  = {crval[0]}
CRVAL2  = {crval[1]}
CRPIX1  = 256.5
CRPIX2  = 512.5
CDELT1  = -0.0002777777778
CDELT2  = 0.0002777777778
"""
    return cards + extra


def around(nx: int = 512, ny: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.linspace(-0.5, nx - 0.5, 9), np.linspace(-0.5, ny - 0.5, 9))
    return x, y


def whole_sky(count: int = 400) -> np.ndarray:
    """Directions all over the sky, with both poles and the 0h line."""
    random = np.random.default_rng(5)
    vectors = random.normal(size=(3, count))
    vectors /= np.linalg.norm(vectors, axis=0)
    return np.concatenate([vectors, [[0, 0, 1.0], [0, 0, 0], [1, -1, 0]]], axis=1)


@pytest.mark.parametrize("name", sorted(PROJECTIONS))
@pytest.mark.parametrize("frame", ["icrs", "galactic"])
def test_every_projection_goes_there_and_back(name: str, frame: FrameName) -> None:
    axes, kind = axis_names(frame), named_frame(frame)
    wcs = projection_wcs(PROJECTIONS[name], axes, kind, (30.0, 40.0), 1 / 60, 7.0)
    middle = sky_to_pixel(wcs, np.array([30.0]), np.array([40.0]))
    x, y = np.meshgrid(np.linspace(-100, 100, 21) + middle[0], np.linspace(-90, 90, 19) + middle[1])
    back = icrs_to_pixel(wcs, pixel_to_icrs(wcs, x, y))
    if name == "CSC":
        # CSC is defined by two polynomials that are each other's inverse to 1e-4 only.
        np.testing.assert_allclose(back, [x, y], atol=1.0)
    else:
        np.testing.assert_allclose(back, [x, y], atol=1e-8)


@pytest.mark.parametrize("name", sorted(PROJECTIONS))
def test_pixels_of_two_projections_meet_as_astropy_has_it(name: str) -> None:
    axes, frame = axis_names("galactic"), named_frame("galactic")
    start = celestial_wcs(tangent("EQUINOX = 2000.0\nCROTA2  = 12.0\n"))
    end = projection_wcs(PROJECTIONS[name], axes, frame, (16.9, 0.7), 1 / 3600, -3.0)
    x, y = around()
    got = pixel_transform(start, end)(x, y)
    sky = SkyCoord(*start.wcs_pix2world(x, y, 0), unit="deg", frame="fk5").galactic
    expected = end.wcs_world2pix(sky.l.deg, sky.b.deg, 0)
    # Astropy's way through angles loses a few 1e-14 deg, and CRVAL lies up to 1e6 pixels away.
    np.testing.assert_allclose(got, expected, atol=1e-8)


@pytest.mark.parametrize("name", ["TAN", "SIN", "AZP", "SZP", "COP"])
def test_the_hidden_side_of_a_projection_has_no_pixel(name: str) -> None:
    axes, frame = axis_names("icrs"), ICRS
    wcs = projection_wcs(PROJECTIONS[name], axes, frame, (30.0, 40.0), 1.0, 0.0)
    x, y = icrs_to_pixel(wcs, whole_sky())
    hidden = np.isnan(x)
    assert np.array_equal(hidden, np.isnan(y))
    toward = unit_vectors(np.array(30.0), np.array(40.0)) @ whole_sky()
    if name in ("TAN", "SIN"):
        np.testing.assert_array_equal(hidden, toward <= 0.0)
    assert 0.1 < hidden.mean() < 0.6


@pytest.mark.parametrize("name", [n for n, p in PROJECTIONS.items() if p.is_whole_sky])
def test_pixels_outside_the_map_have_no_sky(name: str) -> None:
    wcs = projection_wcs(PROJECTIONS[name], axis_names("icrs"), ICRS, (0.0, 0.0), 1.0, 0.0)
    x, y = np.meshgrid(np.linspace(-300, 300, 61), np.linspace(-300, 300, 61))
    vectors = pixel_to_icrs(wcs, x, y)
    finite = np.isfinite(vectors[0])
    assert 0.05 < finite.mean() < 0.6
    # The sky is compared, since the map of a cube repeats itself to the sides.
    back = pixel_to_icrs(wcs, *icrs_to_pixel(wcs, vectors[:, finite]))
    atol = 1e-3 if name == "CSC" else 1e-8
    np.testing.assert_allclose(back, vectors[:, finite], rtol=0, atol=atol)


def test_a_cylindrical_map_may_reach_beyond_180_degrees() -> None:
    header = tangent(kind="CAR", crval=(0.0, 0.0)).replace("0.0002777777778", "0.5")
    wcs = celestial_wcs(header.replace("CRPIX1  = 256.5", "CRPIX1  = 1.0"))
    longitude, latitude = pixel_to_sky(wcs, np.array([500.0, 5.0]), np.array([511.5, 700.0]))
    assert longitude[0] == pytest.approx(110.0, abs=1e-9)
    assert np.isnan(latitude[1])


def test_the_polyconic_map_has_its_middle_line_and_its_rows_at_the_poles() -> None:
    wcs = projection_wcs(PROJECTIONS["PCO"], axis_names("icrs"), ICRS, (30.0, 0.0), 1.0, 0.0)
    longitude, latitude = pixel_to_sky(wcs, np.array([0.0, -60.0]), np.array([20.0, 90.0]))
    np.testing.assert_allclose([longitude[0], latitude[0]], [30.0, 20.0], atol=1e-8)
    assert latitude[1] < 80.0


def test_axes_may_be_swapped() -> None:
    swapped = tangent().replace("CTYPE1  = 'RA---TAN'", "CTYPE1  = 'DEC--TAN'", 1)
    swapped = swapped.replace("CTYPE2  = 'DEC--TAN'", "CTYPE2  = 'RA---TAN'", 1)
    swapped = swapped.replace("CRVAL1  = 274.7", "CRVAL1  = -13.8").replace(
        "CRVAL2  = -13.8", "CRVAL2  = 274.7"
    )
    x, y = around()
    there = pixel_transform(celestial_wcs(swapped), celestial_wcs(tangent()))(x, y)
    back = pixel_transform(celestial_wcs(tangent()), celestial_wcs(swapped))(*there)
    np.testing.assert_allclose(back, [x, y], atol=1e-8)
    np.testing.assert_allclose(there[0], 255.5 - (y - 511.5), atol=1e-4)


@pytest.mark.parametrize("kind", ["CROTA2", "CD", "PC"])
def test_a_turned_image_is_the_same_in_all_three_ways_to_say_it(kind: str) -> None:
    cosine, sine, step = np.cos(np.radians(30)), np.sin(np.radians(30)), 0.0002777777778
    turned = {
        "CROTA2": "CROTA2  = 30.0\n",
        "PC": f"PC1_1   = {cosine}\nPC1_2   = {sine}\nPC2_1   = {-sine}\nPC2_2   = {cosine}\n",
        "CD": f"CD1_1   = {-step * cosine}\nCD1_2   = {-step * sine}\n"
        f"CD2_1   = {-step * sine}\nCD2_2   = {step * cosine}\n",
    }
    wcs = celestial_wcs(tangent(turned[kind]))
    north = sky_to_pixel(wcs, np.array([M17[0]]), np.array([M17[1] + 100 * step]))
    # North is turned by CROTA2 towards the left, counted from the y axis.
    np.testing.assert_allclose(north, [[255.5 - 100 * sine], [511.5 + 100 * cosine]], atol=1e-3)


def test_the_old_projp_keywords_count_as_pv() -> None:
    old = celestial_wcs(tangent("PROJP1  = 1.5\nPROJP2  = 20.0\n", kind="AZP"))
    new = celestial_wcs(tangent("PV2_1   = 1.5\nPV2_2   = 20.0\n", kind="AZP"))
    x, y = around()
    np.testing.assert_array_equal(pixel_to_sky(old, x, y), pixel_to_sky(new, x, y))


def test_a_sip_distortion_is_honoured_both_ways() -> None:
    sip = "A_ORDER = 2\nB_ORDER = 2\nA_2_0   = 2e-5\nA_1_1   = -1e-5\n"
    sip += "B_0_2   = 3e-5\nB_2_0   = 1e-6\n"
    wcs = celestial_wcs(tangent(sip, kind="TAN-SIP"))
    x, y = around()
    np.testing.assert_array_equal(pixel_to_sky(wcs, x, y), wcs.all_pix2world(x, y, 0))
    np.testing.assert_allclose(icrs_to_pixel(wcs, pixel_to_icrs(wcs, x, y)), [x, y], atol=1e-8)
    u, v = x[0, 3] + 1 - 256.5, y[5, 0] + 1 - 512.5
    moved = (255.5 + u + 2e-5 * u * u - 1e-5 * u * v, 511.5 + v + 3e-5 * v * v + 1e-6 * u * u)
    expected = pixel_to_sky(celestial_wcs(tangent()), np.array(moved[0]), np.array(moved[1]))
    np.testing.assert_allclose(pixel_to_sky(wcs, x[0, 3], y[5, 0]), expected, atol=1e-12)


def test_a_plate_solution_follows_the_guide_to_the_digitized_sky_survey() -> None:
    """Formulae of the Space Telescope Science Institute's header guide, written out here."""
    terms = [(f"AMDX{i}", term) for i, term in enumerate(AMDX, 1)]
    terms += [(f"AMDY{i}", term) for i, term in enumerate(AMDY, 1)]
    wcs = celestial_wcs("\n".join([PLATE, *(f"{key:<8}= {term}" for key, term in terms)]))
    for x, y in ((1.0, 1.0), (250.0, 250.0), (499.0, 3.0)):
        got = pixel_to_sky(wcs, np.array(x - 1), np.array(y - 1))
        # 4e-9 deg is a hundred-thousandth of a pixel of 1.7".
        np.testing.assert_allclose(got, _plate_position(x, y), atol=4e-9)


def _plate_position(x: float, y: float) -> tuple[float, float]:
    """Right ascension and declination in degrees of a pixel counted from 1."""
    p = (177500.0 - (x + 7000 - 0.5) * 25.28445) / 1000.0
    q = ((y + 7100 - 0.5) * 25.28445 - 177500.0) / 1000.0

    def standard(a: tuple[float, ...], p: float, q: float) -> float:
        r = p * p + q * q
        linear = a[0] * p + a[1] * q + a[2] + a[3] * p * p + a[4] * p * q + a[5] * q * q + a[6] * r
        cubic = a[7] * p**3 + a[8] * p * p * q + a[9] * p * q * q + a[10] * q**3
        return np.radians((linear + cubic + a[11] * p * r + a[12] * p * r * r) / 3600.0)

    xi, eta = standard(AMDX, p, q), standard(AMDY, q, p)
    ra0, dec0 = np.radians(15 * (18 + 18 / 60 + 33 / 3600)), -np.radians(15 + 12 / 3600)
    below = np.cos(dec0) - eta * np.sin(dec0)
    ra = ra0 + np.arctan2(xi, below)
    dec = np.arctan2(np.sin(dec0) + eta * np.cos(dec0), np.hypot(xi, below))
    return float(np.degrees(ra)), float(np.degrees(dec))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "CTYPE1, CTYPE2: must be two celestial axes .*, got '', ''"),
        (tangent().replace("RA---TAN", "FREQ"), "CTYPE1, CTYPE2|WCS"),
        (tangent().replace("DEC--TAN", "DEC--SIN"), "WCS: must follow the FITS standard"),
        (tangent().replace("CDELT2  = 0.0002777777778", "CDELT2  = 0.0"), "WCS: .*ingular"),
    ],
)
def test_a_header_without_a_usable_wcs_says_why(header: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        celestial_wcs(header)


def test_a_cube_gives_its_first_two_axes() -> None:
    cube = tangent("NAXIS   = 4\nCTYPE3  = 'FREQ'\nCRVAL3  = 1.4e9\nCTYPE4  = 'STOKES'\n")
    wcs = celestial_wcs("WCSAXES = 4\n" + cube)
    x, y = around()
    np.testing.assert_array_equal(
        pixel_to_sky(wcs, x, y), pixel_to_sky(celestial_wcs(tangent()), x, y)
    )


def test_the_far_side_and_no_pixel_stay_nan_on_the_way() -> None:
    start = celestial_wcs(tangent(kind="AIT", crval=(0.0, 0.0)).replace("0.0002777777778", "1.0"))
    end = celestial_wcs(tangent())
    x, y = np.array([255.5 - 90.0, 255.5 + 85.0, 0.0]), np.array([511.5, 511.5, 1000.0])
    got_x, got_y = pixel_transform(start, end)(x, y)
    assert np.array_equal(np.isnan(got_x), [True, False, True])
    assert np.array_equal(np.isnan(got_x), np.isnan(got_y))


def test_real_images_of_five_frames_and_projections_meet(shared_data: Path) -> None:
    paths = sorted((shared_data / "mosaic" / "galactic_center").glob("*.fits"))
    assert len(paths) == 5
    headers = [fits.getheader(path) for path in paths]
    for first in headers:
        for second in headers:
            start, end = celestial_wcs(first), celestial_wcs(second)
            x, y = around(first["NAXIS1"], first["NAXIS2"])
            got = pixel_transform(start, end)(x, y)
            world = WCS(first, naxis=2).pixel_to_world(x, y)
            expected = WCS(second, naxis=2).world_to_pixel(world)
            np.testing.assert_allclose(got, expected, atol=1e-8)


def test_real_cutouts_with_tpv_distortion_meet(shared_data: Path) -> None:
    paths = sorted((shared_data / "mosaic" / "decam_cutouts").glob("*_ooi_*.fits"))
    assert len(paths) == 6
    headers = [fits.getheader(path, 1) for path in paths]
    out = celestial_wcs(tangent(crval=(110.6, 23.76)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        references = [WCS(header) for header in headers]
    for header, reference in zip(headers, references, strict=True):
        wcs = celestial_wcs(header)
        x, y = around(header["NAXIS1"], header["NAXIS2"])
        expected = out.all_world2pix(*reference.all_pix2world(x, y, 0), 0)
        np.testing.assert_allclose(pixel_transform(wcs, out)(x, y), expected, atol=1e-6)
        np.testing.assert_allclose(icrs_to_pixel(wcs, pixel_to_icrs(wcs, x, y)), [x, y], atol=1e-8)


def test_the_pixel_scale_is_the_root_of_the_area() -> None:
    assert pixel_scale(celestial_wcs(tangent())) == pytest.approx(1 / 3600, rel=1e-9)
    assert pixel_scale(celestial_wcs(Header.fromstring(tangent(), sep="\n"))) > 0
