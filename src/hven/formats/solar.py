"""From one observer's view of the Sun to another's, over the solar surface.

Helioprojective positions (HPLN, HPLT) are directions as an observer sees them; each meets the
surface, taken as a sphere, at a place in Stonyhurst heliographic coordinates (HGLN, HGLT), or
passes the disk. Thompson 2006, A&A 449, 791, doi:10.1051/0004-6361:20054262, sections 2 and 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]

#: Solar radius, IAU 2015 resolution B3, metres.
SOLAR_RADIUS = 695.7e6


class Observer(NamedTuple):
    """Where a solar image was seen from."""

    #: Stonyhurst longitude and latitude, degrees.
    longitude: float = 0.0
    latitude: float = 0.0
    #: From the middle of the Sun, metres.
    distance: float = 0.0
    #: Modified Julian date of the image; 0 where it is not said.
    mjd: float = 0.0
    #: Radius of the surface that the image shows, metres.
    radius: float = SOLAR_RADIUS

    def axes(self) -> NDArray[np.float64]:
        """Rows: towards the Sun, solar west, solar north of the observer, in Stonyhurst axes."""
        longitude, latitude = np.radians(self.longitude), np.radians(self.latitude)
        outwards = np.array(
            [
                np.cos(latitude) * np.cos(longitude),
                np.cos(latitude) * np.sin(longitude),
                np.sin(latitude),
            ]
        )
        west = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
        return np.stack([-outwards, west, np.cross(outwards, west)])


def surface_of(directions: Vectors, observer: Observer) -> Vectors:
    """Stonyhurst unit vectors (3, ...) of helioprojective ones; NaN beside the disk."""
    axes = observer.axes()
    size = observer.distance / observer.radius
    rays = np.tensordot(axes.T, directions, 1)
    # The observer stands at -size * axes[0]; of the two places on the ray the nearer one counts.
    along = size * directions[0]
    with np.errstate(invalid="ignore"):
        reach = along - np.sqrt(along**2 - (size**2 - 1.0))
    place = rays * reach - size * axes[0].reshape(3, *(1,) * (directions.ndim - 1))
    return np.asarray(place)


def view_of(surface: Vectors, observer: Observer) -> Vectors:
    """Helioprojective unit vectors (3, ...) of Stonyhurst ones; NaN on the far side."""
    axes = observer.axes()
    size = observer.distance / observer.radius
    seen = np.tensordot(axes, surface, 1)
    hidden = -seen[0] < 1.0 / size
    seen[0] += size
    seen /= np.sqrt((seen * seen).sum(axis=0))
    return np.asarray(np.where(hidden, np.nan, seen))
