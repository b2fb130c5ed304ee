"""Pieces of a mosaic: their full area, and what of them lies in a window."""

from __future__ import annotations

import numpy as np
import pytest

from hven.errors import ParameterError
from hven.kernels.pieces import Piece, depth, parts, typical_area


def flat(nx: int, ny: int, x0: int, y0: int) -> Piece:
    return np.ones((ny, nx), np.float32), np.ones((ny, nx), np.float32), x0, y0


def test_the_typical_area_is_the_median_of_what_is_covered() -> None:
    area = np.full((300, 40), 2.0)
    area[:, :5], area[:, 5], area[7] = 0.0, 0.1, 50.0
    assert typical_area(area) == 2.0
    assert typical_area(np.zeros((3, 3))) == 0.0
    assert typical_area(np.empty((0, 0))) == 0.0


def test_a_window_gets_the_rows_and_columns_that_it_needs() -> None:
    piece = flat(20, 10, 100, 50)
    (part,) = parts([piece, flat(5, 5, 0, 0)], (95, 53, 110, 55), min_area=0.5, full_areas=[3, 3])
    assert part.image.shape == (2, 20)
    assert (part.begin, part.end, part.x, part.y, part.row) == (0, 10, 5, 0, 3)
    assert part.least_area == 1.5


def test_a_plane_is_told_from_the_piece_s_first_element() -> None:
    planes, centers = np.array([[0.5, -1.0, 7.0]]), np.array([[110.0, 55.0]])
    for window in ((100, 50, 120, 60), (113, 58, 115, 59)):
        (part,) = parts([flat(20, 10, 100, 50)], window, planes, centers)
        assert part.plane == (0.5, -1.0, 7.0 - 5.0 + 5.0)


def test_planes_without_centers_are_refused() -> None:
    with pytest.raises(ParameterError, match="centers: must be given with planes"):
        list(parts([flat(2, 2, 0, 0)], (0, 0, 2, 2), np.zeros((1, 3))))


def test_rows_come_in_the_machine_s_byte_order_and_precision() -> None:
    for kind, expected in ((">f4", "f4"), (">f8", "f8"), ("<f4", "f4"), (">i2", "f8")):
        image = np.arange(6).reshape(2, 3).astype(kind)
        (part,) = parts([(image, np.ones((2, 3), kind), 0, 0)], (0, 0, 3, 2))
        assert part.image.dtype == np.dtype(expected)
        assert part.image.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_depth_is_that_of_the_deepest_pixel() -> None:
    rng = np.random.default_rng(1)
    pieces = [
        flat(*rng.integers(1, 20, 2).tolist(), *rng.integers(-5, 30, 2).tolist()) for _ in range(30)
    ]
    x_min, y_min, x_max, y_max = window = (2, 3, 33, 28)
    count = np.zeros((60, 60), int)
    for image, _, x0, y0 in pieces:
        count[y0 + 5 : y0 + 5 + image.shape[0], x0 + 5 : x0 + 5 + image.shape[1]] += 1
    assert depth(pieces, window) == count[y_min + 5 : y_max + 5, x_min + 5 : x_max + 5].max()
    assert depth([], window) == 0
