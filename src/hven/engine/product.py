"""Products: the results of step calls, known by their keys before they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from hven.engine.schedule import Schedule
    from hven.engine.tasks import Task

T = TypeVar("T")


class Kept:
    """Something that lies in the store, or will; all a worker needs to know of a product."""

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        #: 64 hexadecimal digits.
        self.key = key

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key[:12]}>"


class Product(Kept, Generic[T]):
    """The result of one step call, known by its key before it is made.

    Given as an argument of another step, also inside a list, a dict or a record, it stands for its
    value: that step starts when this one is done, and loads the value where it runs.
    """

    __slots__ = ("_schedule", "_task")

    def __init__(self, key: str, task: Task, schedule: Schedule) -> None:
        super().__init__(key)
        self._task = task
        self._schedule = schedule

    def __reduce__(self) -> tuple[type[Kept], tuple[str]]:
        # A worker finds the value in the store; it needs nothing but the key.
        return Kept, (self.key,)

    @property
    def done(self) -> bool:
        """Whether it has been made, or has failed."""
        return self._task.finished

    def load(self) -> T:
        """The value, waited for.

        Raises
        ------
        UserError
            The step found a fault of the user's.
        StepError
            The step failed; the message names it, its arguments and its input file.
        CancelledError
            The run was asked to stop.

        Notes
        -----
        Large arrays are read-only views of files in the store.
        """
        value: T = self._schedule.load(self._task)
        return value

    def load_fields(self, *names: str) -> tuple[Any, ...]:
        """Some fields of a value that is a record, as `load`; files of the others are not read."""
        found: tuple[Any, ...] = self._schedule.load(self._task, names)
        return found


def replace_products(value: Any, load: Callable[[Kept], Any]) -> Any:
    """The value with every product in it, at any depth, replaced by what `load` gives for it."""
    if isinstance(value, Kept):
        return load(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(replace_products(item, load) for item in value))
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(replace_products(item, load) for item in value)
    if isinstance(value, dict):
        return {key: replace_products(item, load) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return _replace_in_record(value, load)
    return value


def _replace_in_record(value: Any, load: Callable[[Kept], Any]) -> Any:
    old = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
    new = {name: replace_products(item, load) for name, item in old.items()}
    if all(new[name] is old[name] for name in old):
        return value
    return replace(value, **new)
