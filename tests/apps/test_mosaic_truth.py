"""Mosaics of real images against what is known of them."""

from __future__ import annotations

import json
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from reproject import reproject_exact

from hven.formats.montage_tables import read_corrections, read_fits, read_images

MakeMosaic = Callable[..., Any]


@pytest.fixture
def m17(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "mosaic/m17_2mass_j").glob("*.fits"))


def test_tiles_of_one_scan_differ_by_the_known_constant(
    m17: list[Path], make_mosaic: MakeMosaic
) -> None:
    made = make_mosaic(m17, zero_point_keyword="MAGZP", zero_point=20.9044)
    fits_found = {(fit.plus, fit.minus): fit for fit in read_fits(made.fits)}
    # The two tiles of a scan share their pixels: 0.249 and 0.672 DN to their last digit given.
    for pair, known in (((0, 1), 0.249), ((2, 3), 0.672)):
        fit = fits_found[pair]
        middle = fit.c + fit.a * fit.xcenter + fit.b * fit.ycenter
        assert abs(middle) == pytest.approx(known, abs=5e-4)
        assert fit.rms < 0.005


def test_photometric_factors_are_montages(m17: list[Path], make_mosaic: MakeMosaic) -> None:
    made = make_mosaic(m17, zero_point_keyword="MAGZP", zero_point=20.9044)
    factors = {Path(row.fname).stem[-7:]: row.scale for row in read_images(made.images)}
    expected = {"1420186": 0.99339, "1420198": 0.99330, "1430080": 0.99321, "1430092": 0.99330}
    assert factors == {name: pytest.approx(value, abs=5e-6) for name, value in expected.items()}


def test_known_planes_are_found_and_the_truth_restored(
    shared_data: Path, make_mosaic: MakeMosaic
) -> None:
    folder = shared_data / "mosaic/derived_w5_tiles"
    tiles = json.loads((folder / "truth.json").read_text())["tiles"]
    truth_file = shared_data / "extract/w5_wise/w5.fits"
    made = make_mosaic([folder / tile["file"] for tile in tiles], header=truth_file)
    truth = fits.getdata(truth_file)
    left = fits.getdata(made.mosaic) - truth
    y, x = np.indices(left.shape)
    design = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
    plane, *_ = np.linalg.lstsq(design, left.ravel(), rcond=None)
    # One plane of all images is free; float32 of values up to 20,000 leaves some 1e-3.
    assert np.std(left.ravel() - design @ plane) < 2e-3
    # The corrections differ from the planes put in by that one plane only.
    put_in = np.array([[tile["a"], tile["b"]] for tile in tiles])
    corrections = read_corrections(made.corrections)
    removed = np.array([[row.a, row.b] for row in corrections])
    assert np.ptp(removed - put_in, axis=0) == pytest.approx([0.0, 0.0], abs=2e-6)


@pytest.mark.parametrize("name", ["2mass_j", "2mass_h", "2mass_k", "msx_e", "bolocam_gps"])
def test_five_frames_and_projections_agree_with_reproject_exact(
    shared_data: Path, make_mosaic: MakeMosaic, name: str
) -> None:
    folder = shared_data / "mosaic/galactic_center"
    source = folder / f"gc_{name}.fits"
    made = make_mosaic(
        [source],
        center="galactic 0.05 0.0",
        width=0.1,
        frame="galactic",
        projection="CAR",
        pixel_scale=6.0,
        background="none",
        brightness="surface",
    )
    with made.open() as hdus:
        ours, header = hdus[0].data.astype(float), hdus[0].header
    with fits.open(source) as hdus:
        data = hdus[0].data.squeeze().astype(float)
        theirs, _ = reproject_exact((data, WCS(hdus[0].header).celestial), header)
    both = np.isfinite(ours) & np.isfinite(theirs)
    assert both.sum() > 0.9 * np.isfinite(theirs).sum() > 1000
    contrast = np.ptp(np.percentile(theirs[both], [0.5, 99.5]))
    # Planar and spherical overlaps weigh the few input pixels of an output pixel alike to 1e-5;
    # at the image's edge and beside NaN the two define coverage otherwise.
    inner = both & (made_area(made) > 0.999 * np.nanmedian(made_area(made)))
    assert np.median(np.abs(ours - theirs)[inner]) < 1e-6 * contrast
    assert np.percentile(np.abs(ours - theirs)[inner], 99) < 1e-4 * contrast


def made_area(made: Any) -> Any:
    return fits.getdata(made.area)


def test_bands_on_one_grid_are_registered(shared_data: Path, make_mosaic: MakeMosaic) -> None:
    folder = shared_data / "mosaic/galactic_center"
    options = {"background": "none", "brightness": "surface"}
    first = make_mosaic([folder / "gc_2mass_k.fits"], pixel_scale=5.0, **options)
    second = make_mosaic([folder / "gc_msx_e.fits"], header=first.mosaic, **options)
    with first.open() as one, second.open() as two:
        assert one[0].data.shape == two[0].data.shape
        for keyword in ("CTYPE1", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CDELT2"):
            assert one[0].header[keyword] == two[0].header[keyword]


def test_decam_distortion_puts_the_exposures_on_one_another(
    shared_data: Path, make_mosaic: MakeMosaic
) -> None:
    folder = shared_data / "mosaic/decam_cutouts"
    images = sorted(folder.glob("*ooi_z*.fits"))
    weights = [path.with_name(path.name.replace("ooi", "oow")) for path in images]
    masks = [path.with_name(path.name.replace("ooi", "ood")) for path in images]
    whole = make_mosaic(images, weights=weights, masks=masks, background="level")
    singles = [
        make_mosaic([image], weights=[weight], masks=[mask], header=whole.mosaic)
        for image, weight, mask in zip(images, weights, masks, strict=True)
    ]
    one, two = (fits.getdata(single.mosaic) for single in singles)
    both = np.isfinite(one) & np.isfinite(two)
    assert both.sum() > 6000
    one, two = (np.where(both, plane - np.median(plane[both]), 0.0) for plane in (one, two))
    # The peak of the cross-correlation of the two exposures is at no shift at all.
    spectrum = np.fft.fft2(one) * np.conj(np.fft.fft2(two))
    correlation = np.fft.ifft2(spectrum).real
    peak = np.unravel_index(np.argmax(correlation), correlation.shape)
    assert peak == (0, 0)


def test_the_sun_stays_in_its_own_frame(shared_data: Path, make_mosaic: MakeMosaic) -> None:
    source = shared_data / "mosaic/sun_aia_stereo/aia_171_level1.fits"
    made = make_mosaic([source], background="none", brightness="surface")
    assert fits.getheader(made.mosaic)["CTYPE1"].startswith("HPLN")
    with warnings.catch_warnings():
        # The file has BLANK beside floating-point data.
        warnings.simplefilter("ignore")
        data = fits.getdata(source)
    # One image on one grid, turned to its own north: the mean over its area stays.
    area = fits.getdata(made.area).astype(float)
    total = np.nansum(fits.getdata(made.mosaic) * area)
    assert total / area.sum() == pytest.approx(np.nanmean(data), rel=1e-5)


def test_three_views_of_the_sun_cover_a_published_map(
    shared_data: Path, make_mosaic: MakeMosaic
) -> None:
    folder = shared_data / "mosaic/sun_aia_stereo"
    published = folder / "test_coadd_solar_map.fits"
    views = ["aia_171_level1.fits", "secchi_l0_a.fits", "secchi_l0_b.fits"]
    options = {"header": published, "background": "none", "brightness": "surface"}
    whole = make_mosaic([folder / view for view in views], combine="count", **options)
    count, theirs = fits.getdata(whole.mosaic), fits.getdata(published)
    wcs = WCS(fits.getheader(published))
    y, x = np.indices(theirs.shape)
    longitude, latitude = wcs.wcs_pix2world(x, y, 0)
    longitude = (longitude - 180.0) % 360.0 - 180.0
    # All three look at the poles along the limb, where a pixel of theirs is many of the map.
    missing = (np.abs(latitude) < 80) & (count == 0)
    assert missing.sum() < 0.005 * theirs.size
    # Where a view looks straight down, it shows what the published map, which weighs the views
    # by their angle, shows: AIA around longitude 0.
    alone = make_mosaic([folder / views[0]], **options)
    ours = fits.getdata(alone.mosaic)
    inner = (np.abs(longitude) < 20) & (np.abs(latitude) < 50) & np.isfinite(ours) & (theirs > 0)
    assert inner.sum() > 500
    assert np.corrcoef(ours[inner], theirs[inner])[0, 1] > 0.9


def test_montages_own_solver_finds_our_corrections(
    m17: list[Path],
    make_mosaic: MakeMosaic,
    require_program: Callable[[str, str], str],
    tmp_path: Path,
) -> None:
    solver = require_program("mBgModel", "montage")
    made = make_mosaic(m17)
    found = tmp_path / "corrections.tbl"
    command = [solver, "-i", "100000", str(made.images), str(made.fits), str(found)]
    subprocess.run(command, check=True, capture_output=True)
    theirs, ours = (
        np.array([[row.a, row.b, row.c] for row in read_corrections(path)])
        for path in (found, made.corrections)
    )
    # One plane of all images is free; Montage weighs pairs alike and iterates: parts of a DN over
    # 1,000 pixels.
    left = ours - theirs - (ours - theirs)[0]
    assert np.abs(left[:, :2]).max() * 1000 < 1.0
    assert np.abs(left[:, 2]).max() < 1.0
