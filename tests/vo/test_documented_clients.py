"""The examples of docs/clients.md, run as printed against a real service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from documents import Reader, blocks
from service import Service

DOCUMENT = Path(__file__).parents[2] / "docs" / "clients.md"


def write_image(path: Path, ra: float) -> None:
    """A small image of the sky around Messier 17."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, -16.17]
    wcs.wcs.crpix = [40.5, 40.5]
    wcs.wcs.cdelt = [-2 / 3600, 2 / 3600]
    generator = np.random.default_rng(17)
    data = generator.normal(100, 1, (80, 80)).astype(np.float32)
    fits.writeto(path, data, wcs.to_header())


def test_the_examples_of_the_clients_page_work_as_printed(
    begin: Callable[..., Service],
    tmp_path: Path,
    require_program: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require_program("stilts", "stilts")
    require_program("curl", "curl")
    # `hven login` writes below it, and astropy looks there.
    (tmp_path / "config" / "astropy").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    service = begin(HVEN_APPLICATIONS="mosaic").start()
    write_image(tmp_path / "a.fits", 275.19)
    write_image(tmp_path / "b.fits", 275.21)
    reader = Reader(tmp_path, {"URL": service.url, "TOKEN": service.token})
    told = []
    try:
        for block in blocks(DOCUMENT):
            if block.kind in ("sh", "python"):
                told.append(reader.type(block))
    finally:
        reader.leave()
    made = ("m17/mosaic.fits", "fetched/mosaic.fits", "saved/mosaic.fits", "uws.fits")
    for name in ("mosaic.fits", "first.fits", "again.fits", "pyvo.fits", *made):
        assert fits.getdata(tmp_path / name).ndim == 2
    everything = "\n".join(told)
    assert "COMPLETED" in everything
    assert "#this image/fits" in everything
    assert "semantics,content_type,content_length,access_url" in everything


def test_every_kind_of_block_is_known() -> None:
    assert {block.kind for block in blocks(DOCUMENT)} <= {"sh", "python", "text"}
