"""From what a caller names to where a run works: executor and store."""

from __future__ import annotations

from pathlib import Path

from hven.engine import Executor, Inline, Local, Store
from hven.errors import Fault, ParameterError

_EXECUTORS = "inline, local, dask or dask:ADDRESS"


def executor_of(named: Executor | str | None, workers: int | None = None) -> Executor:
    """The executor that is named.

    Parameters
    ----------
    named
        An executor, or `inline`, `local`, `dask` or `dask:tcp://host:port`; None is `local`.
    workers
        How many processes; None leaves it to the executor.

    Raises
    ------
    ParameterError
        There is none of that name, or `workers` cannot be had with it.
    """
    if not isinstance(named, str | None):
        return named
    kind, _, address = (named or "local").partition(":")
    if workers is not None and workers < 1:
        raise ParameterError([Fault("workers", f"must be at least 1, got {workers}")])
    if kind == "local" and not address:
        return Local(workers=workers)
    if kind == "inline" and not address:
        if workers not in (None, 1):
            raise ParameterError([Fault("workers", f"must be 1 with inline, got {workers}")])
        return Inline()
    if kind == "dask":
        return _dask(address or None, workers)
    raise ParameterError([Fault("executor", f"must be {_EXECUTORS}, got '{named}'")])


def _dask(address: str | None, workers: int | None) -> Executor:
    try:
        from hven.engine import Dask
    except ImportError as error:
        fault = Fault("executor", "must be another than dask, or: pip install 'hven[cluster]'")
        raise ParameterError([fault]) from error
    executor: Executor = Dask(address=address, workers=workers)
    return executor


def store_of(named: Store | str | Path | None) -> Store:
    """The store that is named by a folder or an fsspec URL; None is the user's own."""
    if named is None:
        return Store.default()
    return named if isinstance(named, Store) else Store(named)
