"""The example of finding groups: particles made of nothing but numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Each clump is made of so many smaller ones by this factor; the largest have this radius, Mpc.
_FAMILY, _SHRINK, _LARGEST_RADIUS = 5, 2.6, 8.0
_FILE, _SIDE, _CLUMPS, _GENERATIONS = "example-particles.csv", 100.0, 30, 4

EXAMPLE_VALUES: dict[str, str | list[str]] = {
    "particles": [_FILE],
    "box": [f"{_SIDE:g}"],
    "linking_length": ["0.2"],
}
EXAMPLE_HELP = "Clumps within clumps in a periodic box of 100 Mpc: each becomes a group."
EXAMPLE_PICTURE = Path(__file__).with_name("example.webp")


def make_clumps(
    rng: np.random.Generator, side: float, clumps: int, generations: int
) -> NDArray[np.float64]:
    """Particles (n, 3) in a periodic box: clumps within clumps, and a fourth as many at random.

    As in Soneira & Peebles 1978 (AJ 83, 845, doi:10.1086/112254): spheres, each with smaller
    spheres in it, so many times; the centres of the smallest are the particles.
    """
    import numpy as np

    centers = rng.uniform(0.0, side, (clumps, 3))
    radius = _LARGEST_RADIUS
    for _ in range(generations):
        directions = rng.normal(size=(len(centers) * _FAMILY, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        reach = radius * np.cbrt(rng.uniform(0.0, 1.0, (len(directions), 1)))
        centers = np.repeat(centers, _FAMILY, axis=0) + directions * reach
        radius /= _SHRINK
    background = rng.uniform(0.0, side, (len(centers) // 4, 3))
    return np.asarray(np.mod(np.concatenate([centers, background]), side))


def make_example(folder: Path) -> None:
    """Write the particles of the example."""
    import numpy as np

    # The year in which Tycho's observatory on Hven was begun.
    particles = make_clumps(np.random.default_rng(1576), _SIDE, _CLUMPS, _GENERATIONS)
    lines = ["x,y,z", *(",".join(f"{x:.4f}" for x in row) for row in particles)]
    (folder / _FILE).write_text("\n".join(lines) + "\n")
