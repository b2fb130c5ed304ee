"""What groups are like: sums over their members that do not depend on the members' order.

Sums are taken in fixed point, in two integers a quantity: integers add up to the same in any
order. Their last place is 2^-60 or less of the largest possible term of any group for up to 2^31
particles, 2^-80 for a thousand.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hven.errors import Fault, ParameterError
from hven.kernels.compiled import compiled_to_the_bit, inlined_to_the_bit, read_only
from hven.kernels.percolation.groups import as_box, as_points

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class GroupProperties(NamedTuple):
    """A row a group, in the order of the group numbers."""

    #: (g,) int64, how many members.
    size: Integers
    #: (g,) int64, the member with the lowest position, by the first axis, then the next.
    reference: Integers
    #: (g,) the sum of the masses.
    mass: Floats
    #: (g, d) centre of mass, within the box; NaN in a group without mass, as all that follows.
    center: Floats
    #: (g,) root of the mean square distance from the centre, weighted by mass.
    rms_radius: Floats
    #: (g, d) how far the group reaches along each axis.
    extent: Floats
    #: (g, d) mean velocity weighted by mass; NaN if no velocities were given.
    velocity: Floats
    #: (g,) one-dimensional velocity dispersion: root of the mean square, weighted by mass, of the
    #: velocity relative to the mean, divided by the root of d.
    dispersion: Floats


def group_properties(
    labels: NDArray[Any],
    positions: ArrayLike,
    *,
    masses: ArrayLike | None = None,
    velocities: ArrayLike | None = None,
    box: Sequence[float] | None = None,
) -> GroupProperties:
    """Size, mass, centre, velocity and radii of each group.

    Parameters
    ----------
    labels
        (n,) group numbers from 0 on; particles with a negative one are left out.
    positions
        (n, d), d 2 or 3, as given to `friends_of_friends`.
    masses
        (n,) not negative; all 1 if there are none.
    velocities
        (n, d).
    box
        As in `friends_of_friends`.

    Notes
    -----
    The order of the particles does not change a bit of the result, but for the index of the
    reference. Across periodic faces the member's image nearest to the reference counts, so a group
    longer than half of the box has no well-defined centre; its extent is at most the box.
    """
    points = as_points(positions)
    n, dimensions = points.shape
    sides = as_box(box, dimensions)
    weights = _given(masses, "masses", (n,))
    moving = _given(velocities, "velocities", (n, dimensions))
    labels = read_only(np.ascontiguousarray(labels))
    groups = int(labels.max(initial=-1)) + 1
    size, reference = np.zeros(groups, np.int64), np.full(groups, -1)
    _find_references(labels, points, size, reference)
    reach = np.zeros((groups, 2, dimensions))
    largest = np.zeros(3)
    _measure(labels, points, weights, moving, sides, reference, reach, largest)
    first = _sums(groups, 1 + 2 * dimensions)
    scales = _scales(n, largest, dimensions)
    _add_first(labels, points, weights, moving, sides, reference, scales, first)
    sums = _total(first, scales)
    mass = sums[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        offset = sums[:, 1 : 1 + dimensions] / mass[:, None]
        velocity = sums[:, 1 + dimensions :] / mass[:, None]
        second = _sums(groups, 2)
        squares = _square_scales(n, largest, dimensions)
        _add_second(
            labels, points, weights, moving, sides, reference, offset, velocity, squares, second
        )
        spread = _total(second, squares) / mass[:, None]
    center = points[reference].astype(np.float64) + offset
    lengths = sides[:dimensions]
    periodic = np.isfinite(lengths)
    center[:, periodic] = _wrapped(center[:, periodic], lengths[periodic])
    if not len(moving):
        velocity[:] = np.nan
        spread[:, 1] = np.nan
    return GroupProperties(
        size,
        reference,
        mass,
        center,
        np.sqrt(spread[:, 0]),
        np.minimum(reach[:, 1] - reach[:, 0], lengths),
        velocity,
        np.sqrt(spread[:, 1] / dimensions),
    )


def order_groups(labels: NDArray[Any], positions: ArrayLike, *, smallest: int = 1) -> NDArray[Any]:
    """Group numbers in an order that does not depend on that of the particles.

    Parameters
    ----------
    labels
        (n,) group numbers from 0 on; particles with a negative one are left out.
    positions
        (n, 2) or (n, 3).
    smallest
        Groups of fewer members are left out.

    Returns
    -------
    (n,) the largest group is 0; of equally large ones that comes first which has the lowest
    position, by the first axis, then the next. -1 for particles that were left out.
    """
    points = as_points(positions)
    labels = read_only(np.ascontiguousarray(labels))
    groups = int(labels.max(initial=-1)) + 1
    size, reference = np.zeros(groups, np.int64), np.full(groups, -1)
    _find_references(labels, points, size, reference)
    kept = np.flatnonzero(size >= max(smallest, 1))
    lowest = points[reference[kept]]
    order = np.lexsort([*lowest.T[::-1], -size[kept]])
    numbers = np.full(groups + 1, -1, labels.dtype)
    numbers[kept[order]] = np.arange(len(kept))
    # A negative label takes the last element, which stays -1.
    return np.asarray(numbers[np.maximum(labels, -1)])


def _given(values: ArrayLike | None, name: str, shape: tuple[int, ...]) -> Floats:
    """Values as float64, empty if there are none."""
    if values is None:
        return read_only(np.empty((0, *shape[1:])))
    array = np.ascontiguousarray(values, np.float64)
    if array.shape != shape:
        raise ParameterError([Fault(name, f"must be {shape}, got {array.shape}")])
    return read_only(array)


def _wrapped(center: Floats, lengths: Floats) -> Floats:
    inside = np.where(center < 0, center + lengths, center)
    return np.where(inside >= lengths, inside - lengths, inside)


def _sums(groups: int, quantities: int) -> Integers:
    return np.zeros((2, groups, quantities), np.int64)


def _bits(n: int) -> int:
    """How many bits a term may have so that n of them fit into an int64."""
    return 61 - max(n, 1).bit_length()


def _scale(n: int, largest: float) -> float:
    """The power of two that brings numbers up to this one just into the bits of a term."""
    exponent = math.frexp(largest)[1] if math.isfinite(largest) else 1023
    return math.ldexp(1.0, max(-1000, min(1000, _bits(n) - exponent)))


def _scales(n: int, largest: Floats, dimensions: int) -> Floats:
    mass, length, speed = largest.tolist()
    terms = [mass, *[mass * length] * dimensions, *[mass * speed] * dimensions]
    return np.array([*(_scale(n, term) for term in terms), 2.0 ** _bits(n)])


def _square_scales(n: int, largest: Floats, dimensions: int) -> Floats:
    mass, length, speed = largest.tolist()
    # Nothing is farther from the mean than twice as far as from zero.
    terms = [4 * dimensions * mass * length**2, 4 * dimensions * mass * speed**2]
    return np.array([*(_scale(n, term) for term in terms), 2.0 ** _bits(n)])


def _total(sums: Integers, scales: Floats) -> Floats:
    return np.asarray((sums[0] + sums[1] / scales[-1]) / scales[:-1])


@compiled_to_the_bit
def _find_references(labels, points, size, reference):
    """Count the members of each group and find that with the lowest position."""
    for i in range(labels.size):
        group = labels[i]
        if group < 0:
            continue
        size[group] += 1
        lowest = reference[group]
        if lowest < 0:
            reference[group] = i
            continue
        for axis in range(points.shape[1]):
            if points[i, axis] < points[lowest, axis]:
                reference[group] = i
            if points[i, axis] != points[lowest, axis]:
                break


@inlined_to_the_bit
def _offset(points, i, lowest, axis, length):
    """From the reference to the nearest image of a member."""
    offset = np.float64(points[i, axis]) - np.float64(points[lowest, axis])
    if offset > 0.5 * length:
        return offset - length
    if offset < -0.5 * length:
        return offset + length
    return offset


@compiled_to_the_bit
def _measure(labels, points, masses, velocities, box, reference, reach, largest):
    """How far each group reaches from its reference, and the largest mass, offset and speed."""
    for i in range(labels.size):
        group = labels[i]
        if group < 0:
            continue
        largest[0] = max(largest[0], abs(masses[i]) if masses.size else 1.0)
        for axis in range(points.shape[1]):
            offset = _offset(points, i, reference[group], axis, box[axis])
            reach[group, 0, axis] = min(reach[group, 0, axis], offset)
            reach[group, 1, axis] = max(reach[group, 1, axis], offset)
            largest[1] = max(largest[1], abs(offset))
            if velocities.size:
                largest[2] = max(largest[2], abs(velocities[i, axis]))


@inlined_to_the_bit
def _add(sums, group, quantity, value, scales):
    """Add a value in fixed point: whole parts to one integer, what is left to another."""
    scaled = value * scales[quantity]
    whole = np.rint(scaled)
    sums[0, group, quantity] += np.int64(whole)
    sums[1, group, quantity] += np.int64(np.rint((scaled - whole) * scales[-1]))


@compiled_to_the_bit
def _add_first(labels, points, masses, velocities, box, reference, scales, sums):
    """Add up masses, and offsets and velocities times mass."""
    dimensions = points.shape[1]
    for i in range(labels.size):
        group = labels[i]
        if group < 0:
            continue
        mass = masses[i] if masses.size else 1.0
        _add(sums, group, 0, mass, scales)
        for axis in range(dimensions):
            offset = _offset(points, i, reference[group], axis, box[axis])
            _add(sums, group, 1 + axis, mass * offset, scales)
            if velocities.size:
                momentum = mass * velocities[i, axis]
                _add(sums, group, 1 + dimensions + axis, momentum, scales)


@compiled_to_the_bit
def _add_second(labels, points, masses, velocities, box, reference, center, velocity, scales, sums):
    """Add up squared distances from the centre and from the mean velocity, times mass."""
    for i in range(labels.size):
        group = labels[i]
        if group < 0:
            continue
        mass = masses[i] if masses.size else 1.0
        distance = 0.0
        speed = 0.0
        for axis in range(points.shape[1]):
            offset = _offset(points, i, reference[group], axis, box[axis]) - center[group, axis]
            distance += offset * offset
            if velocities.size:
                relative = velocities[i, axis] - velocity[group, axis]
                speed += relative * relative
        _add(sums, group, 0, mass * distance, scales)
        _add(sums, group, 1, mass * speed, scales)
