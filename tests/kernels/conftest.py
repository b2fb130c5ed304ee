from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Several tests share `skies` and `fields`.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def no_share_too_small() -> Iterator[None]:
    """Few particles, too, are shared out among all threads."""
    from hven.kernels.percolation import threads

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "_LEAST_SHARE", 1)
        yield
