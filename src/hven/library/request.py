"""A whole request found right, or refused with all its faults at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hven.declare import Application
from hven.engine import Executor, Store
from hven.errors import Fault, InputError, ParameterError, UserError
from hven.library.files import parse
from hven.library.places import executor_of, store_of

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """Which application, with what, and where it works."""

    application: Application
    #: All of the parameters, checked.
    values: Mapping[str, Any]
    #: Where the outputs go; it exists.
    folder: Path
    executor: Executor
    store: Store


def prepare(
    application: Application,
    given: Mapping[str, Any],
    *,
    folder: Callable[[], Path],
    executor: Executor | str | None = None,
    workers: int | None = None,
    store: Store | str | Path | None = None,
    faults: Iterable[Fault] = (),
) -> Request:
    """Check everything a caller asks for.

    Parameters
    ----------
    application
        Which one.
    given
        Its parameters, as texts or values; only those given.
    folder
        Makes the output folder; called last, so that a wrong request leaves none behind.
    executor, workers, store
        As `executor_of` and `store_of` take them.
    faults
        What the caller has found wrong already.

    Raises
    ------
    ParameterError
        With all faults, those of input files among them.
    InputError
        Nothing else is wrong than input files.
    """
    wrong = list(faults)
    kinds: set[type[UserError]] = {ParameterError} if wrong else set()

    def tried(make: Callable[[], T]) -> T | None:
        try:
            return make()
        except UserError as error:
            wrong.extend(error.faults)
            kinds.add(type(error))
            return None

    values = tried(lambda: parse(application, given))
    where = tried(lambda: executor_of(executor, workers))
    if wrong or values is None or where is None:
        raise (InputError if kinds == {InputError} else ParameterError)(wrong)
    return Request(application, values, folder(), where, store_of(store))
