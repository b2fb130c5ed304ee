"""What a header's BUNIT says: which unit, and whether a pixel's value is a flux or a brightness."""

from __future__ import annotations

import functools
import re
import warnings
from typing import Literal, NamedTuple

from astropy import units

#: flux: summed over pixels it is the flux of a source (Jy/pixel, nanomaggy). brightness: per
#: solid angle or beam (MJy/sr, K). counts: what the detector gave, per pixel; a mosaic of images
#: of equal pixels may take them as a brightness. logarithmic: magnitudes cannot be averaged.
Brightness = Literal["flux", "brightness", "counts", "logarithmic", "unknown"]

#: Words of real headers that astropy does not read, in small letters.
_SPELLINGS = {
    "counts": "ct",
    "cts": "ct",
    "adu": "adu",
    "dn": "DN",
    "electrons": "electron",
    "electron": "electron",
    "e-": "electron",
    "photons": "photon",
    "pixel": "pix",
    "pixels": "pix",
    "nanomaggies": "nmgy",
    "maggies": "mgy",
    "s": "s",
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "beam": "beam",
    "sr": "sr",
    "jy": "Jy",
    "janskys": "Jy",
    "asec": "arcsec",
    "arcsec": "arcsec",
}
_WORD = re.compile(r"e-|[A-Za-z]+")
#: W/m^2-sr: a dash between two units is a product.
_DASH = re.compile(r"(?<=[\w)])-(?=[A-Za-z])")


class ParsedUnit(NamedTuple):
    """A BUNIT in one spelling, and what kind of value it marks."""

    #: Empty where there is no BUNIT; as it stands where it is not understood.
    text: str
    brightness: Brightness
    #: The unit is this number times the base units; 0 where it is not understood.
    factor: float = 0.0
    #: The base units, equal for units that convert into one another.
    base: str = ""


@functools.lru_cache(maxsize=256)
def parse_unit(text: str) -> ParsedUnit:
    """Read a BUNIT, in any spelling that is met in real headers."""
    text = text.strip()
    unit = _unit(text) if text else None
    if unit is None:
        return ParsedUnit(text, "unknown")
    kind = _brightness(unit)
    if kind == "logarithmic":
        return ParsedUnit(str(unit), kind)
    base = unit.decompose()
    without_factor = units.CompositeUnit(1.0, base.bases, base.powers)
    return ParsedUnit(str(unit), kind, float(base.scale), str(without_factor))


def _unit(text: str) -> units.UnitBase | None:
    respelled = _WORD.sub(_respelled, text)
    for candidate in (text, respelled, _DASH.sub(".", respelled)):
        with warnings.catch_warnings():
            # Several slashes are discouraged, and met.
            warnings.simplefilter("ignore", units.UnitsWarning)
            unit = units.Unit(candidate, parse_strict="silent")
        if not isinstance(unit, units.UnrecognizedUnit):
            return unit
    return None


def _respelled(match: re.Match[str]) -> str:
    word = match[0]
    if word[1:].lower() == "jy" and word[0] in "mMkKuUnG":
        return word[0].replace("U", "u").replace("K", "k") + "Jy"
    return _SPELLINGS.get(word.lower(), word)


def _brightness(unit: units.UnitBase) -> Brightness:
    powers = {base.name: power for base, power in zip(unit.bases, unit.powers, strict=True)}
    if any(name in powers for name in ("mag", "dex", "dB")):
        return "logarithmic"
    if any(name in powers for name in ("adu", "DN", "ct", "electron", "ph")):
        return "counts"
    angle = unit.decompose().bases
    if "K" in powers or powers.get("beam", 0) < 0 or units.rad in angle:
        return "brightness"
    is_flux = powers.get("pix", 0) < 0 or any(
        unit.is_equivalent(flux) for flux in ("Jy", "W/m2", "W/m3", "mgy")
    )
    return "flux" if is_flux else "unknown"
