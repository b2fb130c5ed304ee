"""What the engine's benchmark has done: plain functions, and the same as steps."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.engine import step


class Pair(NamedTuple):
    """What the projection of an image gives."""

    image: NDArray[np.float32]
    area: NDArray[np.float32]


def compute(seconds: float) -> None:
    """Use the processor for so long."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def bare_step(number: int, seconds: float) -> int:
    compute(seconds)
    return number


def bare_batch(numbers: list[int], seconds: float) -> list[int]:
    return [bare_step(number, seconds) for number in numbers]


@step(version=1)
def kept_step(number: int, seconds: float) -> int:
    """Compute for a while."""
    compute(seconds)
    return number


@step(version=1)
def make_pair(number: int, seconds: float) -> Pair:
    """Two arrays of 2.5 MB."""
    compute(seconds)
    return Pair(np.full((600, 1040), number, np.float32), np.ones((600, 1040), np.float32))


@step(version=1)
def compare_pairs(first: Pair, second: Pair, seconds: float) -> float:
    """Read two products."""
    compute(seconds)
    return float(first.image[300, 520] - second.image[300, 520])


@step(version=1)
def add_pairs(pairs: list[Pair], row: int) -> NDArray[np.float32]:
    """Read all products."""
    rows = slice(75 * row, 75 * (row + 1))
    total: NDArray[np.float32] = np.sum([pair.image[rows] for pair in pairs], axis=0)
    return total
