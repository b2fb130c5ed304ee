"""Mosaics and groups made in the test's own process and folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

import hven
from hven.engine import Inline, Store

MakeMosaic = Callable[..., Any]
WriteImage = Callable[..., Path]
FindGroups = Callable[..., Any]


@pytest.fixture
def make_mosaic(tmp_path: Path) -> MakeMosaic:
    """`hven.mosaic` inline, its store and its output in the test's folder."""
    counter = iter(range(100))

    def make(images: Any, **values: Any) -> Any:
        values.setdefault("executor", Inline())
        values.setdefault("store", Store(tmp_path / "store"))
        values.setdefault("output", tmp_path / f"mosaic{next(counter)}")
        return hven.mosaic(images, **values)

    return make


@pytest.fixture
def write_image(tmp_path: Path) -> WriteImage:
    """Write an image with a simple WCS; gives its path."""

    def write(
        name: str,
        data: NDArray[Any],
        *,
        crval: tuple[float, float] = (150.0, 20.0),
        crpix: tuple[float, float] | None = None,
        scale: float = 1.0 / 3600.0,
        rotation: float = 0.0,
        projection: str = "TAN",
        **cards: Any,
    ) -> Path:
        header = fits.Header()
        header["CTYPE1"], header["CTYPE2"] = f"RA---{projection}", f"DEC--{projection}"
        header["CRVAL1"], header["CRVAL2"] = crval
        middle = ((data.shape[1] + 1) / 2, (data.shape[0] + 1) / 2)
        header["CRPIX1"], header["CRPIX2"] = crpix or middle
        header["CDELT1"], header["CDELT2"] = -scale, scale
        turn = np.radians(rotation)
        header["PC1_1"], header["PC1_2"] = np.cos(turn), -np.sin(turn)
        header["PC2_1"], header["PC2_2"] = np.sin(turn), np.cos(turn)
        header["RADESYS"] = "ICRS"
        for keyword, value in cards.items():
            header[keyword] = value
        path = tmp_path / name
        fits.writeto(path, data, header, overwrite=True)
        return path

    return write


@pytest.fixture
def find_groups(tmp_path: Path) -> FindGroups:
    """`hven.fof` inline, its store and its output in the test's folder."""
    counter = iter(range(100))

    def find(particles: Any, **values: Any) -> Any:
        values.setdefault("executor", Inline())
        values.setdefault("store", Store(tmp_path / "store"))
        values.setdefault("output", tmp_path / f"groups{next(counter)}")
        return hven.fof(particles, **values)

    return find
