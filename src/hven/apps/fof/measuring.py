"""What the groups of one linking length are like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.apps.fof.friends import most_friends
from hven.apps.fof.galaxies import GalaxyGroups, measure_galaxies
from hven.kernels.percolation.properties import GroupProperties, group_properties, order_groups

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Measuring:
    """What is measured, and of which groups."""

    #: Members of the smallest group.
    smallest: int
    #: Sides of the box, 0 where it is open.
    box: tuple[float, ...] | None
    #: In the unit of the positions, by level.
    linking_lengths: tuple[float, ...]
    #: Whether the member with most friends is looked for.
    densest: bool
    #: Whether positions are RA, Dec and redshift.
    sky: bool
    #: For galaxies the cosmology by its name, or Hubble constant and matter density.
    cosmology: str | tuple[float, float] = ""


class Measured(NamedTuple):
    """The groups of one linking length."""

    #: (n,) which group of the catalogue a particle is in, from 0 on; -1 where in none.
    numbers: NDArray[Any]
    #: How many groups there are in all, and how many of more than one member.
    groups: int
    groups_above_one: int
    #: (m,) the sizes that groups have, ascending, and how many groups have each.
    sizes: Integers
    counts: Integers
    #: Of the groups of the catalogue, in order.
    properties: GroupProperties | GalaxyGroups
    #: (g,) which particle has most friends; empty where that was not asked for.
    densest: Integers
    #: Of all particles; nothing for galaxies.
    total_mass: float


def measure(
    labels: NDArray[Any],
    arrays: Mapping[str, NDArray[Any] | None],
    measuring: Measuring,
    level: int = 0,
) -> Measured:
    """Order and measure the groups.

    Parameters
    ----------
    labels
        (n,) group numbers.
    arrays
        `positions`, and `velocities` and `masses` or None.
    measuring
        What is asked for.
    level
        Which of the linking lengths.
    """
    positions = arrays["positions"]
    assert positions is not None
    masses = arrays["masses"]
    sizes, counts = np.unique(np.bincount(labels), return_counts=True)
    numbers = order_groups(labels, positions, smallest=measuring.smallest)
    properties: GroupProperties | GalaxyGroups
    if measuring.sky:
        properties = measure_galaxies(numbers, positions, masses, measuring.cosmology)
        total = math.nan
    else:
        properties = group_properties(
            numbers,
            positions,
            masses=masses,
            velocities=arrays["velocities"],
            box=measuring.box,
        )
        total = _total_mass(masses, positions)
    densest = np.empty(0, np.int64)
    if measuring.densest:
        length = measuring.linking_lengths[level]
        densest = most_friends(numbers, positions, length, measuring.box)
    return Measured(
        numbers,
        int(counts.sum()),
        int(counts[sizes > 1].sum()),
        sizes.astype(np.int64),
        counts.astype(np.int64),
        properties,
        densest,
        total,
    )


def _total_mass(masses: NDArray[Any] | None, positions: NDArray[Any]) -> float:
    """The mass of all particles, the same to the bit in any order of them."""
    if masses is None:
        return float(len(positions))
    if not len(masses):
        return 0.0
    one = group_properties(np.zeros(len(masses), np.int8), positions, masses=masses)
    return float(one.mass[0])


def mean_separation(volume: float, particles: int, dimensions: int) -> float:
    """The mean separation of so many particles: the root of the volume that each has."""
    return float((volume / particles) ** (1.0 / dimensions)) if particles else 0.0


def radius_of_overdensity(masses: Floats, mean_density: float, contrast: float = 200.0) -> Floats:
    """Radius of a sphere of so many times the mean density that holds each mass."""
    return np.cbrt(3.0 * masses / (4.0 * math.pi * contrast * mean_density))
