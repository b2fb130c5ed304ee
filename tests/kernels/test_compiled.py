"""Kept machine code is that of the sources there are, and rounds as newly made code does."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from numba.core.dispatcher import Dispatcher

import hven.kernels
from hven.kernels import compiled, loading
from hven.kernels.coverage import finish
from hven.kernels.percolation import friends_of_friends, group_properties, order_groups

#: Prints a digest of an image on a curved map, in float64 so that every last bit shows.
PROJECT = """
import hashlib, numpy as np
from hven.kernels.overlap import project
from hven.kernels.pixel_map import build_pixel_map

image = np.random.default_rng(1).standard_normal((64, 64)).astype(np.float32)
bent = build_pixel_map(lambda x, y: (x + 1e-4 * x * y, y + 2e-4 * x * x), image.shape)
assert len(bent.curved)
result = project(image, bent, dtype=np.float64)
print(hashlib.sha256(result.image.tobytes() + result.area.tobytes()).hexdigest())
"""


def test_kept_code_carries_the_stamp_of_all_kernels() -> None:
    finish(np.zeros(8), np.zeros(8), np.zeros((2, 1)), np.zeros((2, 1)), 0.5)
    (name,) = {
        path.name
        for path in Path(finish.stats.cache_path).glob("coverage.finish-*.nbi")
        if compiled._STAMP.encode() in path.read_bytes()
    }
    assert name


def test_the_stamp_changes_with_any_kernel_file(tmp_path: Path) -> None:
    for name in ("edges.py", "coverage.py"):
        (tmp_path / name).write_text("1")
    stamps = {compiled._stamp(tmp_path)}
    for name in ("edges.py", "coverage.py"):
        (tmp_path / name).write_text("2")
        stamps.add(compiled._stamp(tmp_path))
    assert len(stamps) == 3


def test_code_just_compiled_and_code_kept_give_the_same_bits(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", PROJECT]
    first, kept = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert first == kept


def test_what_a_kernel_calls_is_part_of_its_own_code() -> None:
    called = {
        (name, callee.__name__)
        for name, kernel in _kernels().items()
        for callee in inspect.getclosurevars(kernel.py_func).globals.values()
        if isinstance(callee, Dispatcher) and not callee.targetoptions.get("forceinline")
    }
    assert not called


def _kernels() -> dict[str, Dispatcher]:
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(hven.kernels.__path__, "hven.kernels.")
        if not found.name.endswith(".gpu")  # Compiled for another machine, by another compiler.
    ]
    kernels = {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Dispatcher)
    }
    assert "hven.kernels.coverage.add_cells" in kernels
    return kernels


def test_particles_that_a_store_kept_need_no_code_of_their_own() -> None:
    loading.load_percolation_kernels()
    kernels = list(_kernels().values())
    before = [len(kernel.signatures) for kernel in kernels]
    points = np.random.default_rng(1).random((100, 3))
    points.flags.writeable = False
    labels = friends_of_friends(points, 0.1, box=[1.0] * 3)
    labels.flags.writeable = False
    group_properties(labels, points, box=[1.0] * 3, masses=points[:, 0], velocities=points)
    order_groups(labels, points)
    assert [len(kernel.signatures) for kernel in kernels] == before
