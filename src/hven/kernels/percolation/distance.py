"""The distance that decides whether two particles are linked, the same in every method.

Differences of the given coordinates are taken in float64; on a periodic axis of length L the
difference d is replaced by L - d where that is less. The squares are added in float64 from the
smallest to the largest, and compared with the float64 square of the linking length: at most as
large links. So the order of the axes does not matter, and, since each of these operations is
monotonic, no two particles of two boxes are nearer than the boxes or farther than their far ends,
to the last bit.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from hven.kernels.compiled import inlined_to_the_bit


@inlined_to_the_bit
def sum_of_squares(x, y, z):
    """The sum of three squares, which does not depend on the order of x, y, z."""
    x, y, z = x * x, y * y, z * z
    low, high = min(x, y), max(x, y)
    # An add of a minimum cannot be fused with a product.
    return (min(low, z) + max(low, min(high, z))) + max(high, z)


@inlined_to_the_bit
def difference(a, b, length):
    """The distance of two coordinates on an axis of this length, infinite if it is open."""
    straight = abs(a - b)
    return min(straight, abs(length - straight))


@inlined_to_the_bit
def squared_distance(points, i, j, box):
    """The squared distance of two rows of points (n, 3) float64."""
    return sum_of_squares(
        difference(points[i, 0], points[j, 0], box[0]),
        difference(points[i, 1], points[j, 1], box[1]),
        difference(points[i, 2], points[j, 2], box[2]),
    )
