"""Groups of galaxies in redshift space: distances, linking lengths, what the groups are like.

References
----------
Huchra & Geller 1982, ApJ 257, 423, doi:10.1086/160000.
Heisler, Tremaine & Bahcall 1985, ApJ 298, 8, doi:10.1086/163584 (virial radius).
Eke et al. 2004, MNRAS 348, 866, doi:10.1111/j.1365-2966.2004.07408.x.
Knobel et al. 2009, ApJ 697, 1842, doi:10.1088/0004-637X/697/2/1842 (upper bound of the lengths).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.kernels.percolation.redshift import redshift_space_groups, unit_vectors

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_LIGHT_SPEED_KM_S = 299_792.458
#: Distances are interpolated between so many redshifts: to 1e-9 of them.
_TABLE = 4096
#: The density of galaxies is smoothed over so many cells of distance, of so many in all.
_CELLS, _SMOOTHING_CELLS = 400, 10.0
#: Members of a group beyond which its virial radius, which takes every pair, is left out.
_LARGEST_PAIRED = 20_000


@dataclass(frozen=True)
class SkyLinking:
    """How galaxies are linked."""

    #: Transverse linking length in Mpc, or in mean separations.
    transverse: float
    #: The same along the line of sight; None where it is a velocity.
    line_of_sight: float | None
    velocity_km_s: float | None
    in_separations: bool
    #: `none`, `redshift` or `density`.
    scaling: str
    #: The transverse length is at most this, proper Mpc.
    longest: float | None
    criterion: str
    #: A name of astropy's, or Hubble constant and matter density of a flat one.
    cosmology: str | tuple[float, float]
    #: Square degrees; None is between the extreme positions.
    area_deg2: float | None


class GalaxyGroups(NamedTuple):
    """A row a group, in the order of the catalogue."""

    size: Integers
    #: (g,) sum of the weights.
    mass: Floats
    #: (g,) mean direction in degrees, and mean redshift.
    ra: Floats
    dec: Floats
    redshift: Floats
    #: (g,) comoving distance of the mean redshift, Mpc.
    distance: Floats
    #: (g,) line-of-sight velocity dispersion, km/s.
    dispersion: Floats
    #: (g,) proper projected radii in Mpc: root mean square, and Heisler et al.'s virial radius.
    rms_radius: Floats
    virial_radius: Floats
    #: (g,) how far apart on the sky the outermost members are from the centre, degrees.
    extent: Floats


class Lengths(NamedTuple):
    """Where galaxies are and how far they link, comoving Mpc."""

    distances: Floats
    transverse: Floats
    line_of_sight: Floats
    #: Of all galaxies, and the area it was taken over.
    mean_separation: float
    area_deg2: float


def galaxy_labels(positions: NDArray[Any], linking: SkyLinking) -> NDArray[Any]:
    """Group numbers (n,) of galaxies.

    Parameters
    ----------
    positions
        (n, 3) right ascension and declination in degrees, and redshift.
    linking
        How they are linked.
    """
    if not len(positions):
        return np.empty(0, np.int32)
    lengths = linking_lengths(positions, linking)
    return redshift_space_groups(
        unit_vectors(np.radians(positions[:, 0]), np.radians(positions[:, 1])),
        lengths.distances,
        lengths.transverse,
        lengths.line_of_sight,
        criterion="mean-angle" if linking.criterion == "mean-angle" else "mean-distance",
    )


def linking_lengths(positions: NDArray[Any], linking: SkyLinking) -> Lengths:
    """Distances and linking lengths of galaxies, as `galaxy_labels` takes them."""
    cosmology = cosmology_of(linking.cosmology)
    redshifts = np.asarray(positions[:, 2], dtype=np.float64)
    distances = comoving_distances(redshifts, cosmology)
    area = linking.area_deg2 or extreme_area(positions)
    solid = math.radians(1.0) ** 2 * area
    volume = solid / 3.0 * float(distances.max() ** 3 - distances.min() ** 3)
    separation = float(np.cbrt(volume / len(distances)))
    unit = separation if linking.in_separations else 1.0
    factor = np.ones(len(distances))
    if linking.scaling == "redshift":
        factor = 1.0 + redshifts
    elif linking.scaling == "density":
        factor = local_separations(distances, solid) / separation
    transverse = linking.transverse * unit * factor
    if linking.longest is not None:
        transverse = np.minimum(transverse, linking.longest * (1.0 + redshifts))
    if linking.line_of_sight is not None:
        along = transverse * (linking.line_of_sight / linking.transverse)
    else:
        hubble = cosmology.H(redshifts).value
        along = (linking.velocity_km_s or 0.0) * (1.0 + redshifts) / hubble
    return Lengths(distances, transverse, along, separation, area)


def cosmology_of(named: str | tuple[float, float]) -> Any:
    """Astropy's cosmology of that name, or a flat one of Hubble constant and matter density."""
    from astropy import cosmology

    if isinstance(named, str):
        return getattr(cosmology, named)
    return cosmology.FlatLambdaCDM(H0=named[0], Om0=named[1])


def comoving_distances(redshifts: Floats, cosmology: Any) -> Floats:
    """Comoving distances (n,) in Mpc, interpolated between exact ones where there are many."""
    if len(redshifts) <= _TABLE:
        return np.asarray(cosmology.comoving_distance(redshifts).value, dtype=np.float64)
    from scipy.interpolate import CubicSpline

    table = np.linspace(float(redshifts.min()), float(redshifts.max()), _TABLE)
    exact = cosmology.comoving_distance(table).value
    if table[0] == table[-1]:
        return np.full(len(redshifts), float(exact[0]))
    return np.asarray(CubicSpline(table, exact)(redshifts), dtype=np.float64)


def extreme_area(positions: NDArray[Any]) -> float:
    """The area in square degrees between the extreme declinations and right ascensions."""
    ra = np.sort(np.mod(positions[:, 0], 360.0))
    gaps = np.diff(ra, append=ra[0] + 360.0)
    # All but the widest gap: a field across 0 hours is as wide as it is elsewhere.
    width = max(360.0 - float(gaps.max()), 1e-9)
    dec = np.radians(positions[:, 1])
    height = max(float(np.sin(dec.max()) - np.sin(dec.min())), 1e-12)
    return float(width * math.degrees(height))


def local_separations(distances: Floats, solid: float) -> Floats:
    """The mean separation (n,) at each distance, from the smoothed number of galaxies there.

    Counts are whole numbers, so the order of the galaxies does not matter.
    """
    from scipy.ndimage import gaussian_filter1d

    low, high = float(distances.min()), float(distances.max())
    edges = np.linspace(low, high if high > low else low * (1 + 1e-9), _CELLS + 1)
    counts = np.histogram(distances, edges)[0].astype(np.float64)
    volumes = solid / 3.0 * np.diff(edges**3)
    # Both are smoothed, so that ends are not thinned by what lies beyond them.
    smooth = [
        gaussian_filter1d(values, _SMOOTHING_CELLS, mode="constant") for values in (counts, volumes)
    ]
    middles = (edges[1:] + edges[:-1]) / 2.0
    density = np.interp(distances, middles, smooth[0] / smooth[1])
    return np.asarray(np.cbrt(1.0 / density))


def measure_galaxies(
    numbers: NDArray[Any],
    positions: NDArray[Any],
    weights: NDArray[Any] | None,
    cosmology: str | tuple[float, float],
) -> GalaxyGroups:
    """What groups of galaxies are like.

    Parameters
    ----------
    numbers
        (n,) groups from 0 on; galaxies with a negative one are in none.
    positions
        (n, 3) right ascension and declination in degrees, and redshift.
    weights
        (n,), or None where all count the same.
    cosmology
        As in SkyLinking.

    Notes
    -----
    Members are taken in the order of their positions, so that the order of the galaxies does not
    change a bit.
    """
    members = np.flatnonzero(numbers >= 0)
    given = np.ones(len(positions)) if weights is None else np.asarray(weights)
    keys = [given[members], *positions[members].T[::-1], numbers[members]]
    members = members[np.lexsort(keys)]
    starts = np.flatnonzero(np.diff(numbers[members], prepend=-1))
    mass = given[members]
    sums = _Sums(starts, mass)
    ra, dec, redshift = (positions[members, axis] for axis in range(3))
    vectors = unit_vectors(np.radians(ra), np.radians(dec))
    mean = np.stack([sums.mean(vectors[:, axis]) for axis in range(3)], axis=1)
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    mean_redshift = sums.mean(redshift)
    group = sums.group
    velocity = _LIGHT_SPEED_KM_S * (redshift - mean_redshift[group]) / (1 + mean_redshift[group])
    distance = _distances(mean_redshift, cosmology)
    proper = distance / (1.0 + mean_redshift)
    angle = _angles(vectors, mean[group])
    return GalaxyGroups(
        sums.sizes,
        sums.total,
        np.mod(np.degrees(np.arctan2(mean[:, 1], mean[:, 0])), 360.0),
        np.degrees(np.arcsin(np.clip(mean[:, 2], -1.0, 1.0))),
        mean_redshift,
        distance,
        np.sqrt(sums.mean(velocity**2)),
        proper * np.sqrt(sums.mean(angle**2)),
        proper * _harmonic_angles(vectors, starts, sums.sizes),
        np.degrees(np.maximum.reduceat(angle, starts)) if len(starts) else np.empty(0),
    )


class _Sums:
    """Weighted sums over the members of each group, which lie one after the other."""

    def __init__(self, starts: Integers, weights: Floats) -> None:
        self._starts = starts
        self._weights = weights
        self.sizes = np.diff(starts, append=len(weights)).astype(np.int64)
        self.group = np.repeat(np.arange(len(starts)), self.sizes)
        self.total = self.sum(np.ones(len(weights)))

    def sum(self, values: Floats) -> Floats:
        if not len(self._starts):
            return np.empty(0)
        return np.asarray(np.add.reduceat(values * self._weights, self._starts))

    def mean(self, values: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.sum(values) / self.total


def _distances(redshifts: Floats, cosmology: str | tuple[float, float]) -> Floats:
    if not len(redshifts):
        return np.empty(0)
    return comoving_distances(redshifts, cosmology_of(cosmology))


def _angles(one: Floats, other: Floats) -> Floats:
    chord = np.linalg.norm(one - other, axis=1)
    return np.asarray(2.0 * np.arcsin(np.minimum(0.5 * chord, 1.0)))


def _harmonic_angles(vectors: Floats, starts: Integers, sizes: Integers) -> Floats:
    """Heisler et al.'s projected virial radius as an angle: pi/2 N (N - 1) / sum of 1 / angle.

    NaN for groups of one member, and where members lie at one place or are too many.
    """
    found = np.full(len(starts), np.nan)
    for group, (start, size) in enumerate(zip(starts.tolist(), sizes.tolist(), strict=True)):
        if not 2 <= size <= _LARGEST_PAIRED:
            continue
        inside = vectors[start : start + size]
        total = 0.0
        for member in range(size - 1):
            angles = _angles(inside[member + 1 :], inside[member])
            with np.errstate(divide="ignore"):
                total += float((1.0 / angles).sum())
        if math.isfinite(total):
            found[group] = math.pi / 2.0 * size * (size - 1) / total
    return found
