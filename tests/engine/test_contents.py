"""What a process remembers of products' files."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sample_steps import spread_out

from hven.engine import Inline, Run, Store


def test_threads_that_read_at_once_find_every_product_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Run(Inline(), Store(tmp_path / "store"), tmp_path / "out") as run:
        keys = [product.key for product in run.map(spread_out, range(40))]
    # Room for two and a half of them: files are mapped and forgotten all the time.
    monkeypatch.setattr("hven.engine.contents._MOST_MAPPED", 20_000)
    store = Store(tmp_path / "store")
    # Threads take turns a thousand times as often as usual.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)

    def read(turn: int) -> list[str]:
        readings = [store.read(key) for key in keys[turn % 3 :] * 5]
        return [reading.fault for reading in readings if reading.fault]

    try:
        with ThreadPoolExecutor(8) as pool:
            found = [fault for faults in pool.map(read, range(32)) for fault in faults]
    finally:
        sys.setswitchinterval(interval)
    assert found == []
    assert np.all(store.load(keys[7]) == 7)
