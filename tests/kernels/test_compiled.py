"""Machine code that is kept must be that of the sources there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hven.kernels import compiled
from hven.kernels.coverage import finish


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
