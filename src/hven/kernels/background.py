"""The level or plane to add to each image so that all overlapping images agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from hven.kernels.plane import PlaneFit

Floats = NDArray[np.float64]

#: Slopes that nothing determines would divide by zero in the factorisation. This part of the
#: diagonal prevents it, and refinement takes its bias on all other slopes away again.
_RIDGE = 1e-12
_REFINEMENTS = 3


class Corrections(NamedTuple):
    """The plane to add to each image, and how well the images then agree.

    Montage's corrections.tbl has planes to subtract: the same numbers with the opposite sign.
    """

    #: (n, 3) a, b, c: add `a (x - x_center) + b (y - y_center) + c` to image i; zeros for an image
    #: that touches nothing.
    planes: NDArray[np.float64]
    #: (n, 2) x_center, y_center of each image in pixels of the output grid, as given.
    centers: NDArray[np.float64]
    #: (n,) number of the group of connected images that each image belongs to, counted from 0 in
    #: the order of their first images.
    component: NDArray[np.int64]
    #: (n,) True where an image touches no other.
    alone: NDArray[np.bool_]
    #: (n,) True where a slope rests on so thin an overlap that it was drawn towards
    #: those of the other images.
    held: NDArray[np.bool_]
    #: (m,) rms over the common pixels of the difference of each pair that planes can take away,
    #: before and after the corrections.
    mismatch_before: NDArray[np.float64]
    mismatch: NDArray[np.float64]

    def about(self, x: float, y: float) -> NDArray[np.float64]:
        """(n, 3) the same planes, all with their level at (x, y)."""
        moved = self.planes.copy()
        moved[:, 2] += (self.planes[:, :2] * ([x, y] - self.centers)).sum(axis=1)
        return moved


class _System(NamedTuple):
    """The pairs in normalised coordinates, `k` unknowns an image (1 level, 3 plane)."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    #: (m, k, k) normal matrix of each pair's pixels about the pair's reference.
    moments: Floats
    #: (m, k) plane of first minus second about the pair's reference.
    difference: Floats
    #: (m, k, k) takes an image's plane about its centre to the one about the pair's reference.
    shift_first: Floats
    shift_second: Floats


class _Layout(NamedTuple):
    """Where the images are, in normalised coordinates."""

    component: NDArray[np.int64]
    centers: Floats
    sizes: Floats


def solve_background(
    pairs: ArrayLike,
    fits: Sequence[PlaneFit],
    centers: ArrayLike,
    sizes: ArrayLike,
    *,
    order: Literal[0, 1] = 1,
    reference: int | None = None,
) -> Corrections:
    """The planes that minimise the squared differences over all common pixels, in closed form.

    Parameters
    ----------
    pairs
        (m, 2) integers: the numbers of the first and second image of each fit.
    fits
        The m fits of first minus second; each of the same order or higher than `order`.
    centers
        (n, 2) x, y of the middle of each image in pixels of the output grid.
    sizes
        (n, 2) width and height of each image in pixels of the output grid.
    order
        0 solves for a level, 1 for a plane an image.
    reference
        The image that stays as it is, with the images connected to it adjusted to it.

    Notes
    -----
    Minimised is the sum over all pixels that two images have in common of (difference + correction
    of the first - correction of the second) squared. The moments of a fit are all that this needs
    of its pixels, so a long overlap weighs more than a short one, and a thin one says much about
    the level and next to nothing about the slope across it. Pixels of all pairs weigh the same:
    weights by the rms of the fits would let two images cut from the same data, whose difference has
    no noise, override all others, while it is the visible step that has to vanish. Outliers are the
    fits' affair.

    Differences leave one plane (one level) of each connected group free. It is chosen so that the
    mean slope and the mean level of the corrections, over the area of the group's images, are zero.
    (The best plane through the corrections would take the levels of the sky, which differ much from
    exposure to exposure, for a slope of the mosaic.) With `reference` it is that image's own
    correction that is zero.

    A slope of an image is held where its error at the image's edge would be larger than the noise
    of a single pixel, the neighbours being taken as they are: that of an image that hangs on a
    strip of a dozen pixels. What such a slope differs from the mean of its group's other images is
    multiplied by its information over the information at that limit, and the image turns about the
    middle of its overlaps. All other images and slopes are exactly the least squares solution.

    The order of images and pairs, and which image of a pair is first, change not one bit of the
    result as long as no two images have the same centre: the work is done in an order of its own.
    The time grows a little faster than the number of images: 0.03 s for 1,000, 0.7 s for 10,000.
    The model is that of Montage (Jacob et al. 2009, doi:10.1504/IJCSE.2009.026999), whose mBgModel
    iterates towards the same minimum.
    """
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    centers, sizes = (np.asarray(a, np.float64).reshape(-1, 2) for a in (centers, sizes))
    n, k = len(centers), 1 if order == 0 else 3
    scale = float(np.median(sizes)) / 2.0 if n else 1.0
    component = _components(pairs, n)
    sort = np.lexsort((centers[:, 1], centers[:, 0]))
    place = np.argsort(sort)
    system, pair_sort = _system(place[pairs], fits, centers[sort], scale, k)
    grid = _Layout(component[sort], centers[sort] / scale, np.maximum(sizes[sort], 1.0) / scale)

    solution = _solve(system, grid.component)
    held = np.zeros(n, bool)
    if order == 1 and len(pairs):
        slopes = _believed_slopes(system, grid.sizes)
        held = slopes.held
        solution = _turn(solution, slopes, grid.component)
    solution = _center(solution, grid, None if reference is None else int(place[reference]))

    mismatch = np.empty((2, len(pairs)))
    mismatch[:, pair_sort] = [_mismatch(system, s) for s in (np.zeros_like(solution), solution)]
    planes = np.zeros((n, 3))
    planes[:, 3 - k :] = solution[place]
    planes[:, :2] /= scale
    alone = np.bincount(pairs.ravel(), minlength=n) == 0
    return Corrections(planes, centers, component, alone, held[place], mismatch[0], mismatch[1])


def _components(pairs: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """The number of the connected group of each image, in the order of their first images."""
    graph = sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, labels = connected_components(graph, directed=False)
    _, first, group = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[group].astype(np.int64)


def _system(
    pairs: NDArray[np.int64], fits: Sequence[PlaneFit], centers: Floats, scale: float, k: int
) -> tuple[_System, NDArray[np.int64]]:
    """The pairs, the lower image first, sorted; and where each of them was."""
    about = np.array([(f.x_ref, f.y_ref) for f in fits]).reshape(-1, 2)
    difference = np.array([(f.a * scale, f.b * scale, f.c) for f in fits]).reshape(-1, 3)
    difference[pairs[:, 0] > pairs[:, 1]] *= -1.0
    moments = np.array([f.moments for f in fits]).reshape(-1, 3, 3)
    unit = np.ones((len(fits), 3))
    unit[:, :2] = np.array([f.scale for f in fits])[:, None] / scale
    moments = moments * unit[:, :, None] * unit[:, None, :]
    first, second = pairs.min(axis=1), pairs.max(axis=1)
    sort = np.lexsort((second, first))
    first, second, about = first[sort], second[sort], about[sort]
    system = _System(
        first,
        second,
        moments[sort, 3 - k :, 3 - k :],
        difference[sort, 3 - k :],
        _shift((about - centers[first]) / scale, k),
        _shift((about - centers[second]) / scale, k),
    )
    return system, sort


def _shift(offset: Floats, k: int) -> Floats:
    """(m, k, k) matrices that take planes about one point to the same planes at offset from it."""
    matrix = np.tile(np.eye(k), (len(offset), 1, 1))
    if k == 3:
        matrix[:, 2, :2] = offset
    return matrix


def _solve(system: _System, component: NDArray[np.int64]) -> Floats:
    """(n, k) least squares planes about the images' centres, one image of each group at zero."""
    n, k = len(component), system.difference.shape[1]
    if not len(system.first):
        return np.zeros((n, k))
    matrix, right = _normal_equations(system, n)
    diagonal = matrix.diagonal().reshape(n, k)
    diagonal = np.maximum(diagonal, 1e-6 * diagonal.mean())
    # The image with the most pixels in common: the farther from the edge, the fewer digits lost.
    by_pixels = np.lexsort((-diagonal[:, -1], component))
    fixed = by_pixels[np.unique(component[by_pixels], return_index=True)[1]]
    pins = np.zeros((n, k))
    pins[fixed] = diagonal[fixed]
    matrix = matrix + sparse.diags_array(pins.ravel())
    factors = splu(
        (matrix + sparse.diags_array(_RIDGE * diagonal.ravel())).tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    solution = factors.solve(right)
    for _ in range(_REFINEMENTS):
        solution += factors.solve(right - matrix @ solution)
    return solution.reshape(n, k)


def _normal_equations(system: _System, n: int) -> tuple[sparse.csr_array, Floats]:
    k = system.difference.shape[1]
    blocks, rows, columns = [], [], []
    right = np.zeros((n, k))
    sides = ((system.first, system.shift_first, 1.0), (system.second, system.shift_second, -1.0))
    for image, shift, sign in sides:
        turned = np.swapaxes(shift, 1, 2) @ system.moments
        np.add.at(right, image, -sign * (turned @ system.difference[:, :, None])[:, :, 0])
        for other, other_shift, other_sign in sides:
            blocks.append(sign * other_sign * (turned @ other_shift))
            rows.append(image)
            columns.append(other)
    row = np.concatenate(rows)[:, None, None] * k + np.arange(k)[None, :, None]
    column = np.concatenate(columns)[:, None, None] * k + np.arange(k)[None, None, :]
    values = np.concatenate(blocks)
    row, column = (np.broadcast_to(index, values.shape).ravel() for index in (row, column))
    matrix = sparse.coo_array((values.ravel(), (row, column)), shape=(n * k, n * k)).tocsr()
    return matrix, right.ravel()


def _center(solution: Floats, grid: _Layout, reference: int | None = None) -> Floats:
    """Take from each group the mean slope and level of its corrections, or the reference's."""
    k = solution.shape[1]
    area = grid.sizes.prod(axis=1)
    origin = _means(grid.component, area, grid.centers)
    shift = _shift(grid.centers - origin[grid.component], k)
    # About the mean centre a common slope adds nothing to the mean level.
    common = _means(grid.component, area, solution)
    if reference is not None:
        common[grid.component[reference]] = np.linalg.solve(shift[reference], solution[reference])
    centered: Floats = solution - (shift @ common[grid.component, :, None])[:, :, 0]
    return centered


def _means(component: NDArray[np.int64], area: Floats, values: Floats) -> Floats:
    """(groups, k) mean over the area of each group of values (n, k)."""
    groups = int(component.max()) + 1 if len(component) else 0
    total = np.bincount(component, area, groups)
    sums = [np.bincount(component, area * column, groups) for column in values.T]
    return np.stack(sums, axis=1) / total[:, None] if sums else np.zeros((groups, 0))


class _Slopes(NamedTuple):
    """How far the slopes of each image are believed."""

    #: (n,) True where one is not believed fully.
    held: NDArray[np.bool_]
    #: (n, 2, 2) takes the slopes to what is believed of them.
    believed: Floats
    #: (n, 2) middle of the image's overlaps, from its centre: what the level there is does not
    #: depend on the slopes.
    middle: Floats


def _believed_slopes(system: _System, sizes: Floats) -> _Slopes:
    """What each image's overlaps say about its slopes, the neighbours taken as they are."""
    own = np.zeros((len(sizes), 3, 3))
    for image, shift in (
        (system.first, system.shift_first),
        (system.second, system.shift_second),
    ):
        np.add.at(own, image, np.swapaxes(shift, 1, 2) @ system.moments @ shift)
    linked = own[:, 2, 2] > 0
    pixels = np.where(linked, own[:, 2, 2], 1.0)
    middle = own[:, :2, 2] / pixels[:, None]
    slopes = own[:, :2, :2] - pixels[:, None, None] * middle[:, :, None] * middle[:, None, :]
    information, direction = np.linalg.eigh(slopes)
    across = np.swapaxes(direction, 1, 2)
    reach = (np.abs(across) @ sizes[:, :, None] / 2.0)[:, :, 0]
    part = np.clip(information / reach**2, 0.0, 1.0)
    believed = direction @ (part[:, :, None] * across)
    return _Slopes(linked & (part < 1.0).any(axis=1), believed, middle)


def _turn(solution: Floats, slopes: _Slopes, component: NDArray[np.int64]) -> Floats:
    """Leave of each slope what is believed of it, turning the image about its overlaps."""
    held = slopes.held
    weights = np.where(held, 1e-6, 1.0)  # held ones count only where there are no others
    sums = np.stack([np.bincount(component, weights * s) for s in solution[:, :2].T], axis=1)
    usual = (sums / np.bincount(component, weights)[:, None])[component[held]]
    before, turned = solution[held, :2], solution.copy()
    turned[held, :2] = usual + (slopes.believed[held] @ (before - usual)[:, :, None])[:, :, 0]
    turned[held, 2] += ((before - turned[held, :2]) * slopes.middle[held]).sum(axis=1)
    return turned


def _mismatch(system: _System, solution: Floats) -> Floats:
    """(m,) rms over each pair's pixels of the plane by which the corrected images differ."""
    left = _corrected(system, solution)
    squares = np.einsum("mi,mij,mj->m", left, system.moments, left)
    rms: Floats = np.sqrt(np.maximum(squares, 0.0) / system.moments[:, -1, -1])
    return rms


def _corrected(system: _System, solution: Floats) -> Floats:
    """(m, k) planes of first minus second after the corrections, about the pairs' references."""
    first = (system.shift_first @ solution[system.first][:, :, None])[:, :, 0]
    second = (system.shift_second @ solution[system.second][:, :, None])[:, :, 0]
    corrected: Floats = system.difference + first - second
    return corrected
