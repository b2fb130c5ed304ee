"""Friends of friends: every method against the definition, scipy and published groups."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import particles
import pytest

from hven.errors import ParameterError
from hven.kernels.percolation import Method, friends_of_friends

METHODS: tuple[Method, ...] = ("grid", "tree", "brute")


@pytest.mark.parametrize("method", METHODS)
def test_a_chain_across_a_face_is_one_group_only_in_a_periodic_box(method: Method) -> None:
    chain = np.array([[0.05, 0.5], [0.5, 0.5], [0.95, 0.5], [0.85, 0.5]])
    open_box = friends_of_friends(chain, 0.11, method=method)
    periodic = friends_of_friends(chain, 0.11, box=[1.0, 1.0], method=method)
    other = friends_of_friends(chain, 0.11, box=[0.0, 1.0], method=method)
    assert open_box.tolist() == other.tolist() == [0, 1, 2, 2]
    assert periodic.tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("box", [None, 1.0])
def test_groups_are_those_of_scipys_tree(
    method: Method, dimensions: int, box: float | None
) -> None:
    sides = None if box is None else [box] * dimensions
    for made in (particles.uniform, particles.clustered):
        for linking_length in (0.001, 0.02, 0.1, 0.3):
            positions = made(1, 2000, dimensions)
            found = friends_of_friends(positions, linking_length, box=sides, method=method)
            expected = particles.by_scipy(positions, linking_length, sides)
            assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("method", ["grid", "tree"])
def test_groups_of_a_simulation_are_as_published(method: Method, shared_data: Path) -> None:
    folder = shared_data / "fof" / "cosmo32768"
    positions = np.fromfile(folder / "cosmo32768.dat", np.uint16).reshape(-1, 3) / 65536.0
    published = json.loads((folder / "expected.json").read_text())
    for box, name in ((None, "n_groups_isolated"), ([1.0] * 3, "n_groups_periodic")):
        found = {
            length: int(friends_of_friends(positions, float(length), box=box, method=method).max())
            + 1
            for length in published[name]
        }
        assert found == published[name]


def test_every_fault_of_the_arguments_is_told_at_once() -> None:
    positions = np.array([[0.0, 2.0], [np.nan, 0.0]])
    with pytest.raises(ParameterError) as caught:
        friends_of_friends(positions, 0.0, box=[1.0, 1.0], threads=0)
    assert [fault.name for fault in caught.value.faults] == [
        "linking_length",
        "threads",
        "positions",
        "positions",
    ]
