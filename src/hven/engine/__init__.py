"""Steps whose results are kept, and the executors that run them: the only door to Dask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hven.engine.events import Event
from hven.engine.executors import Executor
from hven.engine.executors.inline import Inline
from hven.engine.executors.local import Local
from hven.engine.product import Product
from hven.engine.run import Run
from hven.engine.step import Step, step
from hven.engine.store import Store
from hven.engine.worker import check, draft_folder

if TYPE_CHECKING:
    from hven.engine.executors.dask import Dask

__all__ = [
    "Dask",
    "Event",
    "Executor",
    "Inline",
    "Local",
    "Product",
    "Run",
    "Step",
    "Store",
    "check",
    "draft_folder",
    "step",
]


def __getattr__(name: str) -> Any:
    if name == "Dask":
        # Importing Dask takes a second that most runs do not need.
        from hven.engine.executors.dask import Dask

        return Dask
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
