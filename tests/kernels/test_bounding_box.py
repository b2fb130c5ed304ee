"""The smallest rectangle around an image's pixels: by hand and against all directions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from hven.kernels.bounding_box import outline, smallest_box


def image_of(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(mask, 1.0, np.nan)


def test_the_outline_is_the_first_and_last_pixel_of_each_row() -> None:
    image = image_of(np.array([[0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0]], bool))
    assert outline(image).tolist() == [[1, 3, 2], [4, -1, 0], [0, 2, 3]]


def test_an_upright_rectangle_is_its_own_box() -> None:
    mask = np.zeros((20, 30), bool)
    mask[3:11, 5:26] = True
    assert smallest_box(outline(image_of(mask))) == pytest.approx((15.0, 6.5, 20.0, 7.0, 0.0))


def test_one_pixel_is_a_box_without_size() -> None:
    mask = np.zeros((5, 5), bool)
    mask[2, 3] = True
    assert smallest_box(outline(image_of(mask)))[:4] == pytest.approx((3.0, 2.0, 0.0, 0.0))


@pytest.mark.parametrize("seed", range(8))
def test_no_direction_has_a_smaller_box_and_none_of_the_pixels_lies_outside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((40, 50)) < 0.004 * (seed + 1)
    mask[rng.integers(40, size=3), rng.integers(50, size=3)] = True
    y, x = np.nonzero(mask)
    x_middle, y_middle, width, height, degrees = smallest_box(outline(image_of(mask)))
    angle = math.radians(degrees)
    along = (x - x_middle) * math.cos(angle) + (y - y_middle) * math.sin(angle)
    across = (y - y_middle) * math.cos(angle) - (x - x_middle) * math.sin(angle)
    assert abs(along).max() == pytest.approx(width / 2)
    assert abs(across).max() == pytest.approx(height / 2)
    for other in np.radians(np.arange(0, 90, 0.25)):
        u = x * math.cos(other) + y * math.sin(other)
        v = y * math.cos(other) - x * math.sin(other)
        assert width * height <= np.ptp(u) * np.ptp(v) * (1 + 1e-9)
