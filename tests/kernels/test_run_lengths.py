"""Run lengths: nothing of a plane is lost, and any cut of it is that of the plane."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hven.kernels.run_lengths import RunLengths, run_lengths


def _covered(dtype: str = "float32") -> NDArray[np.floating]:
    """An area as projection gives it: 1 inside, fractions along a slanted edge, 0 outside."""
    y, x = np.mgrid[:60, :80]
    return np.clip(70.3 - x - 0.1 * y, 0.0, 1.0).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_plane_comes_back_bit_by_bit(dtype: str) -> None:
    plane = _covered(dtype)
    plane[5, 3:9] = np.nan
    plane[6, 3:9] = -0.0
    kept = run_lengths(plane)
    assert isinstance(kept, RunLengths)
    assert kept.shape == plane.shape
    assert kept.dtype == plane.dtype
    assert np.asarray(kept).tobytes() == plane.tobytes()


@given(
    st.slices(60).filter(lambda rows: rows.step is None or rows.step > 0),
    st.slices(80).filter(lambda columns: columns.step in (None, 1)),
)
def test_any_cut_is_that_of_the_plane(rows: slice, columns: slice) -> None:
    plane = _covered()
    kept = run_lengths(plane)
    np.testing.assert_array_equal(kept[rows], plane[rows])
    np.testing.assert_array_equal(kept[rows, columns], plane[rows, columns])


def test_a_run_goes_on_over_the_ends_of_rows() -> None:
    kept = run_lengths(np.ones((30, 40), np.float32))
    assert isinstance(kept, RunLengths)
    assert kept.ends.tolist() == [1200]
    assert kept.values.tolist() == [1.0]


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (1, 1)])
def test_a_plane_of_no_use_stays_as_it_is(shape: tuple[int, int]) -> None:
    plane = np.ones(shape, np.float32)
    assert run_lengths(plane) is plane


def test_a_plane_without_runs_stays_as_it_is() -> None:
    plane = np.random.default_rng(1).random((20, 30))
    assert run_lengths(plane) is plane
