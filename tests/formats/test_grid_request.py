"""Grids asked for by place and size, in every projection and frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hven.errors import ParameterError
from hven.formats.frames import FrameName
from hven.formats.grid import read_grid
from hven.formats.grid_request import grid_all_sky, grid_at
from hven.formats.projections import PROJECTIONS
from hven.formats.sky import (
    icrs_to_pixel,
    pixel_to_icrs,
    unit_vectors,
)

M17 = (274.7, -13.8)
ARCSEC = 1 / 3600
WHOLE_SKY = [name for name, projection in PROJECTIONS.items() if projection.is_whole_sky]


@pytest.mark.parametrize("name", sorted(PROJECTIONS))
@pytest.mark.parametrize("frame", ["icrs", "fk4", "galactic"])
@pytest.mark.parametrize("center", [M17, (0.0, 80.0), (359.99, -35.0)])
def test_the_centre_asked_for_lies_in_the_middle(
    name: str, frame: FrameName, center: tuple[float, float]
) -> None:
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
