from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hven.engine import Executor, Inline, Local, Run, Store

# Workers import the sample steps by name.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """Where steps note that they ran."""
    return tmp_path / "marks"


@pytest.fixture(scope="session")
def dask() -> Iterator[Executor]:
    from hven.engine import Dask

    with Dask(workers=2) as executor:
        yield executor


@pytest.fixture(params=["inline", "local", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "inline":
        yield Inline()
    elif request.param == "local":
        yield Local(workers=2)
    else:
        yield request.getfixturevalue("dask")


@pytest.fixture(params=["local", "dask"])
def killing_executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """One whose workers can be killed."""
    if request.param == "local":
        yield Local(workers=2)
    else:
        yield request.getfixturevalue("dask")


@pytest.fixture
def run(executor: Executor, store: Store, tmp_path: Path) -> Iterator[Run]:
    with Run(executor, store, tmp_path / "out") as made:
        yield made
