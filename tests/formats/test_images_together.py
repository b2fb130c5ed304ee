"""Images that can be used, but not together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from hven.formats.examine import check_together, examine
from hven.formats.images import Source, Summary

SKY = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRVAL1": 150.0,
    "CRVAL2": 2.0,
    "CRPIX1": 3.0,
    "CRPIX2": 2.0,
    "CDELT1": -0.001,
    "CDELT2": 0.001,
}


def source_of(folder: Path, name: str = "a.fits", **cards: Any) -> Source:
    header = fits.Header({**SKY, **cards})
    fits.PrimaryHDU(np.ones((3, 4), "f4"), header).writeto(folder / name)
    return Source(folder / name)


def summary_of(tmp_path: Path, name: str, **cards: Any) -> Summary:
    return examine(source_of(tmp_path, name, **cards))


def test_images_of_one_kind_go_together(tmp_path: Path) -> None:
    units = ({"BUNIT": "adu"}, {"BUNIT": "ADU"}, {})
    summaries = [summary_of(tmp_path, f"{i}.fits", **unit) for i, unit in enumerate(units)]
    assert check_together(summaries) == []
    assert check_together([]) == []


def test_mixed_units_are_named_with_the_scale_that_mends_them(tmp_path: Path) -> None:
    units = ["Jy/beam", "Jy/Beam", "mJy/beam", "K", "furlong"]
    summaries = [summary_of(tmp_path, f"{i}.fits", BUNIT=unit) for i, unit in enumerate(units)]
    faults = {Path(fault.name).name: fault.text for fault in check_together(summaries)}
    assert faults == {
        "2.fits[0]": "BUNIT must be Jy / beam as in 2 of the images, is mJy / beam: "
        "give the scale 0.001",
        "3.fits[0]": "BUNIT must be Jy / beam as in 2 of the images, is K",
        "4.fits[0]": "BUNIT must be Jy / beam as in 2 of the images, is furlong",
    }


def test_mixed_zero_points_are_named(tmp_path: Path) -> None:
    zero_points = [(21.0, 20.0), (20.5, 20.0), (None, None), (21.0, 25.0)]
    summaries = []
    for number, (zero_point, reference) in enumerate(zero_points):
        source = source_of(tmp_path, f"{number}.fits")
        source = replace(source, zero_point=zero_point, reference_zero_point=reference)
        summaries.append(examine(source))
    faults = {Path(fault.name).name: fault.text for fault in check_together(summaries)}
    assert faults == {
        "2.fits[0]": "reference zero point must be 20 mag as in 2 of the images, is none",
        "3.fits[0]": "reference zero point must be 20 mag as in 2 of the images, is 25 mag",
    }


def test_an_image_given_twice_is_named_and_a_copy_is_not(tmp_path: Path) -> None:
    first, copy = source_of(tmp_path), source_of(tmp_path, "copy.fits")
    (tmp_path / "link.fits").symlink_to(first.path)
    summaries = [examine(source) for source in (first, copy, Source(tmp_path / "link.fits"))]
    (fault,) = check_together(summaries)
    assert fault.name.endswith("link.fits[0]")
    assert "must be given once" in fault.text


def test_the_sun_does_not_go_with_the_sky(tmp_path: Path) -> None:
    solar = {"CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN", "CRVAL1": 0.0, "CRVAL2": 0.0}
    summaries = [
        summary_of(tmp_path, "a.fits"),
        summary_of(tmp_path, "b.fits"),
        summary_of(tmp_path, "sun.fits", **solar),
    ]
    (fault,) = check_together(summaries)
    assert "coordinates must be icrs as in 2 of the images, are HPLN" in fault.text


def test_kept_facts_take_the_name_of_the_copy_they_are_used_for(tmp_path: Path) -> None:
    first, copy = source_of(tmp_path), source_of(tmp_path, "copy.fits")
    assert examine(first).named_as(copy) == examine(copy)
