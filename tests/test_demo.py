"""The demo: exposures cut from a real frame give the frame again."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from hven.errors import InputError

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


@pytest.fixture(scope="module")
def exposures() -> Iterator[Any]:
    """The module beside the script."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield importlib.import_module("exposures")
    finally:
        sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="module")
def demo(exposures: Any) -> Any:
    """The script as a module."""
    return importlib.import_module("demo")


@pytest.fixture(scope="module")
def made(exposures: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Exposures of the smallest frame."""
    folder = tmp_path_factory.mktemp("made")
    return exposures.cut(exposures.FRAMES["m13"], folder, np.random.default_rng(3))


def mosaic_like(made: Any, image: Any, path: Path) -> Path:
    """A file on the frame's grid, as a mosaic would be."""
    fits.writeto(path, image, fits.getheader(made.truth_file))
    return path


def test_every_frame_lies_inside_its_package_unchanged(exposures: Any) -> None:
    for frame in exposures.FRAMES.values():
        image, wcs = frame.read(exposures.find(frame))
        assert np.isfinite(image).mean() > 0.9
        assert wcs.has_celestial


def test_a_frame_with_another_digest_is_refused_with_both(exposures: Any) -> None:
    frame = dataclasses.replace(exposures.FRAMES["m13"], sha256="0" * 64)
    with pytest.raises(InputError, match=r"SHA-256 0{64}, has eb3e208e.*DATA=folder"):
        exposures.find(frame)


def test_a_frame_that_its_package_lacks_is_named(exposures: Any) -> None:
    frame = dataclasses.replace(exposures.FRAMES["m13"], path="io/no-such-frame.fits")
    with pytest.raises(InputError, match=r"no-such-frame.fits: must be in the package astropy"):
        exposures.find(frame)


def test_exposures_have_their_own_pointing_rotation_and_pixel_grid(
    exposures: Any, made: Any
) -> None:
    grids = [WCS(fits.getheader(path)) for path in made.files]
    assert len({tuple(grid.wcs.crval) for grid in grids}) == len(grids) == 9
    turns = [np.degrees(np.arctan2(grid.wcs.get_pc()[1, 0], 1)) for grid in grids]
    assert np.ptp(turns) > exposures.TURN
    frame_scale = WCS(fits.getheader(made.truth_file)).proj_plane_pixel_area()
    for grid in grids:
        # The side of a pixel is PIXEL of the frame's, to the rounding of FITS cards.
        area = grid.proj_plane_pixel_area()
        assert float(area / frame_scale) == pytest.approx(exposures.PIXEL**2, rel=1e-9)


def test_exposures_count_the_light_of_the_frame(exposures: Any, made: Any) -> None:
    """Sums over the same disc of sky agree, the sky background taken off."""
    path, level = made.files[4], made.levels[4]
    image, wcs = fits.getdata(path).astype(float), WCS(fits.getheader(path))
    centre = wcs.wcs.crval
    frame = WCS(fits.getheader(made.truth_file))
    x, y = frame.wcs_world2pix([centre], 0)[0]
    rows, columns = np.indices(made.truth.shape)
    expected = made.truth[np.hypot(columns - x, rows - y) < 40]
    rows, columns = np.indices(image.shape)
    middle = (np.array(image.shape) - 1) / 2
    counts = image[np.hypot(columns - middle[1], rows - middle[0]) < 40 / exposures.PIXEL]
    # The sky's slope cancels over a disc; its rim cuts stars: a hundredth of the light.
    assert (counts - level * exposures.PIXEL**2).sum() == pytest.approx(expected.sum(), rel=0.01)


def test_the_comparison_forgives_a_plane_and_nothing_else(
    demo: Any, made: Any, tmp_path: Path
) -> None:
    y, x = np.indices(made.truth.shape)
    plane = 300 + 0.1 * x - 0.2 * y
    found = demo.compare(mosaic_like(made, made.truth + plane, tmp_path / "a.fits"), made)
    # Values near 4,000 in float64: nothing is lost but by the least squares.
    assert found.pixel_rms < 1e-6
    assert found.scale_error == pytest.approx(0, abs=1e-9)
    assert found.covered == 1

    seam = np.where((x > 150) ^ (y > 150), 2.0, -2.0)
    found = demo.compare(mosaic_like(made, made.truth + seam, tmp_path / "b.fits"), made)
    # A chequerboard of 2 x 2 has next to no plane; one row of blocks lies across its seam.
    assert found.block_rms == pytest.approx(2, rel=0.1)

    found = demo.compare(mosaic_like(made, 1.02 * made.truth, tmp_path / "c.fits"), made)
    assert found.scale_error == pytest.approx(0.02, abs=1e-9)


def test_the_comparison_counts_pixels_that_the_mosaic_lacks(
    demo: Any, made: Any, tmp_path: Path
) -> None:
    image = made.truth.copy()
    image[:, :150] = np.nan
    found = demo.compare(mosaic_like(made, image, tmp_path / "half.fits"), made)
    assert found.covered == pytest.approx(0.5, abs=0.01)


def test_the_demo_puts_a_frame_together_again(
    demo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(demo, "print_comparison", kept.append)
    assert demo.main(["--frame", "m13", "--output", str(tmp_path)]) == 0

    printed = capfd.readouterr().out
    for name in ("mosaic.fits", "preview.png", "log.txt"):
        path = tmp_path / "m13" / "mosaic" / name
        assert path.stat().st_size > 0
        assert demo.short(path) in printed
    found = kept[0]
    assert found.covered == 1
    # What is left in means of 20 x 20 pixels is light that was blurred across their edges.
    assert found.block_rms < 0.01 * found.levels_rms
    assert abs(found.scale_error) < 0.01


def test_a_user_s_own_folder_becomes_a_mosaic(
    demo: Any, made: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = made.files[0].parent
    assert demo.main(["--data", str(data), "--output", str(tmp_path)]) == 0
    assert "9 FITS files in" in capfd.readouterr().out
    assert (tmp_path / data.name / "mosaic.fits").exists()


def test_a_folder_without_images_is_refused(
    demo: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("clouds all night")
    assert demo.main(["--data", str(tmp_path)]) == InputError.exit_code
    assert "must be a folder with FITS images" in capsys.readouterr().err
