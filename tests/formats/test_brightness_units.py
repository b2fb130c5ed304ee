"""BUNIT in the spellings of real headers."""

from __future__ import annotations

import pytest

from hven.formats.brightness_units import parse_unit


@pytest.mark.parametrize(
    ("text", "spelling", "brightness"),
    [
        ("", "", "unknown"),
        ("DN", "DN", "counts"),
        ("ADU", "adu", "counts"),
        ("ELECTRONS/S", "electron / s", "counts"),
        ("counts", "ct", "counts"),
        ("e-/s", "electron / s", "counts"),
        ("Jy/Beam", "Jy / beam", "brightness"),
        ("MJY/SR", "MJy / sr", "brightness"),
        ("W/m^2-sr", "W / (sr m2)", "brightness"),
        ("K", "K", "brightness"),
        ("Jy/pixel", "Jy / pix", "flux"),
        ("nanomaggies", "nmgy", "flux"),
        ("erg/s/cm^2/Angstrom", "erg / (Angstrom s cm2)", "flux"),
        ("mag/arcsec^2", "mag / arcsec2", "logarithmic"),
        ("furlongs", "furlongs", "unknown"),
    ],
)
def test_units_are_understood_as_they_are_met(text: str, spelling: str, brightness: str) -> None:
    unit = parse_unit(text)
    assert (unit.text, unit.brightness) == (spelling, brightness)


def test_units_that_convert_share_their_base() -> None:
    jansky, millijansky = parse_unit("Jy/beam"), parse_unit("mJy/beam")
    assert jansky.base == millijansky.base
    assert millijansky.factor / jansky.factor == pytest.approx(1e-3, rel=1e-12)
    assert parse_unit("MJy/sr").base != jansky.base
