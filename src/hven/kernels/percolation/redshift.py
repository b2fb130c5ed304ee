"""Friends of friends among galaxies whose distances come from redshifts.

Peculiar velocities stretch groups along the line of sight, so galaxies are linked by two lengths,
one across and one along it, which may differ from galaxy to galaxy to make up for a survey that
thins out with distance.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hven.errors import Fault, ParameterError
from hven.kernels.percolation.galaxies import link_every_pair, link_tree
from hven.kernels.percolation.union_find import number

Floats = NDArray[np.float64]

#: Which pairs of galaxies are linked.
Criterion = Literal["mean-angle", "mean-distance"]
#: How friends are found.
Method = Literal["tree", "brute"]


def unit_vectors(ra: ArrayLike, dec: ArrayLike) -> Floats:
    """Directions (n, 3) of right ascensions and declinations (n,) in radians."""
    ra, dec = np.asarray(ra, np.float64), np.asarray(dec, np.float64)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)


def redshift_space_groups(
    directions: ArrayLike,
    distances: ArrayLike,
    transverse: ArrayLike,
    line_of_sight: ArrayLike,
    *,
    criterion: Criterion = "mean-angle",
    method: Method = "tree",
) -> NDArray[np.int32]:
    """Group numbers (n,) of galaxies, in the order of the lowest galaxy in each group.

    Parameters
    ----------
    directions
        (n, 3) unit vectors, see `unit_vectors`.
    distances
        (n,) above 0: comoving distances, or velocities if all lengths are velocities too.
    transverse
        The linking length across the line of sight, in the unit of the distances; a number, or
        (n,) a length for each galaxy.
    line_of_sight
        The same along the line of sight.
    criterion
        With theta the angle between galaxies i and j, D their distances, T and L their transverse
        and line-of-sight linking lengths, a pair is linked if |Di - Dj| <= (Li + Lj) / 2 and

        mean-angle: theta <= (Ti / Di + Tj / Dj) / 2, Eke et al. 2004
        (https://doi.org/10.1111/j.1365-2966.2004.07408.x);

        mean-distance: 2 sin(theta / 2) (Di + Dj) / 2 <= (Ti + Tj) / 2, Huchra and Geller 1982
        (https://doi.org/10.1086/160000), whose scaling is that at the pair's mean velocity and
        is here the mean of the two galaxies' lengths.
    method
        tree: a k-d tree; brute: every pair, O(N^2). Both give the same groups.

    Raises
    ------
    ParameterError
        If an argument has a wrong shape or is out of bounds; all faults at once.
    """
    galaxies = _galaxies(directions, distances, transverse, line_of_sight)
    choices = (("criterion", criterion, Criterion), ("method", method, Method))
    faults = [
        Fault(name, f"must be one of {', '.join(get_args(kind))}, got {value}")
        for name, value, kind in choices
        if value not in get_args(kind)
    ]
    if faults:
        raise ParameterError(faults)
    order = np.arange(len(galaxies), dtype=np.int32)
    parent, labels = order.copy(), np.empty_like(order)
    by_angle = criterion == "mean-angle"
    if method == "brute":
        link_every_pair(galaxies, parent, by_angle)
    else:
        link_tree(galaxies, order, parent, by_angle)
    number(parent, order, labels)
    return labels


def _galaxies(
    directions: ArrayLike, distances: ArrayLike, transverse: ArrayLike, line_of_sight: ArrayLike
) -> Floats:
    """Rows as `link_tree` takes them."""
    vectors = np.asarray(directions, np.float64)
    if vectors.ndim != 2 or vectors.shape[1] != 3:
        raise ParameterError([Fault("directions", f"must be (n, 3), got {vectors.shape}")])
    faults = []
    if not (np.abs(np.einsum("ij,ij->i", vectors, vectors) - 1) < 1e-9).all():
        faults.append(Fault("directions", "must be unit vectors"))
    columns = [vectors]
    given = {"distances": distances, "transverse": transverse, "line_of_sight": line_of_sight}
    for name, values in given.items():
        array = np.asarray(values, np.float64)
        if array.shape not in [(), (len(vectors),)]:
            faults.append(Fault(name, f"must be a number or ({len(vectors)},), got {array.shape}"))
            continue
        if not (np.isfinite(array) & (array > 0 if name == "distances" else array >= 0)).all():
            bound = "above 0" if name == "distances" else "at least 0"
            faults.append(Fault(name, f"must be finite and {bound}, got {array.min()}"))
        columns.append(np.broadcast_to(array, len(vectors))[:, None])
    if faults:
        raise ParameterError(faults)
    columns.append(columns[2] / columns[1])
    return np.concatenate(columns, axis=1)
