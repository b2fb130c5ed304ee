"""Images on a raster that overlap, with planes of their own; shared by the background's tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hven.kernels.background import Corrections, solve_background
from hven.kernels.plane import PlaneFit

Floats = NDArray[np.float64]


def rectangle_fit(box: tuple[float, float, float, float], a: float, b: float, c: float) -> PlaneFit:
    """The fit of a plane with level c in the middle of a rectangle x_min, y_min, x_max, y_max."""
    x_min, y_min, x_max, y_max = box
    width, height = x_max - x_min, y_max - y_min
    n = width * height
    x, y, scale = (x_min + x_max) / 2, (y_min + y_max) / 2, max(width, height) / 2
    moments = np.diag([n * width**2 / 12 / scale**2, n * height**2 / 12 / scale**2, n])
    limits = (round(x_min), round(x_max), round(y_min), round(y_max))
    return PlaneFit(a, b, c, x, y, int(n), 0.0, moments, scale, *limits, (x, y, width, height, 0.0))


def scaled(fit: PlaneFit, factor: float) -> PlaneFit:
    return fit._replace(a=factor * fit.a, b=factor * fit.b, c=factor * fit.c)


class Field:
    """Images on a rectangular raster that overlap, with planes of their own and noisy fits."""

    def __init__(
        self,
        columns: int,
        rows: int,
        *,
        noise: float = 0.0,
        overlap: float = 12.0,
        slope: float = 0.02,
        seed: int = 1,
    ) -> None:
        rng = np.random.default_rng(seed)
        n = columns * rows
        self.sizes = np.tile([100.0, 80.0], (n, 1))
        steps = self.sizes[0] - overlap
        self.centers = np.array(
            [(i * steps[0], j * steps[1]) for j in range(rows) for i in range(columns)]
        )
        self.centers += rng.uniform(-2, 2, (n, 2))
        self.planes = np.column_stack(
            [rng.uniform(-slope, slope, (n, 2)), rng.uniform(100, 600, n)]
        )
        low, high = self.centers - self.sizes / 2, self.centers + self.sizes / 2
        self.pairs, self.fits = [], []
        for i in range(n):
            for j in range(i + 1, n):
                box = (*np.maximum(low[i], low[j]), *np.minimum(high[i], high[j]))
                if box[0] < box[2] - 1 and box[1] < box[3] - 1:
                    plane = self.at(i, self.middle(box)) - self.at(j, self.middle(box))
                    fit = rectangle_fit(box, *plane)
                    # Standard errors of the coefficients: the inverse of the diagonal moments.
                    errors = noise / np.sqrt(np.diag(fit.moments)) / ([fit.scale, fit.scale, 1])
                    a, b, c = plane + errors * rng.normal(size=3)
                    self.fits.append(fit._replace(a=a, b=b, c=c))
                    self.pairs.append((i, j))

    @staticmethod
    def middle(box: tuple[float, ...]) -> Floats:
        return np.array([box[0] + box[2], box[1] + box[3]]) / 2

    def at(self, image: int, point: Floats) -> Floats:
        """The plane of an image with its level at a point."""
        a, b, c = self.planes[image]
        return np.array([a, b, c + np.dot((a, b), point - self.centers[image])])

    def solve(self, **options: object) -> Corrections:
        return solve_background(self.pairs, self.fits, self.centers, self.sizes, **options)  # type: ignore[arg-type]


def values_at(planes: Floats, centers: Floats, x: float, y: float) -> Floats:
    """The value of each image's plane at one point."""
    value: Floats = (
        planes[:, 2] + planes[:, 0] * (x - centers[:, 0]) + planes[:, 1] * (y - centers[:, 1])
    )
    return value
