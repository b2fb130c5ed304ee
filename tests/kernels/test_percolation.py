"""Friends of friends: every method against the definition, scipy and published groups."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import particles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from particles import Floats

from hven.errors import ParameterError
from hven.kernels.percolation import Method, friends_of_friends

METHODS: tuple[Method, ...] = ("grid", "tree", "brute")
#: Cells are used from 7 linking lengths a box on.
LENGTHS = (0.001, 0.02, 0.1, 0.3)
#: Few particles are given to all threads.
pytestmark = pytest.mark.usefixtures("no_share_too_small")


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
        for linking_length in LENGTHS:
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


@pytest.mark.parametrize("method", METHODS)
def test_controlled_groups_do_not_depend_on_which_particle_is_met_first(method: Method) -> None:
    """Equivalents of the two inputs published with the first portal, linking length 1.7.

    Codes that go through the particles once and look only ahead found 4 to 5 groups in the second.
    """
    rng = np.random.default_rng(3)
    steps = np.array([[1.6, 0.0, 0.0], [0.0, 1.6, 0.0], [0.0, 0.0, 1.6]])
    path = np.cumsum(steps[rng.integers(0, 3, 50)], axis=0)
    four = np.concatenate([path[:20], path[20:33] + 9, path[33:46] + 18, [[-9.0, -9.0, -9.0]]])
    for _ in range(5):
        shuffled = rng.permutation(four)
        assert len(shuffled) == 47
        assert friends_of_friends(shuffled, 1.7, method=method).max() == 3
        assert friends_of_friends(rng.permutation(path), 1.7, method=method).max() == 0


@pytest.mark.parametrize(
    ("n", "linking_length"), [(2000, 0.05), (2000, 0.07), (5000, 0.04)], ids=str
)
def test_uniform_particles_percolate_as_scipy_says_where_first_codes_did_not(
    n: int, linking_length: float
) -> None:
    positions = particles.uniform(7, n).astype(np.float32)
    expected = particles.by_scipy(positions, linking_length)
    for method, threads in itertools.product(METHODS, (1, 2, 4, 16)):
        found = friends_of_friends(positions, linking_length, method=method, threads=threads)
        assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("method", METHODS)
def test_a_lattice_at_exactly_the_linking_length_is_one_group(method: Method) -> None:
    lattice = np.stack(np.meshgrid(*[np.arange(9) * 0.25] * 3), axis=-1).reshape(-1, 3)
    below = float(np.nextafter(0.25, 0))
    assert friends_of_friends(lattice, 0.25, method=method).max() == 0
    assert friends_of_friends(lattice, below, method=method).max() == 9**3 - 1
    box = [2.5, 0.0, 0.0]
    assert friends_of_friends(lattice, below, box=box, method=method).max() == 9**3 - 1
    # The last layer is 0.5 from the first one around the box of 2.5.
    two = lattice[np.isin(lattice[:, 0], [0.0, 2.0])]
    around = friends_of_friends(two, 0.5, box=box, method=method)
    assert around.max() == 0
    assert friends_of_friends(two, 0.49, box=box, method=method).max() == 1


@pytest.mark.parametrize("method", ["grid", "tree"])
@pytest.mark.parametrize("step", [0.1, 1 / 3, 0.7])
def test_ties_that_rounding_decides_are_decided_alike(method: Method, step: float) -> None:
    """Multiples of 0.1 are sometimes a last bit more than 0.1 apart."""
    lattice = np.stack(np.meshgrid(*[np.arange(8) * step] * 3), axis=-1).reshape(-1, 3)
    for linking_length in (step, step * 2**0.5, step * 3**0.5):
        for box in (None, [8 * step] * 3):
            found = friends_of_friends(lattice, linking_length, box=box, method=method)
            expected = particles.by_comparing(lattice, linking_length, box)
            assert found.tolist() == expected.tolist()


@st.composite
def sets(draw: st.DrawFn) -> tuple[Floats, float, list[float] | None]:
    """A few particles on a coarse lattice, so that there are ties, duplicates and faces."""
    dimensions = draw(st.sampled_from([2, 3]))
    cells = draw(st.sampled_from([4, 16, 64]))
    places = st.lists(
        st.lists(st.integers(0, cells - 1), min_size=dimensions, max_size=dimensions), max_size=30
    )
    unit = draw(st.sampled_from([1.0, 0.1, 1e-3, 1e6]))
    positions = np.array(draw(places), np.float64).reshape(-1, dimensions) * unit
    linking_length = unit * draw(st.sampled_from([0.5, 1.0, 2**0.5, 2.0, 3.0, 40.0]))
    box = draw(st.sampled_from([None, 1, 0, 2]))
    sides = None if box is None else [cells * unit] * dimensions
    if sides is not None and box == 0:
        sides[0] = 0.0
    if sides is not None and box == 2:
        sides[-1] = 1.5 * cells * unit
    return positions, linking_length, sides


@settings(max_examples=150, deadline=None, derandomize=True)
@given(sets())
def test_small_sets_have_the_groups_of_the_definition(
    case: tuple[Floats, float, list[float] | None],
) -> None:
    positions, linking_length, box = case
    expected = particles.by_comparing(positions, linking_length, box).tolist()
    for method, threads in (("grid", 1), ("grid", 2), ("tree", 1), ("brute", 2)):
        found = friends_of_friends(
            positions, linking_length, box=box, method=method, threads=threads
        )
        assert found.tolist() == expected


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
