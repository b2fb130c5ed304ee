"""A position on the sky as an astronomer types it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SEXAGESIMAL = re.compile(
    r"(?P<sign>[-+−]?)(?P<whole>\d+)[hd°:](?P<minutes>\d+(?:\.\d+)?)?"
    r"(?:[m'′:](?:(?P<seconds>\d+(?:\.\d*)?)[s\"″]?)?)?",
    re.ASCII,
)
_GALACTIC_NAME = re.compile(r"[Gg](\d+(?:\.\d*)?)([+-]\d+(?:\.\d*)?)", re.ASCII)

EXPECTED = (
    "a position such as '274.7 -13.8' (degrees), '18h18m48s -13d49m', '18:18:48 -13:49:00', "
    "'galactic 17.0 0.8' or 'G17.0+0.8'"
)


@dataclass(frozen=True)
class SkyPosition:
    """A position on the sky, kept as ICRS degrees.

    Parameters
    ----------
    ra_deg
        Right ascension, degrees, 0 to below 360.
    dec_deg
        Declination, degrees, -90 to 90.
    """

    ra_deg: float
    dec_deg: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.ra_deg) and math.isfinite(self.dec_deg)):
            raise ValueError("must be finite")
        if not -360 <= self.ra_deg <= 360:
            raise ValueError("must have a right ascension of 0 to 360 degrees")
        if not -90 <= self.dec_deg <= 90:
            raise ValueError("must have a declination of -90 to 90 degrees")
        # A tiny negative number modulo 360 rounds to 360 itself: the second modulo makes it 0.
        object.__setattr__(self, "ra_deg", float(self.ra_deg) % 360.0 % 360.0)
        object.__setattr__(self, "dec_deg", float(self.dec_deg))

    def __str__(self) -> str:
        return f"{self.ra_deg!r} {self.dec_deg!r}"

    @classmethod
    def parse(cls, text: str) -> SkyPosition:
        """The position that `text` names.

        Two numbers are ICRS degrees; h, m and s or colons make the first one hours; six numbers
        are hours, minutes, seconds, degrees, minutes, seconds; a leading `galactic` makes them
        galactic longitude and latitude.

        Raises
        ------
        ValueError
            The message says what it must be, without naming the parameter.
        """
        words = text.replace(",", " ").replace("−", "-").split()
        if len(words) == 1 and (name := _GALACTIC_NAME.fullmatch(words[0])):
            return _from_galactic(float(name[1]), float(name[2]))
        frame = words[0].lower() if words and words[0].isalpha() else "icrs"
        if words and words[0].isalpha():
            words = words[1:]
        if frame in ("galactic", "gal", "g") and len(words) == 2:
            return _from_galactic(_angle(words[0], hours=False), _angle(words[1], hours=False))
        if frame != "icrs":
            raise ValueError(f"must be {EXPECTED}")
        if len(words) in (4, 6):
            half = len(words) // 2
            words = [":".join(words[:half]), ":".join(words[half:])]
        if len(words) != 2:
            raise ValueError(f"must be {EXPECTED}")
        return cls(_angle(words[0], hours=True), _angle(words[1], hours=False))


def _angle(word: str, *, hours: bool) -> float:
    """Degrees of a plain or sexagesimal number; sexagesimal hours only where `hours` says so."""
    if _NUMBER.fullmatch(word.rstrip("d°")):
        return float(word.rstrip("d°"))
    parts = _SEXAGESIMAL.fullmatch(word)
    if parts is None:
        raise ValueError(f"must be {EXPECTED}")
    minutes, seconds = float(parts["minutes"] or 0), float(parts["seconds"] or 0)
    if minutes >= 60 or seconds >= 60:
        raise ValueError("must have minutes and seconds below 60")
    # Summed in seconds first, which are mostly whole: 18h20m48s is 275.2 degrees to the last bit.
    arcseconds = 3600 * float(parts["whole"]) + 60 * minutes + seconds
    if hours and "d" not in word and "°" not in word:
        # 24 hours themselves are what programs write where they round 23h59m59.99s.
        if arcseconds > 24 * 3600:
            raise ValueError("must have a right ascension of at most 24 hours")
        arcseconds *= 15
    elif not hours and "h" in word:
        raise ValueError("must have its second angle in degrees, not hours")
    return (-1 if parts["sign"] == "-" else 1) * arcseconds / 3600


def _from_galactic(longitude_deg: float, latitude_deg: float) -> SkyPosition:
    if not (-360 <= longitude_deg <= 360 and -90 <= latitude_deg <= 90):
        raise ValueError("must have a longitude of 0 to 360 and a latitude of -90 to 90 degrees")
    from astropy import units
    from astropy.coordinates import SkyCoord

    place = SkyCoord(longitude_deg * units.deg, latitude_deg * units.deg, frame="galactic").icrs
    return SkyPosition(float(place.ra.deg), float(place.dec.deg))
