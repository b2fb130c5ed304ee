"""What runs on a GPU, run by numba's simulator of one, thread by thread."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import cuda

from hven.errors import ParameterError
from hven.kernels.percolation import friends_of_friends

#: Compares groups of small sets, in a process of its own since numba decides when it is loaded.
COMPARE = """
import itertools
import numpy as np
from hven.kernels.percolation import friends_of_friends

rng = np.random.default_rng(1)
sets = [rng.random((40, 3)), rng.random((40, 2)).astype(np.float32)]
sets.append(np.repeat(rng.random((3, 3)), 8, 0))
lattice = np.stack(np.meshgrid(*[np.arange(3) * 0.125] * 3), -1).reshape(-1, 3)
count = 0
for points, periodic in itertools.product([*sets, lattice], (False, True)):
    box = [1.0] * points.shape[1] if periodic else None
    for length in (0.05, 0.125, 0.2):
        expected = friends_of_friends(points, length, box=box, method="brute")
        for method in ("gpu-grid", "gpu-brute"):
            found = friends_of_friends(points, length, box=box, method=method)
            assert found.tolist() == expected.tolist(), (method, length, periodic)
            count += 1
print(count)
"""


def test_a_gpu_finds_the_same_groups() -> None:
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    result = subprocess.run(
        [sys.executable, "-c", COMPARE], env=environment, capture_output=True, text=True
    )
    assert result.stdout.strip() == "48", result.stderr


@pytest.mark.parametrize("method", ["gpu-grid", "gpu-brute"])
def test_without_a_gpu_it_says_so(method: str) -> None:
    if cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ParameterError, match=f"method: {method} must have an NVIDIA GPU"):
        friends_of_friends(np.zeros((2, 3)), 1.0, method=method)  # type: ignore[arg-type]
