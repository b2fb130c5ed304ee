"""Bad input: each file named with its reason, all at once, before any work starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from hven.errors import InputError, ParameterError, ResourceError

MakeMosaic = Callable[..., Any]
WriteImage = Callable[..., Path]


@pytest.fixture
def good(write_image: WriteImage) -> Path:
    return write_image("good.fits", np.random.default_rng(1).normal(5, 1, (60, 50)))


@pytest.fixture
def bad_files(tmp_path: Path, good: Path, write_image: WriteImage) -> dict[str, Path]:
    """One file a fault, by a word of the message that it must give."""
    files = {
        "NaN": write_image("all_nan.fits", np.full((20, 20), np.nan)),
        "CTYPE": tmp_path / "no_wcs.fits",
        "FITS": tmp_path / "noise.fits",
        "bytes": tmp_path / "truncated.fits",
        "no such file": tmp_path / "missing.fits",
    }
    fits.writeto(files["CTYPE"], np.ones((8, 8)))
    files["FITS"].write_bytes(b"no image at all" * 300)
    files["bytes"].write_bytes(good.read_bytes()[:-5760])
    return files


def test_all_bad_files_are_named_at_once(
    good: Path, bad_files: dict[str, Path], make_mosaic: MakeMosaic
) -> None:
    with pytest.raises(InputError) as caught:
        make_mosaic([good, *bad_files.values()])
    faults = {fault.name: fault.text for fault in caught.value.faults}
    for word, path in bad_files.items():
        reasons = [text for name, text in faults.items() if path.name in name]
        assert len(reasons) == 1, path.name
        assert word.lower() in reasons[0].lower()
    assert not any(good.name in name for name in faults)


def test_bad_files_are_skipped_on_demand_and_said(
    good: Path, bad_files: dict[str, Path], make_mosaic: MakeMosaic
) -> None:
    made = make_mosaic([good, *bad_files.values()], on_bad="skip", brightness="surface")
    assert np.nanmean(fits.getdata(made.mosaic)) == pytest.approx(5.0, abs=0.1)
    log = (made.folder / "log.txt").read_text()
    for path in bad_files.values():
        assert path.name in log


def test_an_image_outside_the_region_is_a_fault(
    good: Path, write_image: WriteImage, make_mosaic: MakeMosaic
) -> None:
    far = write_image("far.fits", np.ones((20, 20)), crval=(10.0, -40.0))
    with pytest.raises(InputError, match=r"far\.fits.*overlap the region"):
        make_mosaic([good, far], header=good)
    made = make_mosaic([good, far], header=good, on_bad="skip")
    assert "far.fits" not in made.images.read_text()


def test_mixed_units_are_a_fault(write_image: WriteImage, make_mosaic: MakeMosaic) -> None:
    one = write_image("one.fits", np.ones((20, 20)), BUNIT="MJy/sr")
    two = write_image("two.fits", np.ones((20, 20)), BUNIT="K")
    three = write_image("three.fits", np.ones((20, 20)), BUNIT="K")
    with pytest.raises(InputError, match=r"one\.fits.*BUNIT"):
        make_mosaic([one, two, three])


def test_a_wrong_checksum_is_a_fault(tmp_path: Path, make_mosaic: MakeMosaic, good: Path) -> None:
    with fits.open(good) as hdus:
        hdus.writeto(tmp_path / "summed.fits", checksum=True)
    raw = bytearray((tmp_path / "summed.fits").read_bytes())
    raw[-20000] ^= 1
    (tmp_path / "summed.fits").write_bytes(raw)
    with pytest.raises(InputError, match=r"summed\.fits.*(CHECKSUM|DATASUM)"):
        make_mosaic([tmp_path / "summed.fits"])


def test_a_request_beyond_the_disk_is_refused_with_the_figure(
    good: Path, make_mosaic: MakeMosaic
) -> None:
    with pytest.raises(ResourceError, match=r"needs \d+\.\d Gbyte"):
        make_mosaic([good], center="150 20", width=60, pixel_scale=0.1)


def test_a_request_beyond_the_memory_is_refused_with_the_figure(
    write_image: WriteImage, make_mosaic: MakeMosaic
) -> None:
    big = write_image("big.fits", np.ones((3000, 2500), np.float32))
    with pytest.raises(ResourceError, match=r"at least 0\.\d+ Gbyte to project .*big\.fits"):
        make_mosaic([big], memory=0.1)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"width": 1.0}, "center"),
        ({"center": "150 20"}, "width"),
        ({"header": "good.fits", "pixel_scale": 1.0}, "pixel_scale"),
        ({"pixfrac": 0.5}, "pixfrac"),
        ({"zero_point": 20.0}, "zero_point_keyword"),
        ({"zero_point_keyword": "MAGZP"}, "zero_point"),
        ({"projection": "TANGENT"}, "projection"),
        ({"center": "somewhere", "width": 1.0}, "center"),
        ({"clip_sigma": float("nan")}, "clip_sigma"),
    ],
)
def test_parameters_that_do_not_go_together_are_named(
    good: Path, make_mosaic: MakeMosaic, values: dict[str, Any], name: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        make_mosaic([good], **values)
    assert name in [fault.name for fault in caught.value.faults]


def test_weights_must_be_as_many_as_images(good: Path, make_mosaic: MakeMosaic) -> None:
    with pytest.raises(InputError, match=r"weights: must be as many as images, 2"):
        make_mosaic([good, good], weights=[good])
